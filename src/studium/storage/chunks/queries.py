"""Where chunks lie, and files put together from them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from django.db.models import Sum

from studium.storage import stores
from studium.storage.models import Chunk, Ownership

_BATCH = 500
# Ranges of one block that are nearer than this are read in one go.
_AT_ONCE = 8 * 1024 * 1024


class Place(NamedTuple):
    """Where the bytes of a chunk lie."""

    block: str
    offset: int
    size: int
    crc: int = 0


def places(digests: Sequence[str]) -> dict[str, Place]:
    """Where each of these chunks lies. Raises FileNotFoundError where one is not kept."""
    found = dict[str, Place]()
    wanted = list(dict.fromkeys(digests))
    for start in range(0, len(wanted), _BATCH):
        rows = Chunk.objects.filter(digest__in=wanted[start : start + _BATCH])
        facts = rows.values_list("digest", "block_id", "offset", "size", "crc")
        found.update((digest, Place(b, o, s, c)) for digest, b, o, s, c in facts)
    if len(found) < len(wanted):
        lost = next(digest for digest in wanted if digest not in found)
        raise FileNotFoundError(f"chunk {lost} is not kept")
    return found


def owned_bytes(owner: str) -> int:
    """What the owner's chunks take up, each once."""
    return Ownership.objects.filter(owner=owner).aggregate(sum=Sum("chunk__size"))["sum"] or 0


def pieces(digests: Sequence[str], start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a file of these chunks from `start` on. Raises FileNotFoundError before the first where one is not kept."""
    return _pieces(_ranges(digests, start, length))


def _pieces(ranges: list[Place]) -> Iterator[bytes]:
    for run in _runs(ranges):
        yield stores.read_block_part(run.block, run.offset, run.size)


def _ranges(digests: Sequence[str], start: int, length: int | None) -> list[Place]:
    known = places(digests)
    found, position = list[Place](), 0
    end = None if length is None else start + length
    for digest in digests:
        block, offset, size, _ = known[digest]
        skip = max(0, start - position)
        stop = size if end is None else min(size, end - position)
        if skip < stop:
            found.append(Place(block, offset + skip, stop - skip))
        position += size
    return found


def _runs(ranges: list[Place]) -> Iterator[Place]:
    """The same ranges, those that lie behind each other as one."""
    current: Place | None = None
    for each in ranges:
        joins = current and current.block == each.block and current.offset + current.size == each.offset
        if current and joins and current.size < _AT_ONCE:
            current = Place(current.block, current.offset, current.size + each.size)
            continue
        if current:
            yield current
        current = each
    if current:
        yield current


def lay_down(files: Sequence[tuple[Path, Sequence[str]]]) -> None:
    """Write files that are not there yet, each of its chunks. Raises FileNotFoundError, OSError.

    Files are taken in the order in which they lie in the store, which is much quicker where there are many small ones.
    """
    known = places([digest for _, digests in files for digest in digests])

    def order(entry: tuple[Path, Sequence[str]]) -> Place:
        return known[entry[1][0]] if entry[1] else Place("", 0, 0)

    with stores.BlockReader() as reader:
        for path, digests in sorted(files, key=order):
            with path.open("xb") as out:
                for run in _runs([known[digest] for digest in digests]):
                    reader.copy(run.block, run.offset, run.size, out)
