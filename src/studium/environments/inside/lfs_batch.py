"""What the Git LFS of a repository's own server says of large files: where the content of each lies, or goes.

It is asked by the batch API for `basic` transfers, whatever the repository says of other servers in an `.lfsconfig`. The secret
goes to that server alone. What it gives for one file, to the address of that file alone; that may be anywhere that the run may
reach, by https or at the server itself.
"""

import base64
import http.client
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import spelling
from fetch_calls import Answer, Passing, asked
from fetch_errors import FetchError
from fetch_urls import patiently
from git_clean import Remote
from lfs_pointer import Pointer

Json = dict[str, Any]
AT_ONCE = 100
KIND = "application/vnd.git-lfs+json"
_LONGEST_ANSWER = 1 << 20
_HEADER, _MOST_HEADERS, _LONGEST_VALUE = re.compile(r"[A-Za-z0-9-]{1,60}"), 30, 8000
# Ours to say: a server that named them could make one request look like two, or like one to another server.
_OURS = (
    "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive",
    "accept-encoding",
)  # fmt: skip


class Action(NamedTuple):
    """One call for one file: where, the headers that go there, and whether its content is to go there in chunks."""

    target: spelling.Target
    headers: dict[str, str]
    chunked: bool


class Batch:
    """Of one repository. `pause` is what is waited for before another try, `seconds` for a byte."""

    def __init__(self, remote: Remote, *, seconds: float, pause: float) -> None:
        self.remote, self.seconds, self.pause = remote, seconds, pause
        self.proxy = int(remote.proxy.rpartition(":")[2])
        self._own = spelling.understood(remote.url)

    def ask(
        self, operation: str, wanted: list[Pointer], ref: str = "", check: Callable[[Answer], None] | None = None
    ) -> list[tuple[Pointer, Json]]:
        """What the server tells of each, in this order; with an `error` where it tells nothing. At most `AT_ONCE`.

        Raises FetchError, and what `check` raises.
        """
        body: Json = {
            "operation": operation,
            "transfers": ["basic"],
            "objects": [each._asdict() for each in wanted],
            "hash_algo": "sha256",
        }
        if ref:
            body["ref"] = {"name": ref}
        url = self.remote.url.rstrip("/").removesuffix(".git") + ".git/info/lfs/objects/batch"
        given = json.dumps(body).encode()
        return _understood(patiently(lambda: self._answer(url, given, check), self.pause), wanted)

    def _answer(self, url: str, body: bytes, check: Callable[[Answer], None] | None) -> bytes:
        headers = {"Accept": KIND, "Content-Type": KIND}
        with asked(url, headers, self.proxy, self.seconds, private=self._secret(), body=body, check=check) as answer:
            try:
                return answer.response.read(_LONGEST_ANSWER)
            except (OSError, http.client.HTTPException):
                raise Passing("url.timeout", f"{answer.target.host} broke off.") from None

    def _secret(self) -> dict[str, str]:
        variables = self.remote.variables
        value = variables.get(variables.get("STUDIUM_GIT_SECRET", ""), "").strip()
        # As git is given it: the secret is for one server, and a submodule's may be another.
        if not value or spelling.understood(variables["STUDIUM_GIT_URL"]).origin != self._own.origin:
            return {}
        pair = f"{variables.get('STUDIUM_GIT_USERNAME') or 'git'}:{value}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def action(self, given: Json) -> Action:
        """An action that the server names. Raises FetchError for an address that is not called."""
        href = str(given.get("href", ""))
        try:
            target = spelling.understood(href)
        except spelling.SpellingError as error:
            raise FetchError("git.lfs", f"Git LFS names an address that cannot be used: {error}") from None
        self.allow(target)
        headers = given.get("header")
        names = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
        return Action(target, _headers(headers), names.get("transfer-encoding") == "chunked")

    def allow(self, target: spelling.Target) -> None:
        """Raises FetchError for what is neither reached by https nor the repository's own server."""
        if target.scheme != "https" and target.origin != self._own.origin:
            raise FetchError("git.lfs", f"Git LFS names an address without encryption at {target.host}.")


def plain_words(said: object) -> str:
    """What a server said, as far as it can be shown."""
    return "".join(letter for letter in str(said or "")[:200] if letter.isprintable()).strip()


def _understood(answer: bytes, wanted: list[Pointer]) -> list[tuple[Pointer, Json]]:
    try:
        said = json.loads(answer)
        told: Json = {str(each["oid"]): each for each in said["objects"]}
        transfer = said.get("transfer")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FetchError("git.lfs", "The server's Git LFS gives an answer that is none.") from None
    if transfer not in (None, "basic"):
        raise FetchError("git.lfs", "The server's Git LFS wants a way of transfer that was not offered.")
    nothing = {"error": {"message": "it says nothing of a file that the commit has"}}
    return [(each, told.get(each.oid, nothing)) for each in wanted]


def _headers(given: object) -> dict[str, str]:
    """The headers that the server wants for a file, those that are any."""
    pairs = list(given.items())[:_MOST_HEADERS] if isinstance(given, dict) else []
    return {
        str(name): str(value)
        for name, value in pairs
        if _HEADER.fullmatch(str(name))
        and len(str(value)) <= _LONGEST_VALUE
        and str(value).isascii()
        and str(value).isprintable()
        and str(name).lower() not in _OURS
        and not str(name).lower().startswith("proxy-")
    }
