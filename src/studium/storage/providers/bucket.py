"""Buckets of S3, Google Cloud and Azure through one library, which dials through our proxy and knows no credentials but ours."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import obstore
from obstore.store import ObjectStore

from studium.errors import StudiumError
from studium.outbound.spelling import Target
from studium.storage.providers import reach
from studium.storage.providers.answers import Doing, meaning, never_asked
from studium.storage.providers.errors import Trouble, no_file, trouble
from studium.storage.providers.remote import PAGE, Entry, Listing, tag
from studium.storage.spooling import spooled

_PIECE = 1024 * 1024
_CHUNK = 1000
# Behind every name that a folder can contain.
_LAST = "\U0010ffff"
# For one part of a folder; what was found by then is shown.
_LISTING_SECONDS = 8.0


class Bucket:
    """An open bucket. `target` is its server; `refused` is called when it does not take the credentials."""

    def __init__(
        self,
        store: ObjectStore,
        target: Target,
        prefix: str,
        *,
        anonymous: bool,
        refused: Callable[[], None] | None = None,
    ) -> None:
        self._store, self._target, self._anonymous, self._refused = store, target, anonymous, refused
        self._prefix = f"{prefix}/" if prefix else ""

    def folder(self, path: str, after: str = "", limit: int = PAGE) -> Listing:
        """A folder in it is stepped over with one request, however much it contains."""
        entries: list[Entry] = []
        end, below = time.monotonic() + _LISTING_SECONDS, f"{path}/" if path else ""
        offset: str | None = f"{after}{_LAST}" if after.endswith("/") else after
        while offset is not None:
            found, offset = self._part(below, offset, limit - len(entries))
            entries += found
            if offset is not None and (len(entries) >= limit or time.monotonic() > end):
                return Listing(entries, offset.removesuffix(_LAST))
        return Listing(entries)

    def _part(self, below: str, offset: str, most: int) -> tuple[list[Entry], str | None]:
        """Entries of one request, and where the next one begins: None at the end."""
        found: list[Entry] = []
        batch, more = next(self._listed(below.rstrip("/"), offset), ([], False))
        for each, following in _with_next(batch):
            if each.path <= offset:  # in a folder that was stepped over
                continue
            if len(found) >= most:
                return found, offset
            folder, slash, _ = each.path[len(below) :].partition("/")
            if slash or self._marks_folder(each, following):
                found.append(Entry(path=below + folder, folder=True))
                offset = f"{below}{folder}/{_LAST}"
            else:
                found.append(each)
                offset = each.path
        return found, offset if more else None

    def files(self, path: str = "", after: str = "") -> Iterator[Entry]:
        for batch, _ in self._listed(path, after):
            yield from (each for each, following in _with_next(batch) if not self._marks_folder(each, following))

    def _listed(self, path: str, after: str) -> Iterator[tuple[list[Entry], bool]]:
        """Part by part, with whether there may be more. What marks the folder itself is left out."""
        whole = (self._prefix + path).rstrip("/")
        with self._asked(Doing.LIST):
            stream = obstore.list(
                self._store, whole or None, offset=self._prefix + after if after else None, chunk_size=_CHUNK
            )
        while True:
            with self._asked(Doing.LIST):
                batch = next(stream, None)
            if batch is None:
                return
            yield [self._entry(meta) for meta in batch if meta["path"] != whole], len(batch) == _CHUNK

    def _marks_folder(self, each: Entry, following: str) -> bool:
        """Whether it is an empty object with a slash at its end, as consoles make for a folder: the library hides the slash.

        Such a one is not found without it. One that has files behind it is no file for anybody.
        """
        if each.size != 0 or following.startswith(f"{each.path}/"):
            return each.size == 0
        try:
            obstore.head(self._store, self._prefix + each.path)
        except FileNotFoundError:
            return True
        except obstore.exceptions.BaseError:  # whoever reads it is told
            return False
        return False

    def _entry(self, meta: Any) -> Entry:
        return Entry(
            path=str(meta["path"]).removeprefix(self._prefix),
            size=int(meta["size"]),
            changed_at=meta["last_modified"],
            etag=tag(str(meta.get("e_tag") or "")),
        )

    def stat(self, path: str) -> Entry:
        with self._asked(Doing.READ, path):
            return self._entry(obstore.head(self._store, self._prefix + path))

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if length == 0:
            return
        wanted: Any = {}
        if length is not None:
            wanted = {"range": (start, start + length)}
        elif start:
            wanted = {"range": {"offset": start}}
        with self._asked(Doing.READ, path):
            stream = obstore.get(self._store, self._prefix + path, options=wanted).stream(min_chunk_size=_PIECE)
        while True:
            with self._asked(Doing.READ, path):
                piece = next(stream, None)
            if piece is None:
                return
            yield bytes(piece)

    def write(self, path: str, pieces: Iterable[bytes]) -> Entry:
        with spooled(pieces) as content, self._asked(Doing.WRITE, path):
            # Bytes in one request: parts of one that was cut off would stay in the bucket for good.
            obstore.put(self._store, self._prefix + path, content, use_multipart=isinstance(content, Path))
        return self.stat(path)

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._asked(Doing.REMOVE):
            obstore.delete(self._store, self._prefix + path)

    @contextlib.contextmanager
    def _asked(self, doing: Doing, path: str = "") -> Iterator[None]:
        """Whatever the library says becomes an error for people."""
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
                raise trouble(Trouble.BUCKET_UNKNOWN) from None
            if not path:
                raise
            raise no_file(path) from None
        except obstore.exceptions.BaseError as error:
            raise self._meaning(str(error), doing) from None
        except ValueError as error:  # of a name that the library cannot keep
            raise trouble(Trouble.LISTING_UNREADABLE, more=str(error).splitlines()[0][:200]) from None

    def _meaning(self, text: str, doing: Doing) -> StudiumError:
        where = self._target.netloc
        said = text.partition("\n\nDebug source:")[0]
        if "rror parsing Path" in said or "llegal character" in said:
            return trouble(Trouble.LISTING_UNREADABLE, where, "a name in it has an empty part, or . or ..")
        if never_asked(said):
            try:
                reach.check(self._target)
            except StudiumError as error:
                return error
            return trouble(
                Trouble.TIMEOUT if "timed out" in text or "TimedOut" in text else Trouble.AWAY, where, "it hung up"
            )
        found = meaning(said, doing, where, anonymous=self._anonymous)
        if self._refused and found.code == Trouble.SIGNATURE_WRONG:
            self._refused()
        return found


def _with_next(batch: list[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each with the path of the one behind it, empty for the last."""
    yield from ((each, following.path) for each, following in pairwise(batch))
    yield from ((each, "") for each in batch[-1:])
