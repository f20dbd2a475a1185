"""The bytes of a provider's files as they arrive, cut into chunks: small files asked for beside each other, large ones gone on
with where they were left."""

import contextlib
import hashlib
import io
import itertools
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from studium.errors import Refused, StudiumError
from studium.lib import chunks as cutting
from studium.storage.providers.remote import Entry, Remote

Line = dict[str, Any]
# Of small files most of the time goes by waiting for an answer.
_SMALL, _AT_ONCE = 2 * 1024**2, 8


class Seen(NamedTuple):
    """A file as the provider lists it. `size` is -1 where it does not say; `mark` is its etag, or its date without one."""

    path: str
    size: int
    mark: str


def seen(entry: Entry, path: str) -> Seen:
    date = entry.changed_at.isoformat() if entry.changed_at else ""
    return Seen(path, entry.size, entry.etag or date)


class Todo(NamedTuple):
    """A file that is to come: `remote` is its path there, `start` where to go on."""

    seen: Seen
    remote: str
    start: int = 0


@contextlib.contextmanager
def said() -> Iterator[None]:
    """What a provider's server says ends the import: waiting for it could be waiting without end."""
    try:
        yield
    except StudiumError as error:
        raise Refused(error.code, error.message, error.next_step) from None


def changed(path: str) -> Refused:
    return Refused("import.changed", f"{path[:200]!r} was changed while it was fetched.", "")


def too_slow() -> Refused:
    return Refused("provider.timeout", "The server sends so slowly that nothing came.", "")


class Coming:
    """Files as chunks, one behind the other, until the clock says `until` (monotonic seconds): then what has come of the
    file at hand is all of it for now. `ended` says that every file is whole."""

    def __init__(self, remote: Remote, todo: list[Todo], until: float) -> None:
        self._remote, self._todo, self._until = remote, todo, until
        self._lines, self._short = deque[Line](), False
        self.ended = False

    def take(self, count: int) -> list[Line]:
        """The lines of the next so many chunks, with those that say which files have ended by then."""
        found = list[Line]()
        while self._lines and (count or "ends" in self._lines[0]):
            count -= "chunk" in self._lines[0]
            found.append(self._lines.popleft())
        return found

    def pieces(self) -> Generator[tuple[cutting.Chunk, bytes]]:
        """To be closed by the caller. Raises Refused."""
        pool = ThreadPoolExecutor(_AT_ONCE, "provider")
        rest, waiting = iter(self._todo), deque[tuple[Todo, Future[bytes] | None]]()
        try:
            while True:
                for each in itertools.islice(rest, 2 * _AT_ONCE - len(waiting)):
                    small = 0 <= each.seen.size <= _SMALL and not each.start
                    waiting.append((each, pool.submit(self._small, each) if small else None))
                if not waiting:
                    break
                each, reading = waiting.popleft()
                yield from self._cut(each, self._large(each) if reading is None else iter([reading.result()]))
                if self._short:
                    return
            self.ended = True
        except _Late:
            return
        finally:
            self._until = 0.0  # whoever still reads stops
            pool.shutdown(wait=False, cancel_futures=True)

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def _small(self, each: Todo) -> bytes:
        """All of it, in a thread. Raises _Late."""
        found, size = list[bytes](), 0
        with said():
            for piece in self._remote.read(each.remote):
                found.append(piece)
                size += len(piece)
                if size > each.seen.size:
                    raise changed(each.seen.path)
                if self._late() and size < each.seen.size:
                    raise _Late
        return b"".join(found)

    def _large(self, each: Todo) -> Iterator[bytes]:
        with said():
            if each.start:
                if seen(self._remote.stat(each.remote), each.seen.path) != each.seen:
                    raise changed(each.seen.path)
                if each.start == each.seen.size:
                    return
            for piece in self._remote.read(each.remote, each.start):
                yield piece
                if self._late():
                    self._short = True
                    return

    def _cut(self, each: Todo, source: Iterator[bytes]) -> Iterator[tuple[cutting.Chunk, bytes]]:
        (path, size, _), at, whole = each.seen, each.start, hashlib.sha256()
        with io.BufferedReader(_Stream(source), 1024 * 1024) as stream:
            for chunk, content in cutting.cut(stream):
                whole.update(content)
                self._lines.append({"path": path, "chunk": chunk.digest, "at": at, "size": chunk.size})
                at += chunk.size
                if 0 <= size < at:
                    raise changed(path)
                yield chunk, content
        if self._short and at != size:
            return
        if size >= 0 and at != size:
            raise changed(path)
        self._lines.append({"ends": path, "digest": "" if each.start else whole.hexdigest(), "size": 0})


class _Late(Exception):
    """The step's time is over."""


class _Stream(io.RawIOBase):
    """Pieces as a stream, which is how files are cut."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(room), len(self._left))
        room[:size], self._left = self._left[:size], self._left[size:]
        return size
