"""Sends the content of large files to where the repository's server says, those that it lacks, before commits with their pointers.

A file is read and hashed as it is sent; its last piece goes out only when all of it is what the commit has, so nothing else is
ever complete at the server.
"""

import contextlib
import http.client
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import spelling
from fetch_calls import Answer, Passing, Saying, asked
from fetch_errors import FetchError
from fetch_urls import patiently
from git_clean import GitError
from lfs_batch import AT_ONCE, KIND, Action, Batch, plain_words
from lfs_content import ChangedError, Kept, pieces, place_of
from lfs_pointer import Pointer
from workspace_file import plain_file

Json = dict[str, Any]
MIB = 1024**2
_LONGEST_REFUSAL = 4096
_NO_ROOM = (413, 507, 509)
# Some servers say 403 of a quota, and what it is in words alone.
_ROOM_WORDS = re.compile(r"quota|storage limit|bandwidth|too large|exceed", re.IGNORECASE)


class DeclinedError(Exception):
    """The server does not take it: its status, and its words as far as they can be shown."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Upload(NamedTuple):
    """Where a content goes, and who is to be told that it is there."""

    to: Action
    verify: Action | None


class Sending:
    """To one repository's server. `kept` says of each where commits have it; `ref` is what they are pushed to."""

    def __init__(self, batch: Batch, tree: Path, kept: dict[Pointer, Kept], ref: str) -> None:
        self._batch, self._tree, self._kept, self._ref = batch, tree, kept, ref

    def send(self) -> list[Pointer]:
        """Send what the server lacks; what that was. Raises GitError or FetchError: then nothing may be pushed."""
        lacking = self._lacking()
        places = {each: place_of(self._tree, each, self._kept[each].paths) for each in lacking}
        if missing := [each for each in lacking if not places[each] and self._kept[each].kept]:
            raise GitError(
                "git.lfs_missing",
                f"Neither the server nor the workspace has the content of {self._shown(missing)}. Nothing was pushed.",
                files=self._names(missing),
            )
        found = [each for each in lacking if places[each]]
        for each in found:
            self._send(each, places[each], lacking[each])
        return found

    def _lacking(self) -> dict[Pointer, Json]:
        wanted = list(self._kept)
        lacking: dict[Pointer, Json] = {}
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            try:
                told = self._batch.ask("upload", some, self._ref, _check)
            except DeclinedError as error:
                if error.status in (404, 410) and not any(each.kept for each in self._kept.values()):
                    return {}  # texts that tell of pointers, in a repository without Git LFS
                raise self._refused(error, wanted, whole=True) from None
            lacking |= {each: found for each, found in told if _is_lacking(found)}
        return lacking

    def _send(self, each: Pointer, place: str, told: Json) -> None:
        """Send one. Each further try asks the server anew: it may have it after all, or want it elsewhere by now."""
        said = [told]
        denied = False

        def attempt() -> None:
            nonlocal denied
            try:
                found = said.pop() if said else self._batch.ask("upload", [each], self._ref, _check)[0][1]
                if _is_lacking(found):
                    self._carry(each, place, self._upload(each, found))
            except DeclinedError as error:
                if error.status in (401, 403) and not denied:
                    denied = True  # what it gave for the file may have run out
                    raise Passing("url.auth", f"The server does not let us send {place} ({error.status}).") from None
                raise self._refused(error, [each]) from None

        print(f"Sending {place} ({each.size / MIB:,.1f} MiB)".encode(errors="replace").decode(), flush=True)
        try:
            patiently(attempt, self._batch.pause)
        except ChangedError:
            raise GitError(
                "git.lfs_changed",
                f"{self._shown([each])} was changed while it was sent. Nothing was pushed.",
                files=self._names([each]),
            ) from None

    def _upload(self, each: Pointer, told: Json) -> Upload:
        """Raises GitError, FetchError."""
        error = told.get("error")
        if error is not None:
            code, words = (error.get("code"), error.get("message")) if isinstance(error, dict) else (0, error)
            raise self._refused(DeclinedError(code if isinstance(code, int) else 0, plain_words(words)), [each])
        actions = told.get("actions")
        to = actions.get("upload") if isinstance(actions, dict) else None
        verify = actions.get("verify") if isinstance(actions, dict) else None
        if not isinstance(to, dict) or not isinstance(verify, dict | None):
            raise FetchError("git.lfs", "The server's Git LFS does not say where a file is to go.")
        return Upload(self._batch.action(to), self._batch.action(verify) if verify else None)

    def _carry(self, each: Pointer, place: str, upload: Upload) -> None:
        def put(connection: http.client.HTTPConnection, target: spelling.Target, headers: dict[str, str]) -> None:
            self._batch.allow(target)
            chunked = upload.to.chunked and target.origin == upload.to.target.origin
            length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(each.size)}
            connection.putrequest("PUT", target.rest, skip_host=True, skip_accept_encoding=True)
            for name, value in {**headers, **length}.items():
                connection.putheader(name, value)
            connection.endheaders()
            # One that answers before it has all is heard in the end: `git_bridge` takes the rest in its place.
            with plain_file(self._tree, place) as stream:
                if stream is None:
                    raise ChangedError
                for piece in pieces(stream, each):
                    connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if chunked:
                    connection.send(b"0\r\n\r\n")

        usual = (
            {} if "content-type" in map(str.lower, upload.to.headers) else {"Content-Type": "application/octet-stream"}
        )
        with self._asked(upload.to, usual, say=put):
            pass
        if verify := upload.verify:
            patiently(lambda: self._verify(each, verify), self._batch.pause)

    def _verify(self, each: Pointer, verify: Action) -> None:
        def post(connection: http.client.HTTPConnection, target: spelling.Target, headers: dict[str, str]) -> None:
            self._batch.allow(target)
            connection.request("POST", target.rest, json.dumps(each._asdict()).encode(), headers)

        with self._asked(verify, {"Accept": KIND, "Content-Type": KIND}, say=post):
            pass

    def _asked(self, action: Action, headers: dict[str, str], say: Saying) -> contextlib.AbstractContextManager[Answer]:
        url, batch = action.target.url, self._batch
        return asked(url, headers, batch.proxy, batch.seconds, private=action.headers, say=say, check=_check)

    def _refused(self, error: DeclinedError, about: list[Pointer], *, whole: bool = False) -> GitError:
        """The refusal as one that people see; `whole` is that of the server's Git LFS altogether."""
        status, files = error.status, self._names(about)
        said = f": {error.words.rstrip('.')}" if error.words else f" ({status})" if status else ""
        if whole and status in (404, 410):
            return GitError("git.lfs_none", "The server keeps no large files. Nothing was pushed.", files=files)
        if status in _NO_ROOM or (status == 403 and _ROOM_WORDS.search(error.words)):
            words = f"The server has no room for {self._shown(about)}{said}. Nothing was pushed."
            return GitError("git.lfs_quota", words, files=files)
        if status == 401 or (whole and status == 403):
            return GitError("git.auth", f"The server does not let us send large files{said}. Nothing was pushed.")
        words = f"The server does not take {self._shown(about)}{said}. Nothing was pushed."
        return GitError("git.lfs_refused", words, files=files)

    def _names(self, about: list[Pointer]) -> list[str]:
        paths = [path for each in about for path in self._kept[each].paths[:20]]
        return [path.encode(errors="surrogateescape").decode(errors="replace") for path in paths[:20]]

    def _shown(self, about: list[Pointer]) -> str:
        names = [names[0] for each in about[:3] if (names := self._names([each]))]
        return ", ".join(names) + (f" and {len(about) - 3} more" if len(about) > 3 else "")


def _is_lacking(told: Json) -> bool:
    """Whether the server wants the content, or has anything to say against it. It has what it names no upload of."""
    if told.get("error") is not None:
        return True
    actions = told.get("actions")
    return actions is not None and not (isinstance(actions, dict) and "upload" not in actions)


def _check(answer: Answer) -> None:
    """Raises DeclinedError for what it is no use to send again, and Passing for what may go well another time."""
    status = answer.response.status
    if 200 <= status < 300:
        return
    if status in (408, 425, 429) or (status >= 500 and status not in _NO_ROOM):
        raise Passing("url.refused", f"{answer.target.host} answers {status}.")
    words = ""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError, RecursionError):
        said = json.loads(answer.response.read(_LONGEST_REFUSAL))
        words = plain_words(said.get("message")) if isinstance(said, dict) else ""
    raise DeclinedError(status, words)
