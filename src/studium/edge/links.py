"""`Link`: the connection under a request, so that the application can learn of its loss and can break it."""

import asyncio
import socket
from collections.abc import Callable

_TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)
_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
# A bound on what waits in the kernel for a slow client: without it megabytes queue before backpressure is felt, and a
# ping sent behind them comes back too late.
_UNSENT_BYTES = 512 * 1024


class Link:
    def __init__(self, transport: asyncio.Transport, stall_seconds: float) -> None:
        self.transport = transport
        self.gone = False
        self._stall_seconds = stall_seconds
        self._stall: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[], object]] = []
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) and peer else ""

    def tune(self) -> None:
        """Let the kernel give up on a client that vanished without a word or never reads."""
        sock = self.transport.get_extra_info("socket")
        if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        milliseconds = int(self._stall_seconds * 1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, int(self._stall_seconds)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, milliseconds)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def on_lost(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` when the client goes away. Returns the function that takes it back."""
        self._listeners.append(listener)

        def forget() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return forget

    def lost(self) -> None:
        self.writable()
        self.gone = True
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def stalled(self) -> None:
        """The client does not take what was written; it has `stall_seconds` to go on."""
        if self._stall is None:
            self._stall = asyncio.get_running_loop().call_later(self._stall_seconds, self.transport.abort)

    def writable(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def close_soon(self, seconds: float) -> None:
        """Close, and if the client does not take the rest in time, break the connection."""
        self.transport.close()
        asyncio.get_running_loop().call_later(seconds, self.abort)

    def abort(self) -> None:
        if not self.gone:
            self.transport.abort()
