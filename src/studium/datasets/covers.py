"""Covers of datasets: still pictures in PNG, JPEG or WebP, taken as they are but for what is no picture in them. Pure.

They are walked part by part and never decoded. Parts that draw nothing are left out: where and with what a photograph was taken,
comments, previews, what stands behind the end.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from studium.errors import BadInput
from studium.lib.units import MIB

MOST_BYTES = 4 * MIB
# What a browser must make room for to draw it: 160 MB.
_MOST_PIXELS, _LONGEST_SIDE = 40_000_000, 16_000
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"IDAT", b"IEND")
_WEBP_KEPT = (b"VP8 ", b"VP8L", b"ALPH", b"ICCP")
_ALPHA_AND_PROFILE = 0x30
# Of JPEG: frames, tables, restarts, and what says how colours are meant.
_JPEG_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_JPEG_KEPT = (*_JPEG_FRAMES, 0xC4, 0xCC, 0xDB, 0xDD, 0xE0, 0xE2, 0xEE)
_EXIF = b"Exif\0\0"


@dataclass(frozen=True)
class Cover:
    """`kind` is one of TYPES."""

    kind: str
    content: bytes
    width: int
    height: int


def cover_of(content: bytes) -> Cover:
    """The picture in these bytes, without what does not draw. Raises BadInput."""
    if len(content) > MOST_BYTES:
        raise BadInput("cover.too_large", f"A cover has at most {MOST_BYTES // MIB} MiB.", "Make it smaller.")
    try:
        found = _found(content)
    except (struct.error, IndexError, ValueError):
        found = None
    if found is None or not (found.width and found.height):
        raise BadInput(
            "cover.none", "This is no still picture in PNG, JPEG or WebP, or it is damaged.", "Choose another file."
        )
    if found.width * found.height > _MOST_PIXELS or max(found.width, found.height) > _LONGEST_SIDE:
        raise BadInput(
            "cover.too_many_pixels",
            f"{found.width:,} by {found.height:,} pixels are too many for a cover.",
            "Make it smaller: 1,600 by 600 is plenty.",
        )
    return found


def _found(content: bytes) -> Cover | None:
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    return None


def _png(content: bytes) -> Cover | None:
    kept, seen, at = [_PNG], set[bytes](), len(_PNG)
    while b"IEND" not in seen:
        length, kind = struct.unpack_from(">I4s", content, at)
        whole = content[at : at + 12 + length]
        if len(whole) != 12 + length or (kind == b"IHDR") != (at == len(_PNG)):
            return None
        if kind in _PNG_KEPT:
            kept.append(whole)
        seen.add(kind)
        at += len(whole)
    width, height = struct.unpack_from(">II", content, 16)
    return Cover("png", b"".join(kept), width, height) if b"IDAT" in seen else None


def _jpeg(content: bytes) -> Cover | None:
    kept, size, drawn = [content[:2]], (0, 0), False
    for mark, part in _jpeg_parts(content):
        if mark in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", part, 5)
            size = (width, height)
        if mark == 0xE1:
            kept.append(_turned(part[4:]))
        elif mark in (*_JPEG_KEPT, 0xD9):
            kept.append(part)
        elif mark == 0xDA:
            drawn = True
            kept.append(part)
    return Cover("jpeg", b"".join(kept), *size) if drawn else None


def _jpeg_parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Its parts by their marks, up to the end of the picture; what is drawn belongs to the part before it."""
    at = 2
    while True:
        while content[at + 1] == 0xFF:  # filling
            at += 1
        if content[at] != 0xFF:
            raise ValueError("no part begins here")
        mark = content[at + 1]
        if mark == 0xD9:
            yield mark, content[at : at + 2]
            return
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if mark == 0xDA:
            end = _after_scan(content, end)
        if end > len(content) or end < at + 4:
            raise ValueError("it breaks off")
        yield mark, content[at:end]
        at = end


def _after_scan(content: bytes, at: int) -> int:
    """Where the next part begins; within what is drawn a mark stands for itself or for a restart."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] != 0 and not 0xD0 <= content[at + 1] <= 0xD7:
            return at
        at += 2


def _turned(exif: bytes) -> bytes:
    """Of what a camera wrote, only how the picture is held; nothing where it is upright."""
    turn = 1
    if exif.startswith(_EXIF):
        order = {b"II": "<", b"MM": ">"}.get(exif[6:8])
        if order:
            (at,) = struct.unpack_from(f"{order}I", exif, 10)
            (count,) = struct.unpack_from(f"{order}H", exif, 6 + at)
            for number in range(min(count, 100)):
                tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, 6 + at + 2 + 12 * number)
                turn = value if (tag, kind) == (0x112, 3) else turn
    if not 2 <= turn <= 8:
        return b""
    said = _EXIF + b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, turn, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(said) + 2) + said


def _webp(content: bytes) -> Cover | None:
    kept, size, at, drawn = list[bytes](), (0, 0), 12, False
    end = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, at)
        part = content[at : at + 8 + length + length % 2]
        if len(part) < 8 + length:
            return None
        body = part[8:]
        if kind == b"VP8X":
            size = (1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
            kept.append(part[:8] + bytes([body[0] & _ALPHA_AND_PROFILE]) + body[1:])
        elif kind in _WEBP_KEPT:
            kept.append(part)
        if kind in (b"VP8 ", b"VP8L"):
            drawn, inside = True, _webp_size(kind, body)
            # What the outer part claims must be what is drawn.
            size = (max(size[0], inside[0]), max(size[1], inside[1]))
        at += len(part)
    body = b"WEBP" + b"".join(kept)
    return Cover("webp", b"RIFF" + struct.pack("<I", len(body)) + body, *size) if drawn else None


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF
