"""Content hosts: entering by ticket, the right to stay, and the fences around what people made."""

import asyncio
import re
import time
from collections import OrderedDict
from functools import lru_cache, partial
from urllib.parse import quote

from multidict import CIMultiDict

from studium.edge import activity, fences, grants, httpproxy, parts, paths, refusals, wsproxy
from studium.edge.answers import Answers
from studium.edge.asgi import Client
from studium.edge.counters import Counters
from studium.edge.grants import Entered
from studium.edge.httpproxy import Exchange, Refused
from studium.edge.port import PortDown, Target
from studium.edge.settings import EdgeConfig
from studium.edge.upstreams import Upstreams, url_of
from studium.edge.wsproxy import Open, Tunnel

ENTER_PATH = "/-/enter"
# What draws outputs in frames that have no origin, so that nothing tells who asks: the same files for everybody.
_LIBRARY = re.compile(r"/-/lib/([a-z0-9][a-z0-9.-]{0,60}\.js)")
_LIBRARIES_UPSTREAM = "/-/documents/lib/"
_SAFE = ("GET", "HEAD", "OPTIONS")
# So often may one browser be sent to the platform for a ticket before it is told that its cookies do not hold.
_DETOURS = 3
_DETOUR_SECONDS = 15.0
_DETOURS_KNOWN = 10_000
_RECHECKERS = 8


