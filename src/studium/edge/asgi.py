"""The ASGI names the edge uses, and `Client`: one request or websocket as the edge sees it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from studium.edge.links import Link

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Client:
    """One exchange with a client: what was asked, and how to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.send = send
        self.websocket: bool = scope["type"] == "websocket"
        self.method: str = "GET" if self.websocket else scope["method"]
        self.headers: Headers = scope["headers"]
        self.link: Link = scope["state"]["link"]
        # The target as it came over the wire; the HTTP protocol notes it, a websocket's path still is it.
        self.target: bytes = scope["raw_path"] if self.websocket else scope["state"]["target"]
        self.path = _origin_form(scope["raw_path"])
        self.query: str = scope["query_string"].decode("latin-1")
        self.subprotocols: list[str] = scope.get("subprotocols", [])
        self.status = 0
        self.sent = 0
        self.started = False
        self.body_done = False

    def header(self, name: bytes) -> str:
        """The first header of this name, or nothing."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    def cookies(self) -> list[tuple[str, str]]:
        """Names and values in order; a name may come twice."""
        pairs = []
        for key, value in self.headers:
            if key == b"cookie":
                for part in value.decode("latin-1").split(";"):
                    name, separator, content = part.strip().partition("=")
                    # A cookie without `=` has no name: browsers send its value alone.
                    pairs.append((name.strip(), content.strip()) if separator else ("", name.strip()))
        return pairs

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        self.status = status
        kind = "websocket.http.response.start" if self.websocket else "http.response.start"
        await self.send({"type": kind, "status": status, "headers": headers})

    async def body(self, data: bytes, more: bool) -> None:
        self.sent += len(data)
        kind = "websocket.http.response.body" if self.websocket else "http.response.body"
        await self.send({"type": kind, "body": data, "more_body": more})

    async def respond(self, status: int, headers: Headers, data: bytes) -> None:
        """A whole answer. A body the client still sends is not waited for: its connection ends with the answer."""
        headers = [*headers, (b"content-length", b"%d" % len(data))]
        if not self.websocket and not self.body_done and self.sends_body():
            headers.append((b"connection", b"close"))
        await self.start(status, headers)
        await self.body(data, more=False)

    def sends_body(self) -> bool:
        return self.header(b"content-length") not in ("", "0") or self.header(b"transfer-encoding") != ""


def _origin_form(raw_path: bytes) -> str:
    """The path alone. A websocket's target may be absolute (`ws://host/path`); its host has been checked elsewhere."""
    path = raw_path.decode("latin-1")
    if "://" in path and not path.startswith("/"):
        rest = path.partition("://")[2]
        path = "/" + rest.partition("/")[2]
    return path or "/"
