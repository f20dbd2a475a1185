"""Files of an HTTP server: what its index pages link to, and what it serves under these names. It is only read.

Index pages are parsed within bounds. Redirects are followed where they may lead; credentials go to no other server.
"""

import base64
import contextlib
import http.client
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

from studium.errors import NotFound, StudiumError
from studium.outbound.fence import check_url
from studium.outbound.spelling import Target
from studium.storage.providers import reach
from studium.storage.providers.errors import Trouble, bad_path, no_file, read_only, trouble
from studium.storage.providers.paths import file_path
from studium.storage.providers.remote import PAGE, Entry, Listing, tag

_PIECE = 1024 * 1024
_INDEX_BYTES = 8 * 1024 * 1024
_REDIRECTS = 5
_AT_ONCE = 8
_DEEPEST = 32


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


class WebFiles:
    """An open HTTP server. `key` is empty, `user:password`, or a bearer token."""

    def __init__(self, target: Target, prefix: str, key: str, *, seconds: float) -> None:
        self._target, self._seconds = target, seconds
        self._base = target.url.rstrip("/") + "/" + (f"{quote(prefix)}/" if prefix else "")
        self._auth = ""
        if key:
            basic = "Basic " + base64.b64encode(key.encode()).decode()
            self._auth = basic if ":" in key else f"Bearer {key}"

    def folder(self, path: str, after: str = "", limit: int = PAGE) -> Listing:
        found = [entry for entry in self._linked(path) if entry.path > after]
        part = found[:limit]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            shown = list(pool.map(lambda each: each if each.folder else self._told(each), part))
        return Listing(shown, part[-1].path if len(found) > limit else "")

    def files(self, path: str = "", after: str = "") -> Iterator[Entry]:
        """Folders that lie wholly before `after` are not asked for."""
        if path.count("/") >= _DEEPEST:
            raise trouble(Trouble.LISTING_UNREADABLE, more=f"its folders lie more than {_DEEPEST} deep")
        # As the paths of files stand in order: a folder comes where the names in it do.
        for entry in sorted(self._linked(path), key=lambda each: f"{each.path}/" if each.folder else each.path):
            if entry.folder:
                if f"{entry.path}/\U0010ffff" > after:
                    yield from self.files(entry.path, after)
            elif entry.path > after:
                yield self._told(entry)

    def _told(self, entry: Entry) -> Entry:
        try:
            return self.stat(entry.path)
        except StudiumError:  # a link that leads nowhere, or where we may not go
            return entry

    def stat(self, path: str) -> Entry:
        with self._asked("HEAD", path) as answer:
            return _entry(path, answer)

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if length == 0:
            return
        last = "" if length is None else str(start + length - 1)
        part = {"Range": f"bytes={start}-{last}"} if start or length is not None else {}
        with self._asked("GET", path, part) as answer:
            # One that does not know parts sends all of it.
            skip = start if answer.status == 200 else 0
            left = length
            while piece := answer.read(min(_PIECE, skip + left) if left is not None else _PIECE):
                kept, skip = piece[skip:], max(0, skip - len(piece))
                if left is not None:
                    kept = kept[:left]
                    left -= len(kept)
                if kept:
                    yield kept
                if left == 0:
                    return
        if left:
            raise trouble(Trouble.AWAY, self._target.netloc, "it ended early")

    def write(self, path: str, pieces: Iterable[bytes]) -> Entry:
        raise read_only("An HTTP server")

    def remove(self, path: str) -> None:
        raise read_only("An HTTP server")

    def _linked(self, path: str) -> list[Entry]:
        """What the index page of a folder links to directly below it, by path, without sizes."""
        try:
            text = self._index(path)
        except NotFound:
            return []
        parser = _Links()
        parser.feed(text.decode("utf-8", "replace"))
        here = self._url(f"{path}/" if path else "")
        below = f"{path}/" if path else ""
        found = {}
        for link in parser.found:
            if (name := _child(here, link)) is not None:
                bare = name.removesuffix("/")
                with contextlib.suppress(StudiumError):
                    found[bare] = Entry(path=file_path(below + bare), folder=name.endswith("/"))
        return sorted(found.values(), key=lambda each: each.path)

    def _index(self, path: str) -> bytes:
        with self._asked("GET", f"{path}/" if path else "") as answer:
            kind = answer.headers.get_content_type()
            if kind not in ("text/html", "application/xhtml+xml"):
                raise trouble(
                    Trouble.LISTING_UNREADABLE, more=f"the folder is answered with {kind[:60]}, not with an index page"
                )
            text = answer.read(_INDEX_BYTES + 1)
        if len(text) > _INDEX_BYTES:
            raise trouble(Trouble.LISTING_UNREADABLE, more="the index page is too large")
        return text

    def _url(self, path: str) -> str:
        return self._base + quote(path)

    @contextlib.contextmanager
    def _asked(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        url, where = self._url(path), self._target.netloc
        try:
            for _ in range(_REDIRECTS):
                target = check_url(url)
                connection = http.client.HTTPConnection(target.host, target.port, timeout=self._seconds)
                connection.sock = reach.connected(target, self._seconds)
                with contextlib.ExitStack() as stack:
                    stack.callback(connection.close)
                    own = {"Authorization": self._auth} if self._auth and target.origin == self._target.origin else {}
                    told = {"Host": target.netloc, "Accept-Encoding": "identity", **own, **(headers or {})}
                    connection.request(method, target.rest, headers=told)
                    answer = connection.getresponse()
                    stack.callback(answer.close)  # it holds the connection too
                    onward = answer.headers.get("Location", "")
                    if answer.status in (301, 302, 303, 307, 308) and onward:
                        url = urljoin(url, onward)
                        continue
                    self._check(answer.status, path)
                    yield answer
                    return
        except TimeoutError:
            raise trouble(Trouble.TIMEOUT, where) from None
        except (OSError, http.client.HTTPException) as error:
            raise trouble(Trouble.AWAY, where, getattr(error, "strerror", None) or "it hung up") from None
        raise trouble(Trouble.ENDPOINT_WRONG, where, "it redirects without end")

    def _check(self, status: int, path: str) -> None:
        where, listing = self._target.netloc, not path or path.endswith("/")
        if status in (200, 206):
            return
        if status in (404, 410):
            if not path:
                raise trouble(
                    Trouble.BUCKET_UNKNOWN if self._base.count("/") > 3 else Trouble.ENDPOINT_WRONG, where, "status 404"
                )
            raise no_file(path)
        if status == 401:
            raise trouble(Trouble.SIGNATURE_WRONG if self._auth else Trouble.CREDENTIALS_NEEDED, where)
        if status == 403:
            raise trouble(Trouble.NO_LIST if listing else Trouble.NO_READ, where)
        if status == 416:
            raise bad_path(path)
        raise trouble(
            Trouble.AWAY if status >= 500 or status == 429 else Trouble.ENDPOINT_WRONG, where, f"status {status}"
        )


def _child(here: str, link: str) -> str | None:
    """The name below a folder that a link of its index page leads to, a folder's with a slash; None for all other links."""
    try:
        whole = urlsplit(urljoin(here, link))
    except ValueError:
        return None
    if whole.query or whole.fragment or f"{whole.scheme}://{whole.netloc}" != "/".join(here.split("/")[:3]):
        return None
    folder = urlsplit(here).path
    if not whole.path.startswith(folder):
        return None
    rest = whole.path.removeprefix(folder)
    return (
        unquote(rest) if rest.rstrip("/") and "/" not in rest.removesuffix("/") and "%2f" not in rest.lower() else None
    )


def _entry(path: str, answer: http.client.HTTPResponse) -> Entry:
    length, changed = answer.headers.get("Content-Length", ""), None
    with contextlib.suppress(ValueError, TypeError):
        changed = parsedate_to_datetime(answer.headers.get("Last-Modified", ""))
    return Entry(
        path=path,
        size=int(length) if length.isascii() and length.isdigit() else -1,
        changed_at=changed,
        etag=tag(answer.headers.get("ETag", "")),
    )
