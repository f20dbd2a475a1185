"""Small real pictures, put together by hand, with what cameras and programs write beside them."""

import struct
import zlib


def png_part(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture_png(width: int = 4, height: int = 3, *, beside: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """Of one colour. `beside` are parts by kind and content, before what is drawn."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x20\x60\xc0" * width for _ in range(height)))
    more = b"".join(png_part(kind, body) for kind, body in beside)
    return b"\x89PNG\r\n\x1a\n" + png_part(b"IHDR", head) + more + png_part(b"IDAT", rows) + png_part(b"IEND", b"")
