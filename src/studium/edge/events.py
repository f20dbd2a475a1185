"""Server-sent events: hints that something changed, fanned out to the pages that follow it.

A hint is a topic and nothing else; the page then asks for what it shows, with its own rights. So a lost hint costs time
and never truth: each stream begins with one hint per topic, and what waits for a slow reader is at most that many.
"""

import asyncio
import json
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from studium.edge.counters import Counters

_PER_TOPIC_SECONDS = 0.2
_RETRY_MS = 2_000
_EVICTED_RETRY_MS = 60_000
_DATAGRAM = 64 * 1024
_BURST = 256
TOPICS = 64  # a page follows no more


class Stream:
    """What one page waits for."""

    def __init__(self, user: str, topics: Iterable[str]) -> None:
        self.user = user
        self.topics = frozenset(topics)
        self._pending: dict[str, None] = dict.fromkeys(sorted(self.topics))
        self._sent_at: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._wake.set()
        self.last_words: bytes | None = None

    def hint(self, topic: str) -> None:
        self._pending[topic] = None
        self._wake.set()

    def end(self, words: bytes) -> None:
        self.last_words = words
        self._wake.set()

    async def next(self, heartbeat: float) -> bytes:
        """The next piece to send: one or more events, or a comment that keeps the connection open."""
        try:
            async with asyncio.timeout(heartbeat):
                while True:
                    await self._wake.wait()
                    if self.last_words is not None:
                        return self.last_words
                    now = time.monotonic()
                    due = [t for t in self._pending if now - self._sent_at.get(t, -1e9) >= _PER_TOPIC_SECONDS]
                    if due:
                        return self._take(due, now)
                    self._wake.clear()
                    if self._pending:
                        first = min(self._sent_at[topic] for topic in self._pending)
                        asyncio.get_running_loop().call_later(first + _PER_TOPIC_SECONDS - now, self._wake.set)
        except TimeoutError:
            return b": still here\n\n"

    def _take(self, due: list[str], now: float) -> bytes:
        for topic in due:
            del self._pending[topic]
            self._sent_at[topic] = now
        if not self._pending:
            self._wake.clear()
        return b"".join(b"event: change\ndata: " + topic.encode() + b"\n\n" for topic in due)


class Hub:
    """Who follows which topic."""

    def __init__(self, counters: Counters, *, per_user: int, streams: int) -> None:
        self._counters = counters
        self._per_user = per_user
        self._streams = streams
        self._followers: dict[str, set[Stream]] = {}
        self._of_user: dict[str, OrderedDict[Stream, None]] = {}
        self.closing = False

    def join(self, user: str, topics: Iterable[str]) -> Stream | None:
        """A new stream; None if the edge is full. Past the user's share their oldest page is told to wait a minute.

        Browsers open six connections to a host, so without that share a few tabs would starve every page of it.
        """
        if self._counters.open_streams >= self._streams or self.closing:
            return None
        stream = Stream(user, [topic for topic in topics if _is_topic(topic)][:TOPICS])
        mine = self._of_user.setdefault(user, OrderedDict())
        mine[stream] = None
        for topic in stream.topics:
            self._followers.setdefault(topic, set()).add(stream)
        if len(mine) > self._per_user:
            oldest = next(iter(mine))
            oldest.end(b"retry: %d\n\n" % _EVICTED_RETRY_MS)
            mine.pop(oldest)
        self._counters.open_streams += 1
        return stream

    def leave(self, stream: Stream) -> None:
        self._counters.open_streams -= 1
        for topic in stream.topics:
            followers = self._followers.get(topic, set())
            followers.discard(stream)
            if not followers:
                self._followers.pop(topic, None)
        mine = self._of_user.get(stream.user)
        if mine is not None:
            mine.pop(stream, None)
            if not mine:
                del self._of_user[stream.user]

    def hint(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for stream in self._followers.get(topic, ()):
                stream.hint(topic)

    def close(self) -> None:
        """The edge ends: send every page off to its successor."""
        self.closing = True
        for streams in self._of_user.values():
            for stream in streams:
                stream.end(b"retry: %d\n\n" % _RETRY_MS)


def opening() -> bytes:
    return b"retry: %d\n\n" % _RETRY_MS


def _is_topic(topic: str) -> bool:
    return 0 < len(topic) <= 200 and topic.isprintable()


def read_hint(datagram: bytes) -> list[str]:
    """The topics of a datagram, one JSON object a line; what cannot be read is no hint."""
    topics: list[str] = []
    for line in datagram.splitlines():
        try:
            hint = json.loads(line)
        except (ValueError, RecursionError):
            continue
        listed = hint.get("topics") if isinstance(hint, dict) else None
        if isinstance(listed, list):
            topics += [topic for topic in listed if isinstance(topic, str)]
    return topics


class HintSocket:
    """The unix datagram socket that hints arrive on. A newer edge takes the path over, an older one leaves it alone."""

    def __init__(self, path: str, heard: Callable[[list[str]], None]) -> None:
        self._path = Path(path)
        self._heard = heard
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._inode = 0

    def open(self) -> None:
        if self._path.exists() and not self._path.is_socket():
            raise FileExistsError(f"{self._path} exists and is not a socket")
        # Bound beside its place and moved over it: there is no moment without a socket there.
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        self._socket.bind(str(beside))
        beside.chmod(0o660)
        beside.rename(self._path)
        self._inode = self._path.stat().st_ino
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                datagram = self._socket.recv(_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            self._heard(read_hint(datagram))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            pass
