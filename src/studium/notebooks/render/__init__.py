"""A notebook as one static page: no script, nothing from elsewhere, safe to show to anyone.

Made in a bounded process from bytes that may be hostile. The page is still served from an origin of its own under a policy
that allows its own style and images within it, nothing else; the sanitising and that policy each hold without the other.
"""

from pathlib import Path

from studium.lib.units import MIB
from studium.notebooks.bounded import Bounds, OutOfBounds, run_bounded

# Raised whenever pages come to look otherwise: those of another number are made anew, and shown until that is done.
RENDERER = 1
BOUNDS = Bounds(memory_bytes=2048 * MIB, seconds=30, answer_bytes=160 * MIB)
_STYLE = Path(__file__).with_name("page.css")


class RenderError(Exception):
    """This notebook cannot be shown as a page; the text says why, for people."""


def render_html(data: bytes) -> bytes:
    """The page of a notebook, as UTF-8. Raises RenderError."""
    try:
        return run_bounded("render", data, BOUNDS)
    except OutOfBounds as error:
        raise RenderError(f"This notebook could not be shown as a page: {error}. Open it to see it.") from None


def style() -> str:
    return _STYLE.read_text(encoding="utf-8")
