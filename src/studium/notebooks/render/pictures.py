"""Pictures of a notebook: small ones inside the page, others as parts of it. An SVG shown by `img` runs no script."""

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from html import escape
from typing import Any

from studium.notebooks.reading import text_of
from studium.notebooks.render.parts import Parts

BITMAPS = ("image/png", "image/jpeg", "image/gif", "image/webp")
SVG = "image/svg+xml"
# Larger ones are fetched apart, when they come into view.
INSIDE = 8 * 1024
_BASE64 = re.compile(r"^[A-Za-z0-9+/]+={0,2}$")
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Picture:
    kind: str
    content: bytes
    size: tuple[int, int] | None

    @property
    def inside(self) -> str:
        """An address that holds the picture."""
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode()}"


def picture_in(bundle: dict[str, Any]) -> Picture | None:
    """The first picture of a MIME bundle that reads as one."""
    for kind in BITMAPS:
        content = "".join(text_of(bundle.get(kind)).split())
        if content and _BASE64.match(content):
            try:
                data = base64.b64decode(content)
            except binascii.Error:
                continue
            return Picture(kind, data, measured(data))
    drawing = text_of(bundle.get(SVG))
    return Picture(SVG, drawing.encode("utf-8", "replace"), None) if "<svg" in drawing else None


def data_uri(bundle: dict[str, Any]) -> str:
    """The first picture of a MIME bundle as an address that holds it, or an empty text."""
    found = picture_in(bundle)
    return found.inside if found else ""


def picture_html(picture: Picture, words: str, parts: Parts, *, wanted: Any = None) -> str:
    """The picture as an element. `wanted` is what the output's metadata say of its size."""
    name = ""
    if len(picture.content) > INSIDE:
        name = parts.add(picture.kind.rpartition("/")[2].removesuffix("+xml"), picture.content)
    given = wanted if isinstance(wanted, dict) else {}
    size = _whole(given.get("width")), _whole(given.get("height"))
    if picture.size and not all(size):
        width, height = picture.size
        size = (size[0] or width, round(height * size[0] / width) if size[0] and width else height)
    # The size is said so that nothing moves when a picture arrives.
    sized = f' width="{size[0]}" height="{size[1]}"' if all(size) else ""
    address = f"parts/{name}" if name else picture.inside
    return f'<img src="{escape(address)}" alt="{escape(words)}" loading="lazy" decoding="async"{sized}>'


def _whole(value: Any) -> int:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 20_000
    return int(value) if fits else 0


def measured(data: bytes) -> tuple[int, int] | None:
    """Width and height as the file's own head says; None for what is damaged or of another kind."""
    try:
        found = _measured(data)
    except (struct.error, IndexError):
        return None
    return found if found and all(0 < side < 20_000 for side in found) else None


def _measured(data: bytes) -> tuple[int, int] | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    if data.startswith(b"\xff\xd8"):
        at = 2
        while data[at] == 0xFF:
            length = struct.unpack(">H", data[at + 2 : at + 4])[0]
            if data[at + 1] in _JPEG_SIZES:
                height, width = struct.unpack(">HH", data[at + 5 : at + 9])
                return width, height
            at += 2 + length
    return None
