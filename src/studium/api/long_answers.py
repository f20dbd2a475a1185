"""Answers that hold a thread of the web process until their client has taken them: never so many that none is left for the rest."""

import threading
from collections.abc import Callable, Iterator
from functools import cache

from studium.api.failures import Busy
from studium.config.options import options

# A shorter one is taken over by the edge at once, however slowly the client reads.
SHORT = 1024 * 1024


@cache
def _room() -> threading.BoundedSemaphore:
    """Three quarters of the threads; at least one, and where there are several at least one is left."""
    return threading.BoundedSemaphore(max(1, options().web_threads * 3 // 4))


class LongAnswer(Iterator[bytes]):
    """What `read` gives, as one of the answers there is room for. Raises Busy where there is none, and what `read` raises."""

    def __init__(self, read: Callable[[], Iterator[bytes]]) -> None:
        self._pieces: Iterator[bytes] = iter(())
        self._holds = _room().acquire(blocking=False)
        if not self._holds:
            raise Busy(
                "download.busy",
                "So many downloads are under way that there is no room for another one.",
                "Try again in a moment. What came already need not come again.",
            )
        try:
            self._pieces = read()
        except BaseException:
            self.close()
            raise

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the room to others. Repeatable."""
        if self._holds:
            self._holds = False
            _room().release()
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()

    # A server that lets go of an answer without a word must not keep its room for good.
    __del__ = close
