"""Passing on one websocket, message by message in both directions, with its subprotocol and its close code.

A direction reads its next message only when the last one was taken, so a stopped reader stops the writer behind it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType
from multidict import CIMultiDict
from yarl import URL

from studium.edge.asgi import Client
from studium.edge.counters import Counters
from studium.edge.httpproxy import Refused
from studium.edge.pages import Say
from studium.edge.upstreams import patiently

RESTARTING = 1012
REFUSED = 1008
_BAD_GATEWAY = 1014
_CLOSE_SECONDS = 2.0
# Codes that only report a state and may not be sent (RFC 6455 section 7.4.1), and what is said instead.
_UNSENDABLE = {1004: 1000, 1005: 1000, 1006: 1001, 1015: 1011}


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """Where a websocket goes. `seen` is shown each message of the client with the subprotocol agreed on."""

    url: URL
    headers: CIMultiDict[str]
    message_limit: int
    silent: Say
    connect_seconds: float
    seen: Callable[[str | bytes, str | None], None] | None = None


class Open:
    """An open websocket that someone else may end."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = asyncio.current_task()
        self.ending: tuple[int, str] | None = None

    def end(self, code: int, reason: str) -> None:
        if self.ending is None and self._task is not None:
            self.ending = (code, reason)
            self._task.cancel()


async def pass_on(client: Client, session: aiohttp.ClientSession, tunnel: Tunnel, counters: Counters) -> None:
    """Connect upstream, accept the client, pump until either side ends. Raises `Refused` before the client is in."""
    upstream = await _connect(client, session, tunnel)
    try:
        await client.send({"type": "websocket.accept", "subprotocol": upstream.protocol})
        client.started = True
        client.status = 101
        await _pump(client, upstream, tunnel, counters)
    finally:
        await _let_go(upstream)


async def _connect(client: Client, session: aiohttp.ClientSession, tunnel: Tunnel) -> ClientWebSocketResponse[bool]:
    async def connect() -> ClientWebSocketResponse[bool]:
        return await session.ws_connect(
            tunnel.url,
            headers=tunnel.headers,
            protocols=client.subprotocols,
            max_msg_size=tunnel.message_limit + 1,  # the client library refuses what reaches its bound
            timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=_CLOSE_SECONDS),
            compress=0,
        )

    try:
        return await patiently(connect, tunnel.connect_seconds)
    except aiohttp.WSServerHandshakeError as error:
        status = error.status if 400 <= error.status < 600 else 502
        raise Refused(
            Say(
                status=status,
                code="edge.websocket_refused",
                title="The connection was refused",
                text=f"The server behind this address answered {status} instead of opening a websocket.",
            )
        ) from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Refused(tunnel.silent) from error


async def _pump(client: Client, upstream: ClientWebSocketResponse[bool], tunnel: Tunnel, counters: Counters) -> None:
    """One direction here, the other in a task beside; the first to end ends both."""
    forth = asyncio.current_task()
    assert forth is not None
    back = asyncio.get_running_loop().create_task(_to_client(client, upstream, counters))
    pumping, stopped = True, False

    def stop(_: asyncio.Task[None]) -> None:
        nonlocal stopped
        if pumping:
            stopped = True
            forth.cancel()

    back.add_done_callback(stop)
    try:
        if not await _to_upstream(client, upstream, tunnel, counters):
            pumping = False
            await asyncio.wait([back], timeout=_CLOSE_SECONDS)  # it tells the client how the upstream ended
    except asyncio.CancelledError:
        if not stopped:
            raise
        forth.uncancel()
    finally:
        pumping = False
        back.cancel()
        await asyncio.wait([back])
        if not back.cancelled():
            back.exception()  # a client that went away while it was written to


async def _to_upstream(
    client: Client, upstream: ClientWebSocketResponse[bool], tunnel: Tunnel, counters: Counters
) -> bool:
    """True when the client ended it, False when the upstream takes no more."""
    seen, protocol = tunnel.seen, upstream.protocol
    while True:
        message = await client.receive()
        if message["type"] == "websocket.disconnect":
            await upstream.close(code=sendable(message.get("code")), message=_reason(message.get("reason")).encode())
            return True
        text = message.get("text")
        data = message.get("bytes") if text is None else text
        if data is None:
            continue
        counters.websocket_messages["in"] += 1
        if seen is not None:
            seen(data, protocol)
        try:
            if text is not None:
                await upstream.send_str(text)
            else:
                await upstream.send_bytes(data)
        except (ConnectionError, aiohttp.ClientError):
            return False


async def _to_client(client: Client, upstream: ClientWebSocketResponse[bool], counters: Counters) -> None:
    while True:
        message = await upstream.receive()
        if message.type is WSMsgType.TEXT:
            await client.send({"type": "websocket.send", "text": message.data})
        elif message.type is WSMsgType.BINARY:
            await client.send({"type": "websocket.send", "bytes": message.data})
        else:
            reason = message.extra if message.type is WSMsgType.CLOSE else ""
            code = upstream.close_code
            await close(client, _BAD_GATEWAY if code in (None, 1006) else sendable(code), reason or "")
            return
        counters.websocket_messages["out"] += 1


async def close(client: Client, code: int, reason: str) -> None:
    await client.send({"type": "websocket.close", "code": code, "reason": _reason(reason)})


async def _let_go(upstream: ClientWebSocketResponse[bool]) -> None:
    """Tell the upstream that its client is gone; a client that vanished must not leave a half-open socket there."""
    if not upstream.closed:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await upstream.close(code=1001)
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass


def sendable(code: int | None) -> int:
    """A close code that may stand in a close frame."""
    if code is None:
        return 1000
    code = _UNSENDABLE.get(code, code)
    return code if 1000 <= code <= 1014 or 3000 <= code <= 4999 else 1000


def _reason(reason: object) -> str:
    """A reason that fits into a close frame: 123 bytes of UTF-8."""
    return str(reason or "").encode()[:123].decode(errors="ignore")
