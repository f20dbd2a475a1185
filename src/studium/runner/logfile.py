"""The captured output of a run, capped: its head as it comes, and when the run ends the last 64 KiB of what was cut.

Offsets into the file never change meaning: it only grows. Where output was left out the log says so, and how much.
The run's secrets are hidden before anything else is done with the output.
"""

import collections
import contextlib
import os

from .hiding import Hidden

TAIL = 64 * 1024
CHUNK = 64 * 1024


class Log:
    """Takes bytes from a pipe into a file of at most `limit` bytes (and two short notices)."""

    def __init__(self, path: str, limit: int, hidden: Hidden | None = None) -> None:
        self.hidden = hidden or Hidden(())
        self._stream = self.hidden.stream()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._left = max(0, limit - min(TAIL, limit // 2))
        self._tail: collections.deque[bytes] = collections.deque()
        self._tail_limit = min(TAIL, limit // 2)
        self._tail_bytes = 0
        self._cut = 0
        # The latest output, for the sentence about a command that could not be started.
        self.latest = b""

    @property
    def cut(self) -> bool:
        return self._cut > 0

    def take(self, data: bytes) -> None:
        self._keep(self._stream.take(data))

    def _keep(self, data: bytes) -> None:
        self.latest = (self.latest + data)[-2048:]
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._write(head)
        if not rest:
            return
        if not self._cut:
            self._write(b"\n[log limit reached: what follows is left out, its end is shown when the run ends]\n")
        self._cut += len(rest)
        self._tail.append(rest)
        self._tail_bytes += len(rest)
        while self._tail_bytes - len(self._tail[0]) >= self._tail_limit:
            self._tail_bytes -= len(self._tail.popleft())

    def finish(self) -> None:
        """Append the kept end of what was cut, and close. Repeatable."""
        self._keep(self._stream.finish())
        if self._cut:
            kept = b"".join(self._tail)[-self._tail_limit :] if self._tail_limit else b""
            self._write(f"\n[{self._cut - len(kept)} bytes left out]\n".encode() + kept)
            self._tail.clear()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with contextlib.suppress(OSError):  # a full disk costs output, never the run
            while view:
                view = view[os.write(self._file, view) :]
