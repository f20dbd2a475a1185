"""Brings the files that Git LFS keeps into the places of their pointers, from where the repository's server says."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import git_tree
import lfs_pointer
from fetch_errors import FetchError, Room, Telling
from fetch_urls import PIECE, Fetch
from git_clean import Remote
from lfs_batch import AT_ONCE, Batch, plain_words
from lfs_pointer import Pointer

Json = dict[str, Any]
# What goes wrong with one file and says nothing of the others.
_OF_ONE_FILE = ("git.lfs", "url.not_found", "url.auth")


class Lfs:
    """Of one repository. `pause` is what is waited for before another try, `seconds` for a byte."""

    def __init__(
        self, remote: Remote, work: Path, room: Room, report: Telling, *, seconds: float, pause: float
    ) -> None:
        self._batch, self._work, self._room, self._report = (
            Batch(remote, seconds=seconds, pause=pause),
            work,
            room,
            report,
        )

    def bring(self, tree: Path, names: list[str], left: list[FetchError] | None = None) -> int:
        """Put the content in place of what of these files are pointers; how many stay so, as the server keeps none.

        Raises FetchError where it keeps them and does not give them. With `left` it goes on after what concerns one file alone,
        which is put there, and that file stays as it is.
        """
        places: dict[Pointer, list[Path]] = {}
        for name in names:
            if found := pointer_at(tree, name):
                places.setdefault(found, []).append(tree / name)
        self._room.check(sum(each.size * len(paths) for each, paths in places.items()))
        wanted = list(places)
        for first in range(0, len(wanted), AT_ONCE):
            told = self._where(wanted[first : first + AT_ONCE])
            if told is None:
                return sum(map(len, places.values()))
            if left is None:  # before any comes
                for _, found in told:
                    _download(found)
            for each, found in told:
                try:
                    self._lay_down(self._fetched(each, _download(found)), places[each])
                except FetchError as error:
                    if left is None or error.code not in _OF_ONE_FILE:
                        raise
                    left.append(error)
        return 0

    def _where(self, wanted: list[Pointer]) -> list[tuple[Pointer, Json]] | None:
        """The download of each; None from a server without Git LFS."""
        try:
            told = self._batch.ask("download", wanted)
        except FetchError as error:
            if error.code == "url.not_found":
                return None
            words = error.message if error.code == "git.lfs" else f"Git LFS: {error.message}"
            raise FetchError("git.lfs", words) from None
        return told

    def _fetched(self, each: Pointer, given: Json) -> Path:
        """The content in a file of ours. Raises FetchError."""
        action = self._batch.action(given)
        wanted = {"urls": [action.target.url], "known": [], "seconds": self._batch.seconds, "pause": self._batch.pause}
        aside = self._work / "large"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            fetch = Fetch(
                {**wanted, "private": action.headers}, self._work, self._batch.proxy, self._room, self._report
            )
            (known,) = fetch.fetch_all(aside)
        except FetchError as error:
            raise FetchError(error.code, f"Git LFS: {error.message}") from None
        path = aside / str(known["name"])
        self._room.give_back(path.stat().st_size)  # counted with all others in the end
        if _digest(path) != each:
            raise FetchError("git.lfs", f"{action.target.host} sends another file than the one that the commit has.")
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


def _download(told: Json) -> Json:
    """The download of one file in the server's answer. Raises FetchError."""
    if isinstance(error := told.get("error"), dict):
        said = plain_words(error.get("message"))
        raise FetchError("git.lfs", f"The server's Git LFS does not give a file: {said or 'it does not say why'}.")
    actions = told.get("actions")
    action = actions.get("download") if isinstance(actions, dict) else None
    if not isinstance(action, dict):
        raise FetchError("git.lfs", "The server's Git LFS does not say where a file is.")
    return action


def _digest(path: Path) -> Pointer:
    seen = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            seen.update(piece)
    return Pointer(seen.hexdigest(), path.stat().st_size)
