"""One request and its answer: addresses of this machine, bounded retries, errors as `ApiError` or `Unreachable`."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from studium.client.errors import ApiError, StudiumClientError, Unreachable

if TYPE_CHECKING:
    import httpx2

# Repeating these does no harm; a POST is repeated only if it never reached anybody.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_PASSING = frozenset({502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_PIECE = 1024 * 1024
_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 60.0


def is_local(host: str) -> bool:
    """Whether a name is this machine by definition, whatever the resolver says."""
    return host == "localhost" or host.endswith(".localhost")


def clean_url(url: str) -> str:
    """The server's address without path. Raises StudiumClientError if it is none."""
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.username is not None:
        raise StudiumClientError(f"{url!r} is no address of a server.", "Give it as http://localhost:8000.")
    return f"{parts.scheme}://{parts.netloc}"


class Transport:
    """Sends requests to one server. `patience` is how many seconds a request is tried again before giving up."""

    def __init__(self, url: str, token: str, *, patience: float, agent: str) -> None:
        if not (token.isascii() and token.isprintable()):
            raise StudiumClientError("This is no token.", "Copy the whole token: it is shown once, when it is made.")
        self.url = clean_url(url)
        self.patience = patience
        self._headers = {"User-Agent": agent, "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._http: httpx2.Client | None = None

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _client(self) -> "httpx2.Client":
        """Made at the first request: importing the HTTP library takes longer than the rest of a command's start."""
        if self._http is None:
            import ssl

            import httpx2

            parts = urlsplit(self.url)
            local, host = is_local(parts.hostname or ""), parts.hostname or ""
            # Without TLS no certificate store is read, which takes time; redirects are never followed.
            verify: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if parts.scheme == "http" else True
            self._http = httpx2.Client(
                base_url=self.url.replace(host, "127.0.0.1", 1) if local else self.url,
                headers={**self._headers, "Host": parts.netloc} if local else self._headers,
                timeout=httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=not local,
                verify=verify,
            )
        return self._http

    def send(self, method: str, path: str, **options: Any) -> "httpx2.Response":
        """The successful answer. Raises ApiError or Unreachable."""
        return self._patiently(method, lambda: self._once(method, path, options))

    def save(self, path: str, target: Path) -> None:
        """GET into a file, piece by piece. Raises ApiError, Unreachable, or OSError where the file cannot be written."""
        self._patiently("GET", lambda: self._saved(path, target))

    def _saved(self, path: str, target: Path) -> "httpx2.Response":
        headers = {"Accept": "*/*"}
        with self._client().stream("GET", path, headers=headers, **self._extensions()) as response:
            if not response.is_success:
                raise _failure(response.status_code, response.headers.get("location", ""), response.read())
            with target.open("wb") as out:
                for piece in response.iter_bytes():
                    out.write(piece)
        return response

    def send_file(self, path: str, source: Path) -> "httpx2.Response":
        """PUT a file, piece by piece, from its beginning with each try. Raises ApiError, Unreachable or OSError."""

        def attempt() -> "httpx2.Response":
            with source.open("rb") as body:
                size = os.fstat(body.fileno()).st_size
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
                pieces = iter(lambda: body.read(_PIECE), b"")
                return self._once("PUT", path, {"content": pieces, "headers": headers})

        return self._patiently("PUT", attempt)

    def append(self, path: str, target: Path, size: int, etag: str, seen: Callable[[bytes], None]) -> None:
        """GET what a file lacks of its `size` bytes, as long as it is the one that `etag` names."""
        while (here := target.stat().st_size) < size:
            headers = {"Range": f"bytes={here}-", "If-Range": etag, "Accept": "*/*"}
            self._patiently("GET", lambda headers=headers: self._appended(path, target, headers, seen))  # type: ignore[misc]
            if target.stat().st_size == here:
                raise StudiumClientError("The server sends no more of the file.", "Try again in a moment.")

    def _appended(
        self, path: str, target: Path, headers: dict[str, str], seen: Callable[[bytes], None]
    ) -> "httpx2.Response":
        """Whatever came before the connection broke is in the file, so the next try asks for less."""
        here = target.stat().st_size
        headers = {**headers, "Range": f"bytes={here}-"}
        with self._client().stream("GET", path, headers=headers, **self._extensions()) as response:
            if not response.is_success:
                raise _failure(response.status_code, response.headers.get("location", ""), response.read())
            if response.status_code != 206:
                raise StudiumClientError("It is another file by now.", "Begin again.")
            with target.open("ab") as out:
                for piece in response.iter_bytes():
                    out.write(piece)
                    seen(piece)
        return response

    def _extensions(self) -> dict[str, Any]:
        """What a server of this machine needs that is spoken to by its name."""
        host = urlsplit(self.url).hostname or ""
        local = urlsplit(self.url).scheme == "https" and is_local(host)
        return {"extensions": {"sni_hostname": host}} if local else {}

    def _once(self, method: str, path: str, options: dict[str, Any]) -> "httpx2.Response":
        response = self._client().request(method, path, **options, **self._extensions())
        if response.is_success:
            return response
        raise _failure(response.status_code, response.headers.get("location", ""), response.content)

    def _patiently(self, method: str, attempt: Callable[[], "httpx2.Response"]) -> "httpx2.Response":
        import httpx2

        give_up_at, pause = time.monotonic() + self.patience, _FIRST_PAUSE
        while True:
            try:
                return attempt()
            except ApiError as error:
                if error.status not in _PASSING or method not in _REPEATABLE or time.monotonic() >= give_up_at:
                    raise
            except httpx2.TransportError as error:
                never_sent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                if not (never_sent or method in _REPEATABLE) or time.monotonic() >= give_up_at:
                    raise self._unreachable(error) from error
            # Many clients of a server that restarts must not come back all at once.
            time.sleep(min(pause * random.uniform(0.7, 1.3), max(0.0, give_up_at - time.monotonic())))  # noqa: S311
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _unreachable(self, error: Exception) -> Unreachable:
        why = str(error).strip() or type(error).__name__
        return Unreachable(
            f"The server at {self.url} does not answer: {why}.".replace("..", "."),
            "Check the address and that `studium up` is running there.",
        )


def _failure(status: int, location: str, content: bytes) -> ApiError:
    """The server's error, or words of our own for an answer that is not one of a Studium server."""
    import json

    if 300 <= status < 400:
        return ApiError(
            "client.moved", f"The server sends on to {location or 'elsewhere'}.", "Use that address.", status
        )
    try:
        said = json.loads(content)
        return ApiError(said["code"], said["message"], said.get("next_step", ""), status, said.get("facts") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(
            "client.not_understood",
            f"The answer (status {status}) is not one of a Studium server.",
            "Check the address.",
            status,
        )
