"""`WebPort`: the port over the web process's unix socket.

Every question is `POST` with a JSON object to a path below `/-/edge/`, carrying `X-Studium-Edge-Key: <key>`; the web
process must answer 404 to any request there without that key. Answers are JSON objects, or 404 (no body needed):

- `resolve` `{"label"}`: the fields of `Target`: `kind` ("unix", "tcp", "web" or "down"), and of `socket`, `host`,
  `port`, `path_prefix`, `headers` (list of `[name, value]`), `terminal` (false if left out), `message`, `ttl` and
  `content_security_policy` what applies. 404: there is no such content.
- `redeem` `{"ticket", "label"}`: `{"label", "user", "expires_at", "path"}`. 404: the ticket is not good.
- `allowed` `{"label", "user"}`: `{"allowed": true or false}`. 404 counts as false.
- `activity` `{"label"}`: any 2xx; 404 if the label is gone.
- `topics` `{"cookie", "query"}`: `{"topics": ["run:abc", ...]}`. 404: not signed in.

`cookie` is the browser's whole `Cookie` header and `query` the raw query string of `/events`. Each question waits two
seconds at most. Anything else than the answers above raises `PortDown`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import aiohttp

from studium.edge.port import Grant, PortDown, Target

KEY_HEADER = "X-Studium-Edge-Key"
_SECONDS = 2.0
A = TypeVar("A")


class WebPort:
    def __init__(self, socket_path: str, key: str) -> None:
        self._socket_path = socket_path
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def resolve(self, label: str) -> Target | None:
        answer = await self._ask("resolve", {"label": label})
        return None if answer is None else _understood(_target, answer)

    async def redeem(self, ticket: str, label: str) -> Grant | None:
        answer = await self._ask("redeem", {"ticket": ticket, "label": label})
        return None if answer is None else _understood(_grant, answer)

    async def allowed(self, label: str, user: str) -> bool:
        answer = await self._ask("allowed", {"label": label, "user": user})
        return answer is not None and answer.get("allowed") is True

    async def note_activity(self, label: str) -> None:
        await self._ask("activity", {"label": label})

    async def topics(self, cookie: str, query: str) -> list[str] | None:
        answer = await self._ask("topics", {"cookie": cookie, "query": query})
        return None if answer is None else _understood(_topics, answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._socket_path, limit=32, keepalive_timeout=5),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                headers={KEY_HEADER: self._key, "Host": "localhost"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _ask(self, verb: str, question: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            async with self._open().post(f"http://localhost/-/edge/{verb}", json=question) as response:
                if response.status == 404:
                    return None
                if not 200 <= response.status < 300:
                    raise PortDown(f"web answered {response.status} to {verb}")
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PortDown(f"web did not answer {verb}: {type(error).__name__}") from error
        try:
            answer = json.loads(body) if body else {}
        except ValueError as error:
            raise PortDown(f"web answered {verb} with something that is not JSON") from error
        if not isinstance(answer, dict):
            raise PortDown(f"web answered {verb} with something that is not an object")
        return answer


def _understood(read: Callable[[dict[str, Any]], A], answer: dict[str, Any]) -> A:
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise PortDown(f"web gave an answer that makes no sense: {error!r}") from error


def _target(answer: dict[str, Any]) -> Target:
    kind = answer["kind"]
    if kind not in ("unix", "tcp", "web", "down"):
        raise ValueError(f"kind {kind!r}")
    return Target(
        kind=kind,
        socket=str(answer.get("socket", "")),
        host=str(answer.get("host", "")),
        port=int(answer.get("port", 0)),
        path_prefix=str(answer.get("path_prefix", "")),
        headers=tuple((str(name), str(value)) for name, value in answer.get("headers", ())),
        terminal=bool(answer.get("terminal", False)),
        content_security_policy=str(answer.get("content_security_policy", "")),
        message=str(answer.get("message", "")),
        ttl=float(answer.get("ttl", 2.0)),
    )


def _grant(answer: dict[str, Any]) -> Grant:
    return Grant(
        label=str(answer["label"]),
        user=str(answer["user"]),
        expires_at=float(answer["expires_at"]),
        path=str(answer.get("path", "/")),
    )


def _topics(answer: dict[str, Any]) -> list[str]:
    return [str(topic) for topic in answer["topics"]]
