"""Where chunks lie, and files put together from them."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.db.models import QuerySet, Sum

from studium.storage import stores
from studium.storage.models import Chunk, Ownership

_BATCH = 500
# What lies together is read in one go, up to so much: of a far store so that few requests are made, of a folder no more than
# stays near the processor until it is sent. Pieces of 8 MiB took twice the web process's time.
_AT_ONCE, _FAR_AT_ONCE = 1024 * 1024, 8 * 1024 * 1024


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


def owned_bytes(owner: str, *, claimed: bool | None = None) -> int:
    """What the owner's chunks take up, each once: all, those that something came to need, or those that nothing did."""
    rows = Ownership.objects.filter(owner=owner)
    if claimed is not None:
        rows = rows.filter(claimed=claimed)
    return rows.aggregate(sum=Sum("chunk__size"))["sum"] or 0


def owned_together(owners: Collection[str]) -> int:
    """What the chunks of these owners take up, each once however many of them have it."""
    rows = Chunk.objects.filter(pk__in=Ownership.objects.filter(owner__in=owners).values("chunk_id"))
    return rows.aggregate(sum=Sum("size"))["sum"] or 0


def owned_bytes_but(digests: Iterable[str], owner: str) -> int:
    """What those among these chunks take up that this owner has not."""
    wanted, found = sorted(set(digests)), 0
    for start in range(0, len(wanted), _BATCH):
        rows = Chunk.objects.filter(pk__in=wanted[start : start + _BATCH]).exclude(ownerships__owner=owner)
        found += rows.aggregate(sum=Sum("size"))["sum"] or 0
    return found


def owned_among(owner: str, digests: Iterable[str], *, claimed: bool) -> int:
    """The same of those among these chunks."""
    wanted, found = sorted(set(digests)), 0
    for start in range(0, len(wanted), _BATCH):
        rows = Ownership.objects.filter(owner=owner, claimed=claimed, chunk_id__in=wanted[start : start + _BATCH])
        found += rows.aggregate(sum=Sum("chunk__size"))["sum"] or 0
    return found


def unclaimed(owner: str) -> QuerySet[Ownership]:
    """What the owner has brought and nothing of theirs came to need."""
    return Ownership.objects.filter(owner=owner, claimed=False)


def pieces(digests: Sequence[str], start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a file of these chunks from `start` on.

    Before the first it raises FileNotFoundError where one is not kept, and StoreFailed where the store gives none.
    """
    return begun(_pieces(_ranges(digests, start, length)))


def begun(coming: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the first of them read by now: what fails at once is said before an answer begins."""
    return itertools.chain([first] if (first := next(coming, b"")) else [], coming)


def parts(digests: Sequence[str], start: int, length: int) -> list[stores.Part] | None:
    """Where these bytes of a file of these chunks lie in the store's folder; None where that is not the store, or lacks some."""
    found = list[stores.Part]()
    for each in _ranges(digests, start, length):
        path, place = stores.path_of_block(each.place.block), each.place
        last = found[-1] if found else None
        if last and last.path == path and last.offset + last.length == place.offset:
            found[-1] = last._replace(length=last.length + place.size)
        else:
            found.append(stores.Part(path, place.offset, place.size))
    return found if stores.has_parts(found) else None


class _Range(NamedTuple):
    """Bytes of a chunk from `skip` on, and where they lie."""

    digest: str
    skip: int
    place: Place


def _pieces(ranges: list[_Range]) -> Iterator[bytes]:
    for run in _runs(ranges):
        try:
            found = _read(run)
        except FileNotFoundError:  # a reader may be so slow that the block was written anew and is gone
            known = places([each.digest for each in run])
            moved = [each._replace(place=_part(known[each.digest], each.skip, each.place.size)) for each in run]
            found = b"".join(_read(each) for each in _runs(moved))
        yield found


def _read(run: Sequence[_Range]) -> bytes:
    first = run[0].place
    return stores.read_block_part(first.block, first.offset, sum(each.place.size for each in run))


def _part(place: Place, skip: int, size: int) -> Place:
    return Place(place.block, place.offset + skip, size)


def _ranges(digests: Sequence[str], start: int, length: int | None) -> list[_Range]:
    known = places(digests)
    found, position = list[_Range](), 0
    end = None if length is None else start + length
    for digest in digests:
        size = known[digest].size
        skip = max(0, start - position)
        stop = size if end is None else min(size, end - position)
        if skip < stop:
            found.append(_Range(digest, skip, _part(known[digest], skip, stop - skip)))
        position += size
    return found


def _runs(ranges: Sequence[_Range]) -> Iterator[list[_Range]]:
    """The same ranges, those that lie behind each other together."""
    current, size, most = list[_Range](), 0, _FAR_AT_ONCE if stores.places().first else _AT_ONCE
    for each in ranges:
        if current:
            last = current[-1].place
            if size >= most or (last.block, last.offset + last.size) != (each.place.block, each.place.offset):
                yield current
                current, size = [], 0
        current.append(each)
        size += each.place.size
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
                for run in _runs([_Range(digest, 0, known[digest]) for digest in digests]):
                    try:
                        _copy(reader, run, out)
                    except FileNotFoundError:  # so many files take long: the block may have been written anew meanwhile
                        known.update(places([each.digest for each in run]))
                        for moved in _runs([_Range(each.digest, 0, known[each.digest]) for each in run]):
                            _copy(reader, moved, out)


def _copy(reader: stores.BlockReader, run: Sequence[_Range], out: BinaryIO) -> None:
    first = run[0].place
    reader.copy(first.block, first.offset, sum(each.place.size for each in run), out)
