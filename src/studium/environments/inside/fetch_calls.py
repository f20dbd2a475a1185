"""One call through the run's proxy: redirects are read as strictly as addresses, and errors are told apart."""

import contextlib
import http.client
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import spelling
from fetch_errors import FetchError

MOST_REDIRECTS = 10
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_AGENT = "Studium (dataset import)"


class Passing(Exception):
    """It may go well another time."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Answer(NamedTuple):
    response: http.client.HTTPResponse
    target: spelling.Target


# Says what is asked on a connection, with the headers that go to this target.
Saying = Callable[[http.client.HTTPConnection, spelling.Target, dict[str, str]], None]


@contextlib.contextmanager
def asked(
    url: str,
    headers: dict[str, str],
    proxy: int,
    seconds: float,
    *,
    private: dict[str, str] | None = None,
    body: bytes | None = None,
    say: Saying | None = None,
    check: Callable[[Answer], None] | None = None,
) -> Iterator[Answer]:
    """The answer after its redirects, to a GET, or to a POST where there is a `body`: 200, 206, 304 or 416.

    Headers that are `private` go to no other server that it leads to. `say` asks something else, at every target anew, and
    `check` raises for other answers. Raises FetchError or Passing.
    """
    target = first = spelling.understood(url)
    for _ in range(MOST_REDIRECTS + 1):
        connection = _connection(target, proxy, seconds)
        try:
            with _told_apart(target):
                own = (private or {}) if target.origin == first.origin else {}
                said = {**_plain(target), **headers, **own}
                if say:
                    say(connection, target, said)
                else:
                    connection.request("GET" if body is None else "POST", target.rest, body, said)
                response = connection.getresponse()
            if response.status in (301, 302, 303, 307, 308):
                target = _led_to(target, response.headers.get("Location", ""))
                continue
            answer = Answer(response, target)
            (check or _check)(answer)
            yield answer
            return
        finally:
            connection.close()
    raise FetchError("url.redirects", f"{target.host} leads on and on.")


def _connection(target: spelling.Target, proxy: int, seconds: float) -> http.client.HTTPConnection:
    """Through a tunnel for http too: what the proxy refuses is then never taken for the server's answer."""
    made: http.client.HTTPConnection
    if target.scheme == "https":
        made = http.client.HTTPSConnection("127.0.0.1", proxy, timeout=seconds, context=_trusted())
    else:
        made = http.client.HTTPConnection("127.0.0.1", proxy, timeout=seconds)
    made.set_tunnel(target.host, target.port)
    return made


def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if _CERTIFICATES.is_file():
        context.load_verify_locations(str(_CERTIFICATES))
    return context


def _plain(target: spelling.Target) -> dict[str, str]:
    return {"Host": target.netloc, "User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


def _led_to(target: spelling.Target, location: str) -> spelling.Target:
    try:
        found = spelling.understood(urljoin(target.url, location.strip()))
    except (spelling.SpellingError, ValueError):
        raise FetchError("url.redirects", f"{target.host} leads to what is no address.") from None
    if target.scheme == "https" and found.scheme == "http":
        raise FetchError("url.redirects", f"{target.host} leads to an address without encryption.")
    return found


@contextlib.contextmanager
def _told_apart(target: spelling.Target) -> Iterator[None]:
    try:
        yield
    except ssl.SSLEOFError:
        raise Passing("url.timeout", f"{target.host} broke off.") from None
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "no encryption that can be trusted"
        raise FetchError("url.tls", f"{target.host} cannot be trusted: {why}.") from None
    except TimeoutError:
        raise Passing("url.timeout", f"{target.host} does not answer.") from None
    except http.client.RemoteDisconnected:
        raise Passing("url.timeout", f"{target.host} broke off.") from None
    except http.client.HTTPException:
        raise Passing("url.unreachable", f"{target.host} does not speak HTTP.") from None
    except OSError as error:
        said = str(error)
        if "Tunnel connection failed: 403" in said:
            raise FetchError("url.closed", f"{target.host} is not at an address that may be called.") from None
        raise Passing("url.unreachable", f"{target.host} cannot be reached.") from None


def _check(answer: Answer) -> None:
    status = answer.response.status
    where = f"{answer.target.host} answers {status}"
    if status in (404, 410):
        raise FetchError("url.not_found", f"{where}: there is no such file.")
    if status in (401, 403, 407):
        raise FetchError("url.auth", f"{where}: it does not let us read the file.")
    if status in (408, 425, 429) or status >= 500:
        raise Passing("url.refused", f"{where}.")
    if status not in (200, 206, 304, 416):
        raise FetchError("url.refused", f"{where}.")
