"""`Answers`: a port whose answers are kept for a moment, asked for once at a time, and survive a web restart.

A stale answer is used only when the port cannot be reached, only if it was a yes, and only for `stale_seconds`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from studium.edge.port import Grant, Port, PortDown, Target

K = TypeVar("K")
V = TypeVar("V")

_REFUSAL_SECONDS = 1.0
_ENTRIES = 20_000


class Kept(Generic[K, V]):
    """A cache with one asker at a time per key. `ttl` says how long an answer holds, 0 or less for not at all."""

    def __init__(self, ask: Callable[[K], Awaitable[V]], ttl: Callable[[V], float], stale_seconds: float) -> None:
        self._ask = ask
        self._ttl = ttl
        self._stale_seconds = stale_seconds
        self._known: OrderedDict[K, tuple[V, float]] = OrderedDict()  # answer, and when it was given
        self._asking: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        known = self._known.get(key)
        now = time.monotonic()
        if known is not None and now - known[1] < self._ttl(known[0]):
            return known[0]
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch(key))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        try:
            # Shielded: one asker that goes away must not take the answer from the others.
            return await asyncio.shield(task)
        except PortDown:
            if known is not None and known[0] and now - known[1] < self._stale_seconds:
                return known[0]
            raise

    async def _fetch(self, key: K) -> V:
        value = await self._ask(key)
        self._known[key] = (value, time.monotonic())
        self._known.move_to_end(key)
        while len(self._known) > _ENTRIES:
            self._known.popitem(last=False)
        return value

    def _finished(self, key: K, task: asyncio.Task[V]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # noted as seen: every asker may have gone away

    def doubt(self, key: K) -> None:
        """Ask again at the next need; the old answer stays for the case that the port cannot be reached."""
        known = self._known.get(key)
        if known is not None:
            self._known[key] = (known[0], known[1] - max(0.0, self._ttl(known[0])))


class Answers:
    """The port as the edge asks it."""

    def __init__(self, port: Port, *, allowed_seconds: float, stale_seconds: float) -> None:
        self._port = port
        self._targets: Kept[str, Target | None] = Kept(
            port.resolve, lambda target: _REFUSAL_SECONDS if target is None else target.ttl, stale_seconds
        )
        self._rights: Kept[tuple[str, str], bool] = Kept(
            lambda key: port.allowed(*key), lambda yes: allowed_seconds if yes else _REFUSAL_SECONDS, stale_seconds
        )

    async def resolve(self, label: str) -> Target | None:
        return await self._targets.get(label)

    def unreachable(self, label: str) -> None:
        """The target did not answer; ask again where the label leads before the next request."""
        self._targets.doubt(label)

    async def redeem(self, ticket: str, label: str) -> Grant | None:
        return await self._port.redeem(ticket, label)

    async def allowed(self, label: str, user: str) -> bool:
        return await self._rights.get((label, user))

    async def note_activity(self, label: str) -> None:
        await self._port.note_activity(label)

    async def topics(self, cookie: str, query: str) -> list[str] | None:
        return await self._port.topics(cookie, query)