class ContentHosts:
    def __init__(self, config: EdgeConfig, answers: Answers, upstreams: Upstreams, counters: Counters) -> None:
        self._config = config
        self._answers = answers
        self._upstreams = upstreams
        self._counters = counters
        self._pace = activity.Pace()
        self._fences = lru_cache(maxsize=1024)(partial(fences.Content, config))
        self._notes: set[asyncio.Task[None]] = set()
        self._detours: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._exchanges: dict[str, int] = {}
        self.open: dict[Entered, set[Open]] = {}

    async def serve(self, client: Client, label: str) -> None:
        if client.path == ENTER_PATH and not client.websocket:
            await self._enter(client, label)
            return
        library = _LIBRARY.fullmatch(client.path)
        if library and not client.websocket:
            await self._library(client, library[1])
            return
        if paths.is_internal(client.path):
            raise Refused(refusals.NOT_FOUND)
        entered = grants.read_cookies(client.cookies(), label, self._config.signing_keys, time.time())
        if entered is None:
            await self._outside(client, label)
            return
        if crosses_origin(client, self._config.content_origin(label)):
            raise Refused(refusals.CROSS_ORIGIN)
        target = await self._target(entered)
        if not target.terminal and paths.is_terminal(client.path):
            raise Refused(refusals.NO_TERMINAL)
        if target.kind == "web" and paths.climbs(client.path):
            raise Refused(refusals.NOT_FOUND)
        # Documents are only read: a slow body would hold a thread of the web process.
        if target.kind == "web" and (client.method not in _SAFE or client.sends_body()):
            raise Refused(refusals.WRONG_METHOD)
        await self._counted(client, entered, target)

    async def _library(self, client: Client, name: str) -> None:
        """A file of the platform's own. Nothing of the request but what a cache needs goes upstream."""
        if client.method not in ("GET", "HEAD") or client.sends_body():
            raise Refused(refusals.WRONG_METHOD)
        headers = CIMultiDict({"Host": self._config.platform_host, "X-Forwarded-Proto": self._config.scheme})
        for wanted in ("Accept-Encoding", "If-None-Match"):
            if said := client.header(wanted.lower().encode()):
                headers[wanted] = said
        exchange = Exchange(
            url=url_of(None, _LIBRARIES_UPSTREAM + name, ""),
            headers=headers,
            body_limit=0,
            body_seconds=self._config.limits.body_seconds,
            answer_headers=fences.of_library,
            silent=refusals.WEB_SILENT,
            connect_seconds=self._config.limits.upstream_connect_seconds,
        )
        with self._upstreams.to(None) as session:
            await httpproxy.pass_on(client, session, exchange)

    async def _enter(self, client: Client, label: str) -> None:
        """Trade a ticket for the cookie of this host."""
        if client.method != "GET":
            raise Refused(refusals.WRONG_METHOD)
        ticket = _parameter(client.query, "ticket")
        grant = await self._answers.redeem(ticket, label) if ticket else None
        now = time.time()
        if grant is None or grant.label != label or grant.expires_at <= now:
            raise Refused(refusals.bad_ticket(self._config, label))
        path = grant.path if paths.is_local(grant.path) and not paths.is_internal(_path_of(grant.path)) else "/"
        headers = [
            (b"location", path.encode()),
            (b"set-cookie", grants.set_cookie(grant, self._config.signing_keys[0], now).encode()),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
        ]
        await client.respond(303, headers, b"")

    async def _outside(self, client: Client, label: str) -> None:
        """No valid cookie: a page of its own goes to the platform for a ticket, anything else is told what to do."""
        whole_page = client.header(b"sec-fetch-dest") == "document" and client.method in ("GET", "HEAD")
        if whole_page and not client.websocket and self._may_detour(client.link.address, label):
            asked = client.path + (f"?{client.query}" if client.query else "")
            place = f"{self._config.platform_origin}/open/{label}?path={quote(asked, safe='')}"
            await client.respond(303, [(b"location", place.encode()), (b"cache-control", b"no-store")], b"")
            return
        raise Refused(refusals.enter_first(self._config, label))

    def _may_detour(self, address: str, label: str) -> bool:
        """Ends the loop of a browser that keeps no cookies at all."""
        now = time.monotonic()
        recent = [at for at in self._detours.get((address, label), []) if now - at < _DETOUR_SECONDS]
        if len(recent) >= _DETOURS:
            return False
        self._detours[address, label] = [*recent, now]
        self._detours.move_to_end((address, label))
        while len(self._detours) > _DETOURS_KNOWN:
            self._detours.popitem(last=False)
        return True

    async def _target(self, entered: Entered) -> Target:
        if not await self._answers.allowed(entered.label, entered.user):
            raise Refused(refusals.no_longer_allowed(self._config))
        target = await self._answers.resolve(entered.label)
        if target is None:
            raise Refused(refusals.no_content(self._config))
        if target.kind == "down":
            raise Refused(refusals.not_running(self._config, entered.label, target.message))
        return target

    async def _counted(self, client: Client, entered: Entered, target: Target) -> None:
        label = entered.label
        if self._exchanges.get(label, 0) >= self._config.limits.exchanges_per_label:
            raise Refused(refusals.CROWDED)
        self._exchanges[label] = self._exchanges.get(label, 0) + 1
        self._counters.open_exchanges += 1
        try:
            if client.websocket:
                await self._websocket(client, entered, target)
            else:
                await self._request(client, entered, target)
        except Refused as refused:
            if refused.words.code == "edge.content_silent":
                self._answers.unreachable(label)
            raise
        finally:
            self._counters.open_exchanges -= 1
            self._exchanges[label] -= 1
            if not self._exchanges[label]:
                del self._exchanges[label]

    async def _request(self, client: Client, entered: Entered, target: Target) -> None:
        limits = self._config.limits
        if activity.is_execution(client.method, client.path):
            self._note(entered.label)
        headers = fences.to_content(client, self._config, target, entered.label, entered.user)
        exchange = Exchange(
            url=url_of(target, client.path, client.query),
            headers=headers,
            files=parts.offer(self._config, headers) if target.kind == "web" else None,
            body_limit=limits.content_body,
            body_seconds=limits.body_seconds,
            answer_headers=self._fences(target, entered.label).fence,
            silent=refusals.content_silent(self._config, entered.label),
            connect_seconds=self._config.limits.upstream_connect_seconds,
        )
        with self._upstreams.to(target) as session:
            await httpproxy.pass_on(client, session, exchange)

    async def _websocket(self, client: Client, entered: Entered, target: Target) -> None:
        tunnel = Tunnel(
            url=url_of(target, client.path, client.query),
            headers=fences.to_content(client, self._config, target, entered.label, entered.user),
            message_limit=self._config.limits.websocket_message,
            silent=refusals.content_silent(self._config, entered.label),
            connect_seconds=self._config.limits.upstream_connect_seconds,
            seen=self._watcher(entered.label) if activity.is_channel(client.path) else None,
        )
        here = Open()
        self.open.setdefault(entered, set()).add(here)
        self._counters.open_websockets += 1
        try:
            with self._upstreams.to(target) as session:
                await wsproxy.pass_on(client, session, tunnel, self._counters)
        except asyncio.CancelledError:
            if here.ending is None:
                raise
            await wsproxy.close(client, *here.ending)
        finally:
            self._counters.open_websockets -= 1
            self.open[entered].discard(here)
            if not self.open[entered]:
                del self.open[entered]

    def _watcher(self, label: str) -> activity.Seen:
        def seen(message: str | bytes, subprotocol: str | None) -> None:
            # The label noted lately, nothing is looked at: the cost of reading is paid once per pace.
            if self._pace.ready(label, time.monotonic()) and activity.runs_something(message, subprotocol):
                self._note(label)

        return seen

    def _note(self, label: str) -> None:
        now = time.monotonic()
        if not self._pace.ready(label, now):
            return
        self._pace.note(label, now)
        task = asyncio.get_running_loop().create_task(self._tell(label))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _tell(self, label: str) -> None:
        try:
            await self._answers.note_activity(label)
        except PortDown:
            # The runner's own view of busy kernels stands; this note only adds to it.
            self._counters.port_failures += 1

    async def recheck(self) -> None:
        """Close the websockets of people who lost their right, or whose entry has run out."""
        waiting = iter(list(self.open))

        async def look() -> None:
            for entered in waiting:
                if not await self._stays(entered):
                    for here in list(self.open.get(entered, ())):
                        here.end(wsproxy.REFUSED, "your right to this has ended")
                await asyncio.sleep(0)  # thousands of them must not keep a page waiting

        await asyncio.gather(*(look() for _ in range(_RECHECKERS)))

    async def _stays(self, entered: Entered) -> bool:
        try:
            return entered.expires_at > time.time() and await self._answers.allowed(entered.label, entered.user)
        except PortDown:
            return True  # open sockets live through a restart of the web process


def crosses_origin(client: Client, origin: str) -> bool:
    """Whether another origin's page sends this with the visitor's cookie.

    The cookie travels in every frame below our editor's page, so a frame of *other* content could use it: `Origin`
    tells for what changes something and for websockets, the fetch metadata of browsers for the rest. Going to a page
    is fine.
    """
    said = [value.decode("latin-1") for key, value in client.headers if key == b"origin"]
    if said and said != [origin]:
        return True
    if client.header(b"sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    goes_there = client.header(b"sec-fetch-mode") == "navigate" and client.method in _SAFE
    return not goes_there


def _parameter(query: str, name: str) -> str:
    """The value of a parameter that is written without escapes, as tickets are."""
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return value
    return ""


def _path_of(target: str) -> str:
    return target.partition("?")[0].partition("#")[0]
