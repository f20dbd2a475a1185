"""The starter gallery: notebooks that ship with Studium, run offline and can be copied in one click.

The index lies beside this file; the notebooks are the repository's `examples/`, packaged as `gallery/notebooks/`.
"""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from studium.errors import NotFound

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class GalleryEntry:
    """One notebook of the gallery. `seconds` is about how long it takes to run."""

    slug: str
    title: str
    summary: str
    seconds: int
    tags: tuple[str, ...]


@functools.cache
def gallery() -> tuple[GalleryEntry, ...]:
    """The entries in the order they are shown; the first is the quickest to run."""
    index = tomllib.loads((_HERE / "index.toml").read_text(encoding="utf-8"))
    return tuple(GalleryEntry(**{**each, "tags": tuple(each["tags"])}) for each in index["notebook"])


def read_gallery(slug: str) -> bytes:
    """The notebook of an entry. Raises NotFound."""
    if not any(entry.slug == slug for entry in gallery()):
        raise NotFound("gallery.unknown", f"The gallery has no notebook {slug!r}.", "The start page lists what it has.")
    return (_folder() / f"{slug}.ipynb").read_bytes()


def _folder() -> Path:
    packaged = _HERE / "notebooks"
    return packaged if packaged.is_dir() else _HERE.parents[3] / "examples"


entries = gallery
