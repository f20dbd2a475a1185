"""What the edge's tests stand on: a real edge on a real port, and real servers behind it on unix sockets."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from studium.edge import grants
from studium.edge.app import Edge, create_app
from studium.edge.memoryport import MemoryPort
from studium.edge.port import Grant, Target
from studium.edge.server import EdgeServer, listen
from studium.edge.settings import EdgeConfig, Limits

KEY = b"k" * 32
PLATFORM = "localhost:8000"
LABEL = "nb1"
CONTENT = f"{LABEL}.localhost:8000"
ORIGIN = f"http://{CONTENT}"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition; a test never waits for time itself."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


class Loop:
    """An event loop in a thread, for servers beside the test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, coroutine: Awaitable[object]) -> object:
        async def run() -> object:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    async def _cancel_rest(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_rest(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@dataclass
class Seen:
    """A request as the upstream saw it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Upstream:
    """A server on a unix socket that notes each request and answers as its handler says."""

    path: str
    seen: list[Seen] = field(default_factory=list)
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 40)
        app.router.add_route("*", "/{any:.*}", self._serve)
        self.runner = web.AppRunner(app, shutdown_timeout=0.2, auto_decompress=False)
        await self.runner.setup()
        await web.UnixSite(self.runner, self.path).start()

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.raw_headers]
        own = self.handler is not None
        body = b"" if own else await request.read()
        self.seen.append(Seen(request.method, request.raw_path, headers, body))
        if self.handler is not None:
            return await self.handler(request)
        return web.json_response({"path": request.raw_path, "length": len(body)})


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class Rig:
    """One edge with a web process and one content behind it."""

    def __init__(
        self, folder: Path, limits: Limits | None = None, *, for_browser: bool = False, **config: object
    ) -> None:
        """`for_browser`: the platform's host names the real port, as a browser will."""
        self.side = Loop()
        self.web = Upstream(str(folder / "web.sock"))
        self.content = Upstream(str(folder / "nb.sock"))
        for upstream in (self.web, self.content):
            self.side.call(upstream.start())
        self.port = MemoryPort()
        self.port.targets[LABEL] = Target(kind="unix", socket=self.content.path)
        self.listener = listen("127.0.0.1", 0)
        self.number: int = self.listener.getsockname()[1]
        host = f"localhost:{self.number}" if for_browser else PLATFORM
        self.hint_socket = str(folder / "hints.sock")
        self.config = EdgeConfig(
            platform_host=host,
            content_domain=host,
            web_socket=self.web.path,
            signing_keys=(KEY,),
            edge_key="edge-key-for-tests",
            hint_socket=self.hint_socket,
            limits=limits or Limits(),
            **config,  # type: ignore[arg-type]
        )
        self.edge: Edge = create_app(self.config, self.port)
        self.server = EdgeServer(self.edge)
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)
        self._thread.start()
        until(lambda: self.server.started)

    def close(self) -> None:
        self.stop_edge()
        for upstream in (self.web, self.content):
            self.side.call(upstream.stop())
        self.side.close()

    def stop_edge(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the edge did not end"

    def cookie(self, label: str = LABEL, user: str = "ann", seconds: float = 3600, key: bytes = KEY) -> str:
        grant = Grant(label=label, user=user, expires_at=time.time() + seconds)
        return f"{grants.COOKIE}={grants.cookie_value(grant, key)}"

    def ask(
        self,
        host: str,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        entered: bool = False,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.number, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if entered and "Cookie" not in (headers or {}):
                connection.putheader("Cookie", self.cookie())
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def enter(self, path: str, **more: object) -> Answer:
        """Ask the content host as someone who has entered."""
        return self.ask(CONTENT, path, entered=True, **more)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.number), timeout=20)

    def raw(self, data: bytes) -> bytes:
        """Send bytes, read until the edge closes or has answered once."""
        with self.connect() as wire:
            wire.sendall(data)
            wire.settimeout(20)
            received = b""
            while b"\r\n\r\n" not in received:
                piece = wire.recv(65536)
                if not piece:
                    break
                received += piece
            return received


@contextmanager
def running(
    folder: Path, limits: Limits | None = None, *, for_browser: bool = False, **config: object
) -> Iterator[Rig]:
    rig = Rig(folder, limits, for_browser=for_browser, **config)
    try:
        yield rig
    finally:
        rig.close()
