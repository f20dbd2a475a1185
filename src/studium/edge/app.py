"""The edge as an ASGI application: each exchange goes to the platform or to a content host, by its `Host`."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Protocol, runtime_checkable

import structlog
from uvicorn.protocols.utils import ClientDisconnected

from studium.edge import refusals
from studium.edge.answers import Answers
from studium.edge.asgi import Client, Message, Receive, Scope, Send
from studium.edge.content import ContentHosts
from studium.edge.counters import Counters
from studium.edge.events import HintSocket, Hub
from studium.edge.gathering import Gathering
from studium.edge.hosts import Hosts, Place
from studium.edge.httpproxy import Broken, ClientGone, Refused
from studium.edge.pages import Say, say
from studium.edge.paths import loggable
from studium.edge.platform import Platform
from studium.edge.port import Port, PortDown
from studium.edge.protocols import Door
from studium.edge.settings import EdgeConfig
from studium.edge.upstreams import Upstreams

_TIDY_SECONDS = 30.0

log = structlog.get_logger("studium.edge")


@runtime_checkable
class Closable(Protocol):
    async def close(self) -> None: ...


class Edge:
    """One edge. `door` and `hub` are open to the server that runs it, `gathering` to tests."""

    def __init__(self, config: EdgeConfig, port: Port) -> None:
        self.config = config
        self.counters = Counters()
        limits = config.limits
        self.door = Door(limits, config.trusted_proxies)
        self.hub = Hub(self.counters, per_user=limits.streams_per_user, streams=limits.streams)
        self._port = port
        self._hosts = Hosts(config)
        self._upstreams = Upstreams(limits, config.web_socket)
        answers = Answers(port, allowed_seconds=limits.allowed_seconds, stale_seconds=limits.stale_seconds)
        self.gathering = Gathering(limits)
        self._content = ContentHosts(config, answers, self._upstreams, self.counters)
        self._platform = Platform(config, answers, self._upstreams, self.gathering, self.counters, self.hub, self.door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        client = Client(scope, receive, send)
        began = time.monotonic()
        place = self._hosts.place(client.headers, client.target)
        task = asyncio.current_task()
        assert task is not None
        if client.websocket:
            await receive()  # `websocket.connect`: the rest of its life the tunnel reads
            await self._answer(client, place)
        else:
            forget = client.link.on_lost(task.cancel)
            try:
                await self._answer(client, place)
            except asyncio.CancelledError:
                if not client.link.gone:
                    raise
            finally:
                forget()
        self._account(client, place, time.monotonic() - began)

    async def _answer(self, client: Client, place: Place) -> None:
        try:
            await self._route(client, place)
        except Refused as refused:
            await self._refuse(client, place, refused.words)
        except PortDown:
            self.counters.port_failures += 1
            await self._refuse(client, place, refusals.PORT_DOWN)
        except ClientGone:
            pass
        except ClientDisconnected:
            raise  # the server's own word for a websocket whose client is gone; it knows what to do
        except Broken as broken:
            log.warning("answer broken off", host=place.host, path=loggable(client.path), reason=str(broken))
            await self._break(client)
        except Exception as error:
            if isinstance(error, OSError) and client.link.gone:
                return
            # Only the kind: a message could quote an address with its query.
            log.error("fault", host=place.host, path=loggable(client.path), kind=type(error).__name__, exc_info=True)
            if client.started:
                await self._break(client)
            else:
                await self._refuse(client, place, refusals.FAULT)

    async def _route(self, client: Client, place: Place) -> None:
        if place.loopback and client.path == "/healthz" and not client.websocket:
            await self._platform.health(client)
        elif place.kind == "platform":
            await self._platform.serve(client, place)
        elif place.kind == "content":
            await self._content.serve(client, place.label)
        else:
            raise Refused(refusals.misdirected(self.config))

    async def _refuse(self, client: Client, place: Place, words: Say) -> None:
        self.counters.refused[words.code] += 1
        if client.link.gone:
            if client.websocket:
                raise ClientDisconnected
            return
        # A content host's own words appear in the frame its content would be in.
        ancestors = self.config.platform_origin if place.kind == "content" else "'none'"
        await say(client, words, ancestors=ancestors)

    async def _break(self, client: Client) -> None:
        """Half an answer must not look like a whole one: reset the connection, and wait until it is gone."""
        gone = asyncio.Event()
        client.link.on_lost(gone.set)
        client.link.abort()
        try:
            async with asyncio.timeout(5):
                await gone.wait()
        except asyncio.CancelledError:
            if not client.link.gone:
                raise

    def _account(self, client: Client, place: Place, seconds: float) -> None:
        self.counters.requests[place.kind, client.status // 100] += 1
        self.counters.sent_bytes += client.sent
        if self.config.access_log or client.status >= 500:
            log.info(
                "exchange",
                client=client.link.address,
                host=place.host,
                method=client.method,
                path=loggable(client.path),
                websocket=client.websocket,
                status=client.status,
                bytes=client.sent,
                ms=round(seconds * 1000, 1),
            )

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start and stop with the server (the ASGI lifespan)."""
        await receive()
        hints: HintSocket | None = None
        chores = [
            asyncio.create_task(self._every(self.config.limits.recheck_seconds, self._content.recheck)),
            asyncio.create_task(self._every(_TIDY_SECONDS, self._upstreams.drop_unused)),
        ]
        if self.config.hint_socket:
            hints = HintSocket(self.config.hint_socket, self._heard)
            hints.open()
        started: Message = {"type": "lifespan.startup.complete"}
        await send(started)
        await receive()
        for chore in chores:
            chore.cancel()
        await asyncio.wait(chores)
        if hints is not None:
            hints.close()
        await self._upstreams.close()
        if isinstance(self._port, Closable):
            await self._port.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _heard(self, topics: list[str]) -> None:
        self.counters.hints += 1
        self.hub.hint(topics)

    async def _every(self, seconds: float, chore: "Chore") -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await chore()
            except Exception as error:
                log.error("chore failed", kind=type(error).__name__, exc_info=True)


class Chore(Protocol):
    def __call__(self) -> Coroutine[Any, Any, None]: ...


def create_app(config: EdgeConfig, port: Port) -> Edge:
    """The edge for this configuration, knowing the platform through this port."""
    return Edge(config, port)
