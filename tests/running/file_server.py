"""A server of files on loopback that a test makes misbehave: it breaks off, leads elsewhere, changes its mind."""

import hashlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One path. `breaks` are how many bytes of each of the next answers are sent before the connection ends."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    validators: bool = True
    breaks: list[int] = field(default_factory=list)
    length: bool = True
    stall: threading.Event | None = None

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


class FileServer:
    """`files` by path; `asked` has the path and the `Range` of every request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https" if tls else "http"
        self.entry = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, path: str, content: bytes = b"", **more: object) -> str:
        """Serve bytes at a path; its address."""
        self.files[path] = Served(content, **more)  # type: ignore[arg-type]
        return self.url(path)

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.entry}{path}"

    def ranges(self, path: str) -> list[str]:
        return [asked for each, asked in self.asked if each == path]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        path = request.path
        self.asked.append((path, request.headers.get("Range", "")))
        one = self.files.get(path.partition("?")[0])
        if one is None:
            one = Served(b"not here", status=404)
        if one.status == 200 and one.validators and request.headers.get("If-None-Match") == one.etag:
            return _send(request, 304, {"ETag": one.etag}, b"", None)
        start = _start(request, one)
        body = one.content[start:]
        headers = dict(one.headers)
        if one.length:
            headers["Content-Length"] = str(len(body))
        if one.status == 200 and one.ranges:
            headers["Accept-Ranges"] = "bytes"
        if one.status == 200 and one.validators:
            headers["ETag"] = one.etag
        status = one.status
        if start:
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(one.content) - 1}/{len(one.content)}"
        most = one.breaks.pop(0) if one.breaks and status in (200, 206) else None
        _send(request, status, headers, body, most, one.stall)
        return None


def _start(request: BaseHTTPRequestHandler, one: Served) -> int:
    asked = request.headers.get("Range", "")
    same = request.headers.get("If-Range", one.etag) == one.etag
    if not (one.ranges and asked.startswith("bytes=") and same):
        return 0
    return int(asked.removeprefix("bytes=").partition("-")[0])


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    body: bytes,
    most: int | None,
    stall: threading.Event | None = None,
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Connection", "close")
    request.end_headers()
    request.wfile.write(body[:most])
    request.wfile.flush()
    if stall is not None:
        stall.wait(30)


Made = Callable[[], FileServer]
