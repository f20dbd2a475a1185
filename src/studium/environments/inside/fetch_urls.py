"""Fetches files from addresses into a folder, and goes on where it stopped: within a run, and in the next one.

What has come of a file is in `parts/<n>`, what it is known again by in `parts/<n>.json`.
"""

import contextlib
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import spelling
from fetch_calls import Answer, Passing, asked
from fetch_errors import FetchError, Room, Telling
from fetch_names import another, name_of

PIECE = 1 << 20
TRIES = 5
_SHOWN = 300
Json = dict[str, Any]
T = TypeVar("T")


class Fetch:
    """`wanted` has `urls`, `known` (what was found of each before, or nothing), `seconds` to wait for a byte, and `pause`.

    Besides it may have headers that are `private`, as `fetch_calls.asked` takes them.
    """

    def __init__(self, wanted: Json, work: Path, proxy: int, room: Room, report: Telling) -> None:
        self.wanted, self.work, self.proxy, self.room, self.report = wanted, work, proxy, room, report
        self.parts = work / "parts"
        self.parts.mkdir(exist_ok=True)

    def unchanged(self) -> bool:
        """Whether every server says that its file is what it was; without validators nobody knows."""
        known = self.wanted["known"]
        urls = self.wanted["urls"]
        if len(known) != len(urls) or not all(each["etag"] or each["modified"] for each in known):
            return False
        return all(self._is_as(url, each) for url, each in zip(urls, known, strict=True))

    def _is_as(self, url: str, known: Json) -> bool:
        names = {"If-None-Match": known["etag"], "If-Modified-Since": known["modified"]}
        headers = {name: value for name, value in names.items() if value}
        try:
            with self._named(url), asked(url, headers, self.proxy, self.wanted["seconds"]) as answer:
                return answer.response.status == 304
        except Passing:
            return False  # the fetching says what is wrong

    @contextlib.contextmanager
    def _named(self, url: str) -> Iterator[None]:
        """Say in errors which of several addresses is meant, without what stands behind a question mark: it can be a key."""
        try:
            yield
        except (FetchError, spelling.SpellingError) as error:
            if len(self.wanted["urls"]) < 2:
                raise
            raise FetchError(error.code, f"{url.partition('?')[0][:_SHOWN]}: {error.message}") from None

    def fetch_all(self, out: Path) -> list[Json]:
        """Every file, in the order of the addresses; what is known of each."""
        found = []
        for number, url in enumerate(self.wanted["urls"]):
            with self._named(url):
                found.append(self._fetch(number, url))
            self.report.tell("running", files=number + 1)
        out.mkdir(exist_ok=True)
        taken = set[str]()
        for number, known in enumerate(found):
            known["name"] = another(known["name"], taken)
            os.replace(self.parts / str(number), out / known["name"])
            (self.parts / f"{number}.json").unlink()
        return found

    def _fetch(self, number: int, url: str) -> Json:
        """One file into `parts`, tried again as long as something comes of it."""
        part, beside = self.parts / str(number), self.parts / f"{number}.json"
        self.room.take(part.stat().st_size if part.exists() else 0)
        known: Json = json.loads(beside.read_text()) if beside.exists() else {}
        if known.get("url") == url and known.get("size") is not None and part.exists():
            return known  # an earlier run had all of it
        return patiently(
            lambda: self._go_on(number, url),
            self.wanted["pause"],
            lambda: part.stat().st_size if part.exists() else 0,
        )

    def _go_on(self, number: int, url: str) -> Json:
        part, beside = self.parts / str(number), self.parts / f"{number}.json"
        known: Json = json.loads(beside.read_text()) if beside.exists() else {}
        size = part.stat().st_size if part.exists() else 0
        validator = known.get("validator", "") if known.get("url") == url else ""
        headers = {"Range": f"bytes={size}-", "If-Range": validator} if size and validator else {}
        private = self.wanted.get("private")
        with asked(url, headers, self.proxy, self.wanted["seconds"], private=private) as answer:
            if answer.response.status == 206 and headers:
                total = _continued(answer, size)
            else:
                self.room.give_back(size)
                part.write_bytes(b"")
                if answer.response.status != 200:
                    beside.unlink(missing_ok=True)
                    raise Passing("url.changed", f"{answer.target.host} has another file now.")
                known, total, size = _known(url, answer), answer.response.length, 0
                beside.write_text(json.dumps(known))
                print(f"{known['name']} from {answer.target.host}", flush=True)
            if total is not None:
                self.room.check(total - size)
            self._receive(answer, part, known, total)
        known |= {"size": part.stat().st_size}
        beside.write_text(json.dumps(known))
        return known

    def _receive(self, answer: Answer, part: Path, known: Json, total: int | None) -> None:
        size = part.stat().st_size
        with part.open("ab") as out:
            while True:
                piece = _read(answer)
                self.room.take(len(piece))
                out.write(piece)
                size += len(piece)
                self.report.now_and_then(name=known["name"][:200], bytes=size, total=total)
                if not piece:
                    break
        if total is not None and size < total:
            raise Passing("url.timeout", f"{answer.target.host} broke off.")


def patiently(attempt: Callable[[], T], pause: float, come: Callable[[], int] = lambda: 0) -> T:
    """What the attempt gives. It is tried again as long as something comes of it, and some times where nothing does."""
    tries = 0
    while True:
        before = come()
        try:
            return attempt()
        except Passing as trouble:
            tries = 1 if come() > before else tries + 1
            if tries >= TRIES:
                raise FetchError(trouble.code, trouble.message) from None
            print(f"{trouble.message} Again in a moment.", flush=True)
            time.sleep(pause * 2**tries)


def _read(answer: Answer) -> bytes:
    try:
        return answer.response.read1(PIECE)
    except TimeoutError:
        raise Passing("url.timeout", f"{answer.target.host} sends nothing more.") from None
    except (OSError, http.client.HTTPException):
        raise Passing("url.timeout", f"{answer.target.host} broke off.") from None


def _continued(answer: Answer, size: int) -> int | None:
    """The size of the whole of which the rest comes. Raises Passing for another part than was asked for."""
    said = answer.response.headers.get("Content-Range", "")
    begins, _, total = said.removeprefix("bytes ").partition("/")
    if begins.partition("-")[0] != str(size):
        raise Passing("url.changed", f"{answer.target.host} sends another part than was asked for.")
    with contextlib.suppress(ValueError):
        return int(total)
    return None if answer.response.length is None else size + answer.response.length


def _known(url: str, answer: Answer) -> Json:
    headers = answer.response.headers
    etag, modified = headers.get("ETag", "")[:200], headers.get("Last-Modified", "")[:100]
    strong = etag if etag and not etag.startswith("W/") else ""
    goes_on = headers.get("Accept-Ranges", "") == "bytes"
    return {
        "url": url,
        "name": name_of(headers, answer.target.rest),
        "etag": etag,
        "modified": modified,
        "validator": (strong or modified) if goes_on else "",
    }
