"""A port of this sandbox's own loopback that leads to the run's proxy, for programs that speak to no unix socket."""

import contextlib
import socket
import threading

_PIECE = 256 * 1024


def open_bridge(path: str) -> int:
    """Listen on a port and pass each connection on to the socket at `path`; the port. Lasts as long as the process."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
    return int(listener.getsockname()[1])


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        caller, _ = listener.accept()
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            caller.close()
            proxy.close()
            continue
        for source, target in ((caller, proxy), (proxy, caller)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listens = True
        while piece := source.recv(_PIECE):
            # Whoever stopped listening may have said why: the other hears it once it has spoken to its end.
            with contextlib.suppress(OSError):
                if listens:
                    listens = False
                    target.sendall(piece)
                    listens = True
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
