"""The bytes of many files, one behind the other, as an archive needs them.

Where they lie is looked up for many files at a time, what lies near in a block is read in one go, and the next bytes are read
while the last ones are sent.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from studium.storage import stores
from studium.storage.chunks.queries import Place, places
from studium.storage.manifests import Entry

# Chunks that are looked up in one query. The first are few, so that the first bytes come soon.
_FIRST_LOOK, _LOOK = 16, 500
# In memory twice at most: while it is sent, and the next.
_AT_ONCE = 4 * 1024 * 1024
# Reading so much that nobody asked for is quicker than asking twice.
_GAP = 64 * 1024
_OF_A_BLOB = 4 * 1024 * 1024


class _Part(NamedTuple):
    """A part of the file of index `file`, `size` bytes from `offset` on: in a block, or of the blob `digest` where `block` is
    empty. `skip` is how far into its chunk it begins."""

    file: int
    digest: str
    block: str
    offset: int
    size: int
    skip: int = 0


def streamed(
    entries: Sequence[Entry], first: int = 0, start: int = 0, length: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """The bytes of the files from index `first` on, from `start` of that one, `length` at most: pieces, each with the index
    of its file.

    Raises FileNotFoundError where they are not kept. Not for files that are given out one by one: those read themselves.
    """
    jobs = _jobs(_cut(_parts(entries, first), start, length))
    for job in itertools.islice(jobs, 1):  # so little that nothing need be ready beside it
        yield from _told(job, partial(_read, job))
    # No query is made in its thread, which would keep a connection of its own.
    pool = ThreadPoolExecutor(1, "archive")
    try:
        reading = deque[tuple[list[_Part], Future[list[bytes]]]]()
        for job in jobs:
            reading.append((job, pool.submit(_read, job)))
            if len(reading) > 1:
                done, future = reading.popleft()
                yield from _told(done, future.result)
        for done, future in reading:
            yield from _told(done, future.result)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _told(job: list[_Part], read: Callable[[], list[bytes]]) -> Iterator[tuple[int, bytes]]:
    try:
        found = read()
    except FileNotFoundError:  # a reader may be so slow that the block was written anew and is gone
        found = _read(_looked_up(job))
    for part, piece in zip(job, found, strict=True):
        yield part.file, piece


def _parts(entries: Sequence[Entry], first: int) -> Iterator[_Part]:
    """Every chunk and every part of a blob, in order."""
    window, most = list[tuple[int, str]](), _FIRST_LOOK
    for index in range(first, len(entries)):
        entry = entries[index]
        if entry.chunks is None:
            yield from _placed(window)
            window = []
            for at in range(0, entry.size, _OF_A_BLOB):
                yield _Part(index, entry.digest, "", at, min(_OF_A_BLOB, entry.size - at))
        else:
            for digest in entry.chunks:
                window.append((index, digest))
                if len(window) >= most:
                    yield from _placed(window)
                    window, most = [], _LOOK
    yield from _placed(window)


def _placed(window: list[tuple[int, str]]) -> Iterator[_Part]:
    known = places([digest for _, digest in window]) if window else {}
    for index, digest in window:
        place = known[digest]
        yield _Part(index, digest, place.block, place.offset, place.size)


def _cut(parts: Iterator[_Part], start: int, length: int | None) -> Iterator[_Part]:
    """The same without the first bytes, and without those behind `length` more."""
    left = length
    for part in parts:
        skip = min(start, part.size)
        start -= skip
        size = part.size - skip if left is None else min(left, part.size - skip)
        if left is not None:
            left -= size
        if size:
            yield part._replace(offset=part.offset + skip, size=size, skip=skip)
        if left == 0:
            return


def _jobs(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """What is read in one go: little at first, so that something can be sent."""
    job, size = list[_Part](), 0
    first = next(parts, None)
    if first is not None:
        yield [first]
    for part in parts:
        if job and size + part.size > _AT_ONCE:
            yield job
            job, size = [], 0
        job.append(part)
        size += part.size
    if job:
        yield job


def _read(job: Sequence[_Part]) -> list[bytes]:
    """The bytes of each part."""
    found = [b""] * len(job)
    numbers = sorted((n for n, part in enumerate(job) if part.block), key=lambda n: (job[n].block, job[n].offset))
    for run in _runs(job, numbers):
        block, low = job[run[0]].block, job[run[0]].offset
        high = max(job[n].offset + job[n].size for n in run)
        content = stores.read_block_part(block, low, high - low)
        for n in run:
            at = job[n].offset - low
            found[n] = content[at : at + job[n].size]
    for n, part in enumerate(job):
        if not part.block:
            found[n] = stores.read_part(part.digest, part.offset, part.size)
            if len(found[n]) != part.size:
                raise FileNotFoundError(f"blob {part.digest} is shorter than it was")
    return found


def _runs(job: Sequence[_Part], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Those together that lie near each other."""
    run, begin, end = list[int](), 0, 0
    for n in numbers:
        part = job[n]
        far = part.offset > end + _GAP or part.offset + part.size > begin + 2 * _AT_ONCE
        if run and (job[run[0]].block != part.block or far):
            yield run
            run, end = [], 0
        if not run:
            begin = part.offset
        run.append(n)
        end = max(end, part.offset + part.size)
    if run:
        yield run


def _looked_up(job: Sequence[_Part]) -> list[_Part]:
    known: dict[str, Place] = places([part.digest for part in job if part.block])
    return [
        part._replace(block=known[part.digest].block, offset=known[part.digest].offset + part.skip)
        if part.block
        else part
        for part in job
    ]
