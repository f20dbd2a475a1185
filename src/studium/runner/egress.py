"""The way out of a run that may reach a few named hosts and nothing else: an HTTP proxy on a socket in the run's folder.

The sandbox itself has no network. What it says to the proxy is hostile: only a host and port of the list is dialled, by a
process with the run's uid, and what travels then is between the two. Names are resolved here, not inside.
"""

import contextlib
import encodings.idna  # noqa: F401 (resolving a name needs it, and a process of the run's uid may not find it)
import os
import select
import socket
import threading
from collections.abc import Collection, Sequence

from . import addresses

SOCKET = "egress.sock"
_HEAD, _PIECE = 64 * 1024, 256 * 1024
_DIAL_SECONDS, _IDLE_SECONDS = 30.0, 300.0
_MOST = 64


class RefusedError(Exception):
    """The proxy does not do this; the text is said to whoever asked."""


def listen(folder: str, owner: tuple[int, int] | None) -> socket.socket:
    """A socket in the run's folder that the run may connect to."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        path = f"/proc/self/fd/{place}/{SOCKET}"  # the folder's own path may be too long for a socket's
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        if owner is not None:
            os.chown(SOCKET, *owner, dir_fd=place, follow_symlinks=False)
        os.chmod(SOCKET, 0o600, dir_fd=place)
        listener.listen(_MOST)
        return listener
    finally:
        os.close(place)


def serve(listener: socket.socket, allowed: Collection[str], within: Sequence[str] | None = None) -> None:
    """Answer for good. `allowed` has `host:port` in small letters, or `*:port` for every host.

    With `within`, for hosts that somebody chose, only public addresses are dialled and what its entries allow.
    """
    room = threading.BoundedSemaphore(_MOST)
    while True:
        room.acquire()
        caller, _ = listener.accept()
        threading.Thread(target=_attend, args=(caller, allowed, within, room), daemon=True).start()


def stand_in(listener: socket.socket, target: str, within: Sequence[str]) -> None:
    """Answer for good in the place of one server, `host:port`, for a caller that asks no proxy for it."""
    room = threading.BoundedSemaphore(_MOST)
    while True:
        room.acquire()
        caller, _ = listener.accept()
        threading.Thread(target=_pass_on, args=(caller, target, within, room), daemon=True).start()


def _pass_on(caller: socket.socket, target: str, within: Sequence[str], room: threading.BoundedSemaphore) -> None:
    host, _, port = target.rpartition(":")
    try:
        with caller, contextlib.suppress(OSError, RefusedError), _dial(host.strip("[]"), int(port), within) as upstream:
            _relay(caller, upstream)
    finally:
        room.release()


def _attend(
    caller: socket.socket, allowed: Collection[str], within: Sequence[str] | None, room: threading.BoundedSemaphore
) -> None:
    try:
        with caller, contextlib.suppress(OSError):
            caller.settimeout(_DIAL_SECONDS)
            try:
                head, rest = _read_head(caller)
                target, opening, answer = understood(head, allowed)
                host, _, port = target.rpartition(":")
                with _dial(host.strip("[]"), int(port), within) as upstream:
                    caller.sendall(answer)
                    upstream.sendall(opening + rest)
                    _relay(caller, upstream)
            except RefusedError as error:
                _say(caller, "403 Forbidden", str(error))
            except UnicodeError:  # a name that no resolver can be asked for
                _say(caller, "502 Bad Gateway", "It cannot be reached: this is no host.")
            except OSError as error:
                _say(caller, "502 Bad Gateway", f"It cannot be reached: {error.strerror or error}.")
    finally:
        room.release()


def _dial(host: str, port: int, within: Sequence[str] | None) -> socket.socket:
    if within is None:
        return socket.create_connection((host, port), _DIAL_SECONDS)
    try:
        return addresses.dial(host, port, within, _DIAL_SECONDS)
    except addresses.ClosedError as error:
        raise RefusedError(f"{host} is at {error}, which is not open to runs.") from None


def _say(caller: socket.socket, status: str, words: str) -> None:
    body = words.encode(errors="replace") + b"\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    caller.sendall(head.encode() + body)


def _read_head(caller: socket.socket) -> tuple[bytes, bytes]:
    seen = b""
    while b"\r\n\r\n" not in seen:
        piece = caller.recv(_PIECE)
        if not piece or len(seen) > _HEAD:
            raise RefusedError("This is no request.")
        seen += piece
    head, _, rest = seen.partition(b"\r\n\r\n")
    return head, rest


def understood(head: bytes, allowed: Collection[str]) -> tuple[str, bytes, bytes]:
    """Where a request goes, what is sent there first, and what is answered before. Raises RefusedError."""
    try:
        first, *lines = head.decode("ascii").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError:
        raise RefusedError("This is no request.") from None
    if not version.startswith("HTTP/1."):
        raise RefusedError("This is no request.")
    if method == "CONNECT":
        return _permitted(target, allowed), b"", b"HTTP/1.1 200 Connection established\r\n\r\n"
    if not target.lower().startswith("http://"):
        raise RefusedError("This is a proxy; it is asked for whole addresses.")
    host, slash, path = target[7:].partition("/")
    where = _permitted(host if ":" in host.rpartition("]")[2] else f"{host}:80", allowed)
    # One request a connection: what follows on it goes to the same host whatever it says.
    dropped = ("host:", "connection:", "proxy-", "keep-alive:")
    kept = [line for line in lines if not line.lower().startswith(dropped)]
    request = [f"{method} {slash or '/'}{path} HTTP/1.1", f"Host: {host}", *kept, "Connection: close", "", ""]
    return where, "\r\n".join(request).encode(), b""


def _permitted(target: str, allowed: Collection[str]) -> str:
    host, _, port = target.lower().rpartition(":")
    if target.lower() in allowed or (host and port.isascii() and port.isdigit() and f"*:{int(port)}" in allowed):
        return target.lower()
    raise RefusedError(f"{target[:200]} is not among the hosts that this run may reach.")


def _relay(caller: socket.socket, upstream: socket.socket) -> None:
    """Both directions until both have ended or nothing has moved for long."""
    ways = {caller: upstream, upstream: caller}
    while ways:
        ready, _, _ = select.select(list(ways), [], [], _IDLE_SECONDS)
        if not ready:
            return
        for source in ready:
            piece = source.recv(_PIECE)
            if piece:
                try:
                    ways[source].sendall(piece)
                except (BrokenPipeError, ConnectionResetError):
                    if source is upstream:
                        raise
                    del ways[source]  # upstream stopped listening, and may have said why
                continue
            with contextlib.suppress(OSError):
                ways[source].shutdown(socket.SHUT_WR)
            del ways[source]
            if source is upstream:
                return
