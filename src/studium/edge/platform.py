"""The platform's own host: pages from the web process, live events, and what the edge says of itself."""

import asyncio
import hashlib
import hmac
import json
import time

import aiohttp

from studium.edge import events, fences, httpproxy, parts, paths, refusals
from studium.edge.answers import Answers
from studium.edge.asgi import Client
from studium.edge.counters import Counters
from studium.edge.events import Hub
from studium.edge.gathering import Gathered, Gathering
from studium.edge.hosts import Place
from studium.edge.httpproxy import Exchange, Refused
from studium.edge.port import PortDown
from studium.edge.protocols import Door
from studium.edge.settings import EdgeConfig
from studium.edge.upstreams import Upstreams, url_of

METRICS_PATH = "/-/edge/metrics"
_LOOPBACK = ("127.0.0.1", "::1")
_HEALTH_SECONDS = 2.0
_HEALTH_KEPT_SECONDS = 1.0
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Platform:
    def __init__(
        self,
        config: EdgeConfig,
        answers: Answers,
        upstreams: Upstreams,
        gathering: Gathering,
        counters: Counters,
        hub: Hub,
        door: Door,
    ) -> None:
        self._config = config
        self._answers = answers
        self._upstreams = upstreams
        self._counters = counters
        self._hub = hub
        self._door = door
        self._gathering = gathering
        self._web_answered: tuple[bool, float] = (False, -_HEALTH_KEPT_SECONDS)

    async def serve(self, client: Client, place: Place) -> None:
        if client.websocket:
            raise Refused(refusals.NO_WEBSOCKET)
        if client.path == METRICS_PATH and self._may_read_metrics(client):
            await client.respond(
                200, [(b"content-type", b"text/plain; version=0.0.4")], self._counters.text(self._door.open).encode()
            )
        elif paths.is_internal(client.path):
            raise Refused(refusals.NOT_FOUND)
        elif client.path == "/healthz":
            await self.health(client)
        elif client.path == "/events":
            await self._events(client)
        else:
            await self._page(client, place)

    async def _page(self, client: Client, place: Place) -> None:
        with self._gathering.gathered(client.link.address) as whole, self._upstreams.to(None) as session:
            await httpproxy.pass_on(client, session, self._exchange(client, place, whole))

    def _exchange(self, client: Client, place: Place, whole: Gathered) -> Exchange:
        limits, headers = self._config.limits, fences.to_platform(client, self._config, place.host)
        return Exchange(
            url=url_of(None, client.path, client.query),
            headers=headers,
            files=parts.offer(self._config, headers),
            body_limit=limits.platform_body,
            body_seconds=limits.body_seconds,
            answer_headers=fences.from_platform,
            silent=refusals.WEB_SILENT,
            connect_seconds=limits.upstream_connect_seconds,
            whole=whole,
            body_pace=limits.body_pace,
        )

    async def health(self, client: Client) -> None:
        """200 if the web process answers too, else 503; either way this process does."""
        answers, asked_at = self._web_answered
        if time.monotonic() - asked_at >= _HEALTH_KEPT_SECONDS:
            answers = await self._ask_web()
            self._web_answered = (answers, time.monotonic())
        body = json.dumps({"edge": "ok", "web": "ok" if answers else "down"}).encode()
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await client.respond(200 if answers else 503, headers, body)

    async def _ask_web(self) -> bool:
        headers = {"Host": self._config.platform_host, "X-Forwarded-Proto": self._config.scheme}
        try:
            with self._upstreams.to(None) as session:
                async with asyncio.timeout(_HEALTH_SECONDS):
                    url = url_of(None, "/healthz", "")
                    async with session.get(url, headers=headers, allow_redirects=False) as response:
                        return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _may_read_metrics(self, client: Client) -> bool:
        given = client.header(b"x-studium-edge-key").encode()
        near = client.link.address in _LOOPBACK and not client.header(b"x-forwarded-for")
        return near and hmac.compare_digest(given, self._config.edge_key.encode())

    async def _events(self, client: Client) -> None:
        if client.method != "GET":
            raise Refused(refusals.WRONG_METHOD)
        if client.header(b"sec-fetch-site") in ("cross-site", "same-site"):
            raise Refused(refusals.CROSS_ORIGIN)
        cookie = client.header(b"cookie")
        try:
            topics = await self._answers.topics(cookie, client.query)
        except PortDown:
            # A browser gives up for good on any status but 200: let it come back on its own.
            self._counters.port_failures += 1
            await client.respond(200, _STREAM_HEADERS, events.opening())
            return
        if topics is None:
            raise Refused(refusals.NOT_SIGNED_IN)
        stream = self._hub.join(hashlib.sha256(cookie.encode()).hexdigest(), topics)
        if stream is None:
            raise Refused(refusals.FULL)
        try:
            await self._follow(client, stream)
        finally:
            self._hub.leave(stream)

    async def _follow(self, client: Client, stream: events.Stream) -> None:
        limits = self._config.limits
        ends_at = time.monotonic() + limits.stream_seconds
        await client.start(200, _STREAM_HEADERS)
        await client.body(events.opening(), more=True)
        while stream.last_words is None and time.monotonic() < ends_at:
            await client.body(await stream.next(limits.heartbeat_seconds), more=True)
        await client.body(b"", more=False)
