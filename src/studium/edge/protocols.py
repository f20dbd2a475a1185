"""The server's protocols with what it leaves out: bounds on slow, silent and greedy clients.

uvicorn has no time limit for request headers, none for a client that stops reading, no cap on connections per address,
and shows the application no absolute request target. These subclasses add just that.
"""

import asyncio
import random
from collections import Counter
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from studium.edge.links import Link
from studium.edge.settings import Limits

_LINGER_SECONDS = 5.0
_LAST_REQUEST_SECONDS = 0.5
_REASONS = {408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


class Door:
    """Counts connections, all together and by address."""

    def __init__(self, limits: Limits, trusted_proxies: frozenset[str]) -> None:
        self.limits = limits
        self._trusted = trusted_proxies
        self.open = 0
        self.closing = False  # the edge ends: each connection serves the request it has, and no further one
        self._by_address: Counter[str] = Counter()

    def enter(self, link: Link) -> bool:
        """Admit a connection or not. An admitted one is counted until it is lost."""
        full = self.open >= self.limits.connections
        crowded = self._by_address[link.address] >= self.limits.connections_per_address
        if full or (crowded and link.address not in self._trusted):
            return False
        self.open += 1
        self._by_address[link.address] += 1
        link.on_lost(lambda: self._leave(link.address))
        return True

    def _leave(self, address: str) -> None:
        self.open -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class EdgeHttpProtocol(HttpToolsProtocol):
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door: Door = cast(Any, config.app).door
        self._link: Link | None = None
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = False
        self._handed_over = False  # to the websocket protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limits = self._door.limits
        self._link = link = Link(transport, limits.stall_seconds)
        link.tune()
        self.app_state = {**self.app_state, "link": link}
        if not self._door.enter(link):
            self._turn_away(503)
        elif self._door.closing:
            self.shutdown()
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)
        if self._link is not None:
            self._link.lost()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._header_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.parser is None or self._handed_over:
            return
        if self._in_headers and self._header_bytes > self._door.limits.header_bytes:
            self._turn_away(431)
        elif self._in_headers or (self.timeout_keep_alive_task is None and not self._busy()):
            # Bytes came, but no whole request: be it half a header or line ends that never become one.
            self._await_headers()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._headers_came()
        super().on_headers_complete()
        if self._door.closing and self.cycle is not None:
            self.cycle.keep_alive = False
        self.scope["state"]["target"] = bytes(self.url)

    def shutdown(self) -> None:
        # A request may be on its way on a connection that looks idle, and closing now would reset it.
        if self._busy():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_LAST_REQUEST_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._busy() and not self.transport.is_closing():
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._link is not None:
            self._link.stalled()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._link is not None:
            self._link.writable()

    def handle_websocket_upgrade(self) -> None:
        self._handed_over = True
        self._headers_came()
        super().handle_websocket_upgrade()

    def _await_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self._door.limits.header_seconds, self._headers_late)

    def _headers_came(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_late(self) -> None:
        self._header_timer = None
        if self._busy():
            # An answer is under way, and until it is out the next request may not even be read.
            self._await_headers()
        else:
            self._turn_away(408)

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _turn_away(self, status: int) -> None:
        """A short answer and the end of the connection, said before there is a request to answer."""
        if self._link is None or self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self._link.close_soon(_LINGER_SECONDS)


class EdgeWebSocketProtocol(WebSocketsSansIOProtocol):
    """Takes over the connection and its `Link` from `EdgeHttpProtocol`."""

    @property
    def _link(self) -> Link:
        return cast(Link, self.app_state["link"])

    @property
    def _ping_seconds(self) -> float:
        return self.config.ws_ping_interval or 20.0

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._link.lost()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._link.stalled()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._link.writable()

    def schedule_ping(self) -> None:
        # Spread out: sockets opened together, as after a restart, would else be pinged together for ever.
        seconds = self._ping_seconds * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        self.ping_timer = self.loop.call_later(seconds, self.send_keepalive_ping)

    def keepalive_timeout(self) -> None:
        # The client does not even answer a ping: what waits for it will never be taken.
        super().keepalive_timeout()
        self._link.close_soon(_LINGER_SECONDS)

    def shutdown(self) -> None:
        super().shutdown()
        self._link.close_soon(_LINGER_SECONDS)
