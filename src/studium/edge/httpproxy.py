"""Passing on one HTTP exchange, piece by piece in both directions.

Nothing is collected: a piece is read only when the other side has taken the one before, so a slow reader of a fast
producer holds a few hundred kilobytes and no more.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from studium.edge import parts
from studium.edge.asgi import Client, Headers
from studium.edge.pages import Say
from studium.edge.upstreams import patiently

# Up to this size a body is read whole before it goes on: one write instead of several.
_SMALL = 64 * 1024
_BODYLESS = (204, 304)


class Refused(Exception):
    """The exchange ends with these words instead of the upstream's answer."""

    def __init__(self, words: Say) -> None:
        super().__init__(words.code)
        self.words = words


class Broken(Exception):
    """The exchange cannot be finished, and part of the answer is out already: the connection must break."""


class ClientGone(Exception):
    """Nobody is there to answer."""


TOO_LARGE = Say(
    status=413,
    code="edge.body_too_large",
    title="That is too large",
    text="The request is larger than this server takes in one piece.",
)
TOO_SLOW = Say(
    status=408,
    code="edge.body_too_slow",
    title="The request did not arrive",
    text="The rest of the request was not sent in time.",
)


class Whole(Protocol):
    """Takes a body whole and gives it again."""

    size: int

    async def take(self, body: "Body") -> None: ...

    def pieces(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Where a request goes and how its answer comes back."""

    url: URL
    headers: CIMultiDict[str]
    body_limit: int
    body_seconds: float
    answer_headers: Callable[[Iterable[tuple[bytes, bytes]]], Headers]
    connect_seconds: float
    silent: Say  # said when the upstream does not answer
    whole: Whole | None = None  # takes the body before the upstream is asked
    body_pace: int = 0
    files: Path | None = None  # whose parts an answer of the upstream may name


class Body:
    """The client's body as it arrives. Remembers why it ended early: the HTTP client wraps what is raised in it.

    `pace` is how many bytes a second it must bring on the whole, 0 for any; `seconds` may pass without one.
    """

    def __init__(self, client: Client, limit: int, seconds: float, pace: int = 0) -> None:
        self._client = client
        self._limit = limit
        self._seconds = seconds
        self._pace = pace
        self._read = 0
        self.failure: Exception | None = None

    def check_length(self) -> int | None:
        """The announced length, refused if it is over the limit; None if it comes in chunks."""
        announced = self._client.header(b"content-length")
        if not announced:
            return None
        if int(announced) > self._limit:
            raise Refused(TOO_LARGE)
        return int(announced)

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        more, began = True, time.monotonic()
        while more:
            try:
                async with asyncio.timeout(self._patience(time.monotonic() - began)):
                    message = await self._client.receive()
            except TimeoutError:
                raise self._fail(Refused(TOO_SLOW)) from None
            if message["type"] == "http.disconnect":
                raise self._fail(ClientGone())
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            self._read += len(piece)
            if self._read > self._limit:
                raise self._fail(Refused(TOO_LARGE))
            if not more:
                self._client.body_done = True
            if piece:
                yield piece

    def _patience(self, elapsed: float) -> float:
        """Seconds until the next piece must be there."""
        if not self._pace:
            return self._seconds
        return min(self._seconds, max(0.0, self._seconds + self._read / self._pace - elapsed))

    def _fail(self, failure: Exception) -> Exception:
        self.failure = failure
        return failure


async def pass_on(client: Client, session: aiohttp.ClientSession, exchange: Exchange) -> None:
    """Raises `Refused` with words for the client, `Broken` or `ClientGone`; else the exchange is complete."""
    body = Body(client, exchange.body_limit, exchange.body_seconds, exchange.body_pace)
    data = await _request_body(client, body, exchange)
    try:
        async with await patiently(lambda: _ask(client, session, exchange, data), exchange.connect_seconds) as response:
            await _answer(client, response, exchange)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        if client.started:
            raise Broken(type(error).__name__) from error
        if body.failure is not None:
            raise body.failure from error
        raise Refused(exchange.silent) from error


async def _ask(
    client: Client, session: aiohttp.ClientSession, exchange: Exchange, data: bytes | AsyncIterator[bytes] | None
) -> aiohttp.ClientResponse:
    return await session.request(
        client.method, exchange.url, headers=exchange.headers, data=data, allow_redirects=False
    )


async def _request_body(client: Client, body: Body, exchange: Exchange) -> bytes | AsyncIterator[bytes] | None:
    if not client.sends_body():
        client.body_done = True
        return None
    length = body.check_length()
    if length is not None and length <= _SMALL:
        return await body.whole()
    if exchange.whole is None:
        return body.pieces()
    await exchange.whole.take(body)
    exchange.headers["Content-Length"] = str(exchange.whole.size)
    return exchange.whole.pieces()


async def _answer(client: Client, response: aiohttp.ClientResponse, exchange: Exchange) -> None:
    if not 200 <= response.status < 600:
        raise Refused(exchange.silent)
    headers = exchange.answer_headers(response.raw_headers)
    if response.status in _BODYLESS or client.method == "HEAD":
        if response.status in _BODYLESS:
            headers = [pair for pair in headers if pair[0] != b"content-length"]
        await client.start(response.status, headers)
        await client.body(b"", more=False)
        return
    length = response.content_length
    if length is not None and length <= _SMALL and parts.FILES not in response.headers:
        data = await response.read()
        await client.start(response.status, _ending(client, headers))
        await client.body(data, more=False)
        return
    if exchange.files is not None and (named := response.headers.get(parts.FILES)):
        await _answer_from(client, response, headers, exchange.files, int(named))
        return
    await client.start(response.status, _ending(client, headers))
    async for piece in response.content.iter_any():
        await client.body(piece, more=True)
    await client.body(b"", more=False)


async def _answer_from(
    client: Client, response: aiohttp.ClientResponse, headers: Headers, files: Path, length: int
) -> None:
    """Send what the answer names. Raises `Broken` where that is not there any more: whoever goes on is told anew where it is."""
    try:
        named = parts.read_list(await response.read(), length)
    except parts.PartsError as error:
        raise ValueError(str(error)) from error
    response.release()
    headers = [pair for pair in headers if pair[0] != b"content-length"]
    await client.start(response.status, _ending(client, [*headers, (b"content-length", b"%d" % length)]))
    try:
        async with aclosing(parts.pieces(files, named)) as coming:
            async for piece in coming:
                await client.body(piece, more=True)
    except parts.PartsError as error:
        raise Broken(str(error)) from error
    await client.body(b"", more=False)


def _ending(client: Client, headers: Headers) -> Headers:
    """An answer that comes before the whole body: what the client goes on sending is not waited for."""
    return headers if client.body_done else [*headers, (b"connection", b"close")]
