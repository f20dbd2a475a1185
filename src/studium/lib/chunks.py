"""Cutting files where their content says so: a change in one place moves no cut elsewhere, so the rest is known already.

The cuts are those of FastCDC (2020) for the sizes below. They are part of what is stored: other sizes, and nothing that is
kept would be found again.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pyfastcdc import FastCDC

SMALLEST, USUAL, LARGEST = 64 * 1024, 256 * 1024, 1024 * 1024
# Chunks travel together in packs, and a pack becomes a block of the store: this much, or one chunk more.
PACK_BYTES = 16 * 1024 * 1024
PACK_CHUNKS = 20_000
# What others put together may be larger than ours.
MOST_PACK_BYTES = 2 * PACK_BYTES


@dataclass(frozen=True)
class Chunk:
    """A piece of a file. `digest` is the hex SHA-256 of its bytes."""

    digest: str
    size: int
    offset: int


def cut(stream: BinaryIO) -> Iterator[tuple[Chunk, bytes]]:
    """The chunks of a stream and their bytes, in order; none for an empty one."""
    for piece in _cutter().cut_stream(stream):
        content = bytes(piece.data)
        yield Chunk(hashlib.sha256(content).hexdigest(), len(content), piece.offset), content


def described(path: Path) -> tuple[str, int, list[Chunk]]:
    """Hex SHA-256, size and chunks of a file that nobody changes meanwhile. Reads it once. Raises OSError."""
    whole, size, found = hashlib.sha256(), 0, []
    with path.open("rb") as stream:
        for piece in _cutter().cut_stream(stream):
            whole.update(piece.data)
            found.append(Chunk(hashlib.sha256(piece.data).hexdigest(), piece.length, piece.offset))
            size += piece.length
    return whole.hexdigest(), size, found


def _cutter() -> Any:
    return FastCDC(USUAL, min_size=SMALLEST, max_size=LARGEST)
