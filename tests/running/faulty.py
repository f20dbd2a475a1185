"""A server in front of another on loopback that can be told to fail: it hangs up, answers 503, or says nothing."""

import contextlib
import socket
import threading
from collections.abc import Iterator

_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Faulty:
    """`mode` is `pass`, `cut`, `503` or `mute`, for connections that come and those that are there; `after` so many first pass.

    `refused` counts the requests that did not.
    """

    def __init__(self, port: int) -> None:
        self.mode, self.after, self.refused = "pass", 0, 0
        self._to = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def fail(self, mode: str, after: int = 0) -> None:
        self.mode, self.after, self.refused = mode, after, 0
        self._cut()

    def close(self) -> None:
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(caller,), daemon=True).start()

    def _attend(self, caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as upstream:
            self._open += [caller, upstream]
            threading.Thread(target=self._back, args=(upstream, caller), daemon=True).start()
            while piece := caller.recv(65536):
                if self.mode != "pass" and self.after <= 0:
                    self.refused += 1
                    if self.mode == "503":
                        caller.sendall(_ANSWER)
                    if self.mode == "mute":
                        caller.recv(1)  # until it hangs up
                    return
                self.after -= 1
                upstream.sendall(piece)

    def _back(self, upstream: socket.socket, caller: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := upstream.recv(65536):
                caller.sendall(piece)
            caller.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def faulty(port: int) -> Iterator[Faulty]:
    server = Faulty(port)
    try:
        yield server
    finally:
        server.close()
