"""Cuts: the same for the same content wherever it stands, since what is kept is found by them."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from factories.datasets import seeded, sha256
from studium.lib import chunks
from studium.storage.chunks.actions import packs

MIB = 1024 * 1024
PINNED_SIZES = [
    264465,
    320718,
    125415,
    137620,
    285505,
    407445,
    280569,
    475166,
    306980,
    345500,
    156604,
    331416,
    137691,
    542183,
    77027,
]
PINNED = "c24ed525e124550af0adfb4bcc6bb9022a4ea9d039f7c426101d4e0e6a670ef4"


def cuts(content: bytes) -> list[chunks.Chunk]:
    return [chunk for chunk, _ in chunks.cut(io.BytesIO(content))]


def test_the_cuts_of_a_stream_are_pinned() -> None:
    """Other cuts, after an upgrade of the library, would store everything a second time."""
    found = cuts(seeded(4 * MIB, seed=7))
    assert [chunk.size for chunk in found] == PINNED_SIZES
    assert sha256("".join(chunk.digest for chunk in found).encode()) == PINNED


def test_zeros_and_short_files_are_cut_as_they_must() -> None:
    assert cuts(b"") == []
    assert [chunk.size for chunk in cuts(b"x")] == [1]
    assert [chunk.size for chunk in cuts(bytes(chunks.SMALLEST))] == [chunks.SMALLEST]
    zeros = cuts(bytes(5 * MIB + 3))
    assert {chunk.size for chunk in zeros[:-1]} == {chunks.LARGEST}
    assert len({chunk.digest for chunk in zeros[:-1]}) == 1


sizes = st.integers(0, 3 * MIB)


@settings(max_examples=25, deadline=None)
@given(sizes, st.integers(0, 3))
def test_chunks_put_together_are_the_file(size: int, seed: int) -> None:
    content = seeded(size, seed)
    found = list(chunks.cut(io.BytesIO(content)))
    assert b"".join(part for _, part in found) == content
    assert all(sha256(part) == chunk.digest and len(part) == chunk.size for chunk, part in found)
    assert all(chunks.SMALLEST < chunk.size <= chunks.LARGEST for chunk, _ in found[:-1])
    position = 0
    for chunk, _ in found:
        assert chunk.offset == position
        position += chunk.size


class Slow(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a connection does."""

    def __init__(self, content: bytes, most: int) -> None:
        self._content, self._most = io.BytesIO(content), most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._content.readinto(memoryview(buffer)[: self._most])


@settings(max_examples=10, deadline=None)
@given(sizes, st.integers(1000, 200_000))
def test_how_a_stream_comes_moves_no_cut(size: int, most: int) -> None:
    content = seeded(size, 1)
    assert [chunk for chunk, _ in chunks.cut(Slow(content, most))] == cuts(content)  # type: ignore[arg-type]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 64 * 1024), st.binary(min_size=1, max_size=5000))
def test_something_put_in_near_the_start_changes_few_chunks(where: int, what: bytes) -> None:
    before = seeded(8 * MIB, 3)
    after = before[:where] + what + before[where:]
    known = {chunk.digest for chunk in cuts(before)}
    fresh = [chunk for chunk in cuts(after) if chunk.digest not in known]
    assert len(fresh) <= 4
    assert sum(chunk.size for chunk in fresh) < MIB * 2


def test_a_file_is_described_as_it_is_cut(tmp_path: Path) -> None:
    content = seeded(3 * MIB, 5)
    (tmp_path / "f").write_bytes(content)
    assert chunks.described(tmp_path / "f") == (hashlib.sha256(content).hexdigest(), len(content), cuts(content))


def test_packs_are_no_larger_and_have_no_more_chunks_than_may_travel() -> None:
    def pieces() -> Iterator[tuple[chunks.Chunk, bytes]]:
        for number in range(chunks.PACK_CHUNKS + 5):
            yield chunks.Chunk(f"{number:064x}", 1, number), b"x"

    assert [len(pack) for pack in packs(pieces())] == [chunks.PACK_CHUNKS, 5]
    large = bytes(chunks.LARGEST - 1)
    many = iter([(chunks.Chunk("0" * 64, len(large), 0), large)] * 40)
    assert max(sum(chunk.size for chunk, _ in pack) for pack in packs(many)) < chunks.PACK_BYTES + chunks.LARGEST
