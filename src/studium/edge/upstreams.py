"""Connections to what is behind the edge: one pool per socket or address, opened at need, closed when long unused."""

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from yarl import URL

from studium.edge.port import Target
from studium.edge.settings import Limits

_KEPT_ALIVE_SECONDS = 15.0
_UNUSED_SECONDS = 120.0
_FIELD_BYTES = 64 * 1024
# Of an answer that comes faster than it is taken, twice as much is held. The web process gives no more large ones at a time
# than it has threads, and takes a sixth less of the edge's time with the larger buffer.
_BUFFER, _WEB_BUFFER = 64 * 1024, 256 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.1
T = TypeVar("T")


@dataclass
class Pool:
    session: aiohttp.ClientSession
    in_use: int = 0
    used_at: float = field(default_factory=time.monotonic)


class Upstreams:
    def __init__(self, limits: Limits, web_socket: str) -> None:
        self._limits = limits
        self._web_socket = web_socket
        self._pools: dict[tuple[str, int], Pool] = {}

    @contextmanager
    def to(self, target: Target | None) -> Iterator[aiohttp.ClientSession]:
        """The session that leads to a target; None for the web process."""
        key = self._key(target)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(self._open(key))
        pool.in_use += 1
        try:
            yield pool.session
        finally:
            pool.in_use -= 1
            pool.used_at = time.monotonic()

    def _key(self, target: Target | None) -> tuple[str, int]:
        if target is None or target.kind == "web":
            return self._web_socket, 0
        return (target.socket, 0) if target.kind == "unix" else (target.host, target.port)

    def _open(self, key: tuple[str, int]) -> aiohttp.ClientSession:
        address, port = key
        connector: aiohttp.BaseConnector
        if port:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_ALIVE_SECONDS)
        else:
            connector = aiohttp.UnixConnector(address, limit=0, keepalive_timeout=_KEPT_ALIVE_SECONDS)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_WEB_BUFFER if key == self._key(None) else _BUFFER,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=self._limits.upstream_connect_seconds,
                sock_read=self._limits.upstream_silence_seconds,
            ),
            max_line_size=_FIELD_BYTES,
            max_field_size=_FIELD_BYTES,
        )

    async def drop_unused(self) -> None:
        """Close what nobody used for a while; runs come and go by the thousand."""
        now = time.monotonic()
        for key, pool in list(self._pools.items()):
            if pool.in_use == 0 and now - pool.used_at > _UNUSED_SECONDS:
                del self._pools[key]
                await pool.session.close()

    async def close(self) -> None:
        pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            await pool.session.close()


async def patiently(attempt: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Try to connect again while the server behind has no room in its queue.

    A TCP connection waits there by itself; a unix socket says no at once, which a busy server must not be blamed for.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except aiohttp.ClientConnectorError as error:
            if error.os_error.errno != errno.EAGAIN or time.monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def url_of(target: Target | None, path: str, query: str) -> URL:
    """The address upstream, spelled exactly as the client spelled it."""
    host, port = "localhost", None
    if target is not None and target.kind == "tcp":
        host, port = target.host, target.port
    prefix = target.path_prefix if target is not None else ""
    return URL.build(scheme="http", host=host, port=port, path=prefix + path, query_string=query, encoded=True)
