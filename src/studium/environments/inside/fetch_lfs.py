"""Brings the files that Git LFS keeps into the places of their pointers.

Where they lie is asked of the repository's own server (the batch API of Git LFS, `basic` transfers), whatever the repository
says of others in an `.lfsconfig`. The secret goes to that server alone. What it gives for one file, to the address of that
file alone; that may be anywhere that the run may reach, by https or at the server itself.
"""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import git_tree
import lfs_pointer
import spelling
from fetch_calls import Passing, asked
from fetch_errors import FetchError, Room, Telling
from fetch_urls import PIECE, Fetch, patiently
from git_clean import Remote
from lfs_pointer import Pointer

Json = dict[str, Any]
_AT_ONCE = 100
_LONGEST_ANSWER = 1 << 20
_KIND = "application/vnd.git-lfs+json"
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


class Lfs:
    """Of one repository. `pause` is what is waited for before another try, `seconds` for a byte."""

    def __init__(
        self, remote: Remote, work: Path, room: Room, report: Telling, *, seconds: float, pause: float
    ) -> None:
        self._remote, self._work, self._room, self._report = remote, work, room, report
        self._seconds, self._pause = seconds, pause
        self._proxy = int(remote.proxy.rpartition(":")[2])
        self._own = spelling.understood(remote.url)

    def bring(self, tree: Path, names: list[str]) -> int:
        """Put the content in place of what of these files are pointers; how many stay so, as the server keeps none.

        Raises FetchError where it keeps them and does not give them.
        """
        places: dict[Pointer, list[Path]] = {}
        for name in names:
            if found := pointer_at(tree, name):
                places.setdefault(found, []).append(tree / name)
        self._room.check(sum(each.size * len(paths) for each, paths in places.items()))
        wanted = list(places)
        for first in range(0, len(wanted), _AT_ONCE):
            some = wanted[first : first + _AT_ONCE]
            told = self._where(some)
            if told is None:
                return sum(map(len, places.values()))
            for each, action in told:
                self._lay_down(self._fetched(each, action), places[each])
        return 0

    def _where(self, wanted: list[Pointer]) -> list[tuple[Pointer, Json]] | None:
        """The download of each; None from a server without Git LFS."""
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [each._asdict() for each in wanted],
            "hash_algo": "sha256",
        }
        url = self._remote.url.rstrip("/").removesuffix(".git") + ".git/info/lfs/objects/batch"
        headers = {"Accept": _KIND, "Content-Type": _KIND}
        try:
            answer = patiently(lambda: self._batch(url, headers, json.dumps(body).encode()), self._pause)
        except FetchError as error:
            if error.code == "url.not_found":
                return None
            raise FetchError("git.lfs", f"Git LFS: {error.message}") from None
        return list(_read(answer, wanted))

    def _batch(self, url: str, headers: dict[str, str], body: bytes) -> bytes:
        with asked(url, headers, self._proxy, self._seconds, private=self._secret(), body=body) as answer:
            try:
                return answer.response.read(_LONGEST_ANSWER)
            except OSError:
                raise Passing("url.timeout", f"{answer.target.host} broke off.") from None

    def _secret(self) -> dict[str, str]:
        variables = self._remote.variables
        value = variables.get(variables.get("STUDIUM_GIT_SECRET", ""), "").strip()
        if not value:
            return {}
        pair = f"{variables.get('STUDIUM_GIT_USERNAME') or 'git'}:{value}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def _fetched(self, each: Pointer, action: Json) -> Path:
        """The content in a file of ours. Raises FetchError."""
        href = str(action.get("href", ""))
        try:
            target = spelling.understood(href)
        except spelling.SpellingError as error:
            raise FetchError("git.lfs", f"Git LFS names an address that cannot be used: {error}") from None
        if target.scheme != "https" and target.origin != self._own.origin:
            raise FetchError("git.lfs", f"Git LFS names an address without encryption at {target.host}.")
        headers = _headers(action.get("header"))
        wanted = {"urls": [href], "known": [], "seconds": self._seconds, "pause": self._pause, "private": headers}
        aside = self._work / "large"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            (known,) = Fetch(wanted, self._work, self._proxy, self._room, self._report).fetch_all(aside)
        except FetchError as error:
            raise FetchError(error.code, f"Git LFS: {error.message}") from None
        path = aside / str(known["name"])
        self._room.give_back(path.stat().st_size)  # counted with all others in the end
        if _digest(path) != each:
            raise FetchError("git.lfs", f"{target.host} sends another file than the one that the commit has.")
        return path

    def _lay_down(self, content: Path, places: list[Path]) -> None:
        for place in places[1:]:
            place.unlink()
            shutil.copyfile(content, place)
        content.replace(places[0])


def pointer_at(tree: Path, name: str) -> Pointer | None:
    """What the file stands for, if it is a pointer."""
    path = tree / name
    if git_tree.leads_through_link(tree, name) or not path.is_file() or path.stat().st_size > lfs_pointer.LONGEST:
        return None
    return lfs_pointer.understood(path.read_bytes())


def _read(answer: bytes, wanted: list[Pointer]) -> Iterator[tuple[Pointer, Json]]:
    """The download of each in the server's answer. Raises FetchError."""
    try:
        objects = json.loads(answer)["objects"]
        told = {str(each["oid"]): each for each in objects}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FetchError("git.lfs", "The server's Git LFS gives an answer that is none.") from None
    for each in wanted:
        found = told.get(each.oid)
        error = found.get("error") if found else {"message": "it says nothing of a file that the commit has"}
        if isinstance(error, dict):
            said = "".join(letter for letter in str(error.get("message", ""))[:200] if letter.isprintable())
            raise FetchError("git.lfs", f"The server's Git LFS does not give a file: {said or 'it does not say why'}.")
        actions = found.get("actions") if found else None
        action = actions.get("download") if isinstance(actions, dict) else None
        if not isinstance(action, dict):
            raise FetchError("git.lfs", "The server's Git LFS does not say where a file is.")
        yield each, action


def _headers(given: object) -> dict[str, str]:
    """The headers that the server wants for a file, those that are any."""
    pairs = given.items() if isinstance(given, dict) else ()
    return {
        str(name): str(value)
        for name, value in pairs
        if _HEADER.fullmatch(str(name)) and str(value).isascii() and str(value).isprintable()
    }


def _digest(path: Path) -> Pointer:
    seen = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            seen.update(piece)
    return Pointer(seen.hexdigest(), path.stat().st_size)
