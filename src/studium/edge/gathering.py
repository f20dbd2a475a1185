"""A request's body taken whole before the web process hears of it.

Its few threads read a body as it comes, so a handful of clients that send one byte a minute would hold them all. Here
waiting costs a coroutine. What is larger than a megabyte lies in a temporary file; how many may is bounded.
"""

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import IO

from studium.edge.httpproxy import Body, Refused
from studium.edge.pages import Say
from studium.edge.settings import Limits

IN_MEMORY = 1024 * 1024
_PIECE = 256 * 1024
BUSY = Say(
    status=503,
    code="edge.too_many_uploads",
    title="Too many uploads at once",
    text="Others are sending files at this moment. Send yours again in a few seconds.",
    again=5,
)


class Gathering:
    """The bodies that are on their way to the web process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._uploads: Counter[str] = Counter()

    @contextmanager
    def gathered(self, address: str) -> Iterator["Gathered"]:
        """A place for one body of the client at `address`; it is gone with the block."""
        place = Gathered(self, address)
        try:
            yield place
        finally:
            place.close()

    @property
    def large(self) -> int:
        """How many bodies lie in files now."""
        return self._uploads.total()

    def file_for(self, address: str) -> IO[bytes]:
        """A file for a large body; to be followed by `leave`. Raises Refused when as many are on their way as may be."""
        limits = self._limits
        if self._uploads[address] >= limits.uploads_per_address or self._uploads.total() >= limits.uploads:
            raise Refused(BUSY)
        file = tempfile.TemporaryFile(prefix="studium-upload-")  # noqa: SIM115 (`Gathered.close` closes it)
        self._uploads[address] += 1
        return file

    def leave(self, address: str) -> None:
        self._uploads[address] -= 1
        if not self._uploads[address]:
            del self._uploads[address]


class Gathered:
    """One body: in memory while it is small, in a file from then on."""

    def __init__(self, gathering: Gathering, address: str) -> None:
        self._gathering = gathering
        self._address = address
        self._head = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    async def take(self, body: Body) -> None:
        """Wait for the whole body. Raises what `Body.pieces` raises, and Refused."""
        async for piece in body.pieces():
            self.size += len(piece)
            if self._file is None and len(self._head) + len(piece) <= IN_MEMORY:
                self._head += piece
                continue
            if self._file is None:
                self._file = self._gathering.file_for(self._address)
            self._file.write(piece)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body again, from its beginning."""
        yield bytes(self._head)
        if self._file is not None:
            self._file.seek(0)
            while piece := self._file.read(_PIECE):
                yield piece

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._gathering.leave(self._address)
            self._file = None
