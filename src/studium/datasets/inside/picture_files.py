"""Pictures: the width and height that their first bytes claim. Nothing is decoded, so a claim costs nothing."""

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from json_values import Trouble
from looking import File

_HEAD = 64 * 1024
# Of a JPEG, how many parts may stand before the one with its size.
_MOST_PARTS = 2000
_NUMBERS = {3: "H", 4: "I"}
_SVG_LENGTH = r"""\b{}\s*=\s*["']\s*([0-9]{{1,7}}(?:\.[0-9]{{1,6}})?)\s*(?:px)?\s*["']"""

Size = tuple[int, int] | None


def read(file: File, tell: Callable[..., None]) -> None:
    """Tell width and height. Raises Trouble."""
    with open(file.path, "rb") as handle:
        head = handle.read(_HEAD)
        try:
            form, size = _measured(head, handle)
        except (struct.error, IndexError, KeyError, ValueError):
            form, size = "", None
    if size is None:
        raise Trouble("It cannot be read as a picture." if file.form != "svg" else "It does not say how large it is.")
    tell(format=form, width=size[0], height=size[1])


def _measured(head: bytes, handle: BinaryIO) -> tuple[str, Size]:
    """By the bytes, whatever it is called."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return "png", struct.unpack(">II", head[16:24])
    if head.startswith(b"\xff\xd8"):
        return "jpeg", _jpeg(handle)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif", struct.unpack("<HH", head[6:10])
    if head.startswith(b"BM"):
        return "bmp", _bmp(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp", _webp(head)
    if head.startswith((b"II*\0", b"MM\0*")):
        return "tiff", _tiff(handle, "<" if head.startswith(b"II") else ">")
    return "svg", _svg(head)


def _jpeg(handle: BinaryIO) -> Size:
    handle.seek(2)
    for _ in range(_MOST_PARTS):
        mark = handle.read(1)
        while mark and mark != b"\xff":
            mark = handle.read(1) if handle.tell() < _HEAD else b""
        kind = handle.read(1)
        while kind == b"\xff" and handle.tell() < _HEAD:
            kind = handle.read(1)
        if not kind or kind == b"\xd9":
            return None
        if kind[0] in (0x01, *range(0xD0, 0xD9)):
            continue
        (length,) = struct.unpack(">H", handle.read(2))
        if 0xC0 <= kind[0] <= 0xCF and kind[0] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", handle.read(5)[1:])
            return width, height
        handle.seek(max(0, length - 2), 1)
    return None


def _bmp(head: bytes) -> Size:
    if struct.unpack("<I", head[14:18])[0] == 12:
        return struct.unpack("<HH", head[18:22])
    width, height = struct.unpack("<ii", head[18:26])
    return abs(width), abs(height)  # lines from the top are a negative height


def _webp(head: bytes) -> Size:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(handle: BinaryIO, order: str) -> Size:
    handle.seek(4)
    (place,) = struct.unpack(f"{order}I", handle.read(4))
    handle.seek(place)
    (count,) = struct.unpack(f"{order}H", handle.read(2))
    found = {}
    for _ in range(count):
        entry = handle.read(12)
        tag, kind = struct.unpack(f"{order}HH", entry[:4])
        if tag in (256, 257):
            number = _NUMBERS[kind]
            (found[tag],) = struct.unpack_from(f"{order}{number}", entry, 8)
    return found[256], found[257]


def _svg(head: bytes) -> Size:
    """As its first element says, by width and height or by its view box. It is not parsed."""
    text = head.decode("utf-8", "replace")
    start = re.search(r"<(?:svg:)?svg\b[^>]{0,8192}>", text)
    if start is None:
        return None
    sides = [re.search(_SVG_LENGTH.format(side), start[0]) for side in ("width", "height")]
    if sides[0] and sides[1]:
        return round(float(sides[0][1])), round(float(sides[1][1]))
    box = re.search(
        r"""\bviewBox\s*=\s*["']\s*[-0-9.e]+[\s,]+[-0-9.e]+[\s,]+([0-9.]+)[\s,]+([0-9.]+)\s*["']""", start[0]
    )
    return (round(float(box[1])), round(float(box[2]))) if box else None
