"""Archives: the names and sizes of what is in them, and of what is in archives in them. Nothing else is taken out.

An inner archive is put into the scratch folder for as long as it is looked into. How many, how deep and how much of them is
bounded for the whole file, so that one that unpacks to more and more of itself ends.
"""

import contextlib
import os
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Any, BinaryIO

from clean_text import opened
from file_kinds import kind_of
from json_values import Trouble, name
from looking import File

MOST_MEMBERS = 1000
# Of a packed tar everything is unpacked on the way to its end. So much of that, and so much of the time.
MOST_UNPACKED = 64 * 1024 * 1024 * 1024
_SHARE = 0.8
# Names of a zip stand together at its end and are read at once.
_MOST_DIRECTORY = 64 * 1024 * 1024
# Of archives in an archive: how many are looked into, how deep they may lie, and their bytes together.
MOST_INNER, DEEPEST = 100, 3
MOST_INNER_BYTES = 256 * 1024 * 1024
_TELL_EVERY = 10_000
_PIECE = 1 << 20

Tell = Callable[..., None]
BREAKS_OFF = "It breaks off; what comes before that is listed."


class Bounded:
    """A packed stream that ends, as Trouble, where the time or the bytes are used up."""

    def __init__(self, source: BinaryIO, seconds: float) -> None:
        self._source = source
        self._ends = time.monotonic() + seconds
        self._left = MOST_UNPACKED

    def read(self, size: int = _PIECE) -> bytes:
        piece = self._source.read(size)
        self._left -= len(piece)
        if self._left < 0 or time.monotonic() > self._ends:
            raise Trouble("Unpacking takes too long; what comes before that is listed.")
        return piece


class Member(tarfile.TarInfo):
    """A member of a tar. One whose header is cut in two is not the end, as it is to tarfile."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(archive)
        except tarfile.TruncatedHeaderError:
            raise Trouble(BREAKS_OFF) from None


class Listed:
    """Members so far. Those of inner archives stand below the name of theirs, and add nothing to the bytes."""

    def __init__(self, tell: Tell, seconds: float) -> None:
        self._tell = tell
        self._ends = time.monotonic() + seconds
        self.members: list[dict[str, Any]] = []
        self.count, self.bytes = 0, 0
        self.within: list[str] = []
        self.inner, self.inner_bytes, self.missed = MOST_INNER, MOST_INNER_BYTES, 0

    @property
    def seconds(self) -> float:
        return self._ends - time.monotonic()

    def add(self, path: str, size: int) -> None:
        if len(self.members) < MOST_MEMBERS:
            self.members.append({"path": "/".join([*self.within, name(path)]), "size": size})
        self.count += 1
        self.bytes += 0 if self.within else size
        if self.count % _TELL_EVERY == 0:
            self.tell()

    def tell(self, **more: Any) -> None:
        self._tell(members=self.members, members_count=self.count, members_bytes=self.bytes, **more)


def read(file: File, tell: Tell) -> None:
    """Tell the members. Raises Trouble, after those were told that could be read."""
    listed = Listed(tell, file.limits.seconds * _SHARE)
    try:
        _list(file, listed)
    finally:
        listed.tell()
    if listed.missed:
        words = "1 archive in it was" if listed.missed == 1 else f"{listed.missed:,} archives in it were"
        raise Trouble(f"{words} not looked into: broken, locked, too large or too many.")


def _list(file: File, listed: Listed) -> None:
    if file.form == "zip":
        _zip(file, listed)
    elif file.form.startswith("tar"):
        _tar(file, listed)
    elif not listed.within:
        _packed(file, listed)


def _look_inside(outer: File, listed: Listed, path: str, take: Callable[[], IO[bytes] | None]) -> None:
    """List an inner archive, which `take` opens. What cannot be is counted, and keeps nobody from the rest."""
    kind, form = kind_of(path)
    if kind != "archive" or not (form == "zip" or form.startswith("tar")):
        return
    if listed.inner <= 0 or len(listed.within) >= DEEPEST:
        listed.missed += 1
        return
    listed.inner -= 1
    before = len(listed.members), listed.count
    listed.within.append(name(path))
    try:
        with _what_breaks(), tempfile.NamedTemporaryFile(dir=outer.scratch) as aside:
            if size := _set_aside(take, aside, listed):
                _list(replace(outer, path=aside.name, name=path, size=size, form=form), listed)
    except Trouble:
        listed.missed += 1
        del listed.members[before[0] :]
        listed.count = before[1]
    finally:
        listed.within.pop()


def _set_aside(take: Callable[[], IO[bytes] | None], aside: IO[bytes], listed: Listed) -> int:
    """The bytes of an inner archive; 0 for what is no file. Raises Trouble where they are too many, or take too long."""
    source = take()
    if source is None:
        return 0
    size = 0
    with source:
        while piece := source.read(_PIECE):
            size += len(piece)
            listed.inner_bytes -= len(piece)
            if listed.inner_bytes < 0 or listed.seconds < 0:
                raise Trouble("too much")
            aside.write(piece)
    aside.flush()
    return size


@contextlib.contextmanager
def _what_breaks() -> Iterator[None]:
    """All that the readers of archives raise on broken ones, as Trouble."""
    try:
        yield
    except (Trouble, MemoryError):
        raise
    except Exception as error:
        # zlib, lzma, tarfile, zipfile, struct, decoding: each has its own.
        raise Trouble(f"{BREAKS_OFF} ({type(error).__name__})") from None


def _zip(file: File, listed: Listed) -> None:
    with _what_breaks(), open(file.path, "rb") as handle:
        end = zipfile._EndRecData(handle)  # type: ignore[attr-defined]  # there is no other way to its size before it is read
        if not end:
            raise Trouble("It cannot be read as zip.")
        if end[zipfile._ECD_SIZE] > _MOST_DIRECTORY:  # type: ignore[attr-defined]
            raise Trouble("The list of its members is too long to be read.")
        with zipfile.ZipFile(handle) as archive:
            for member in archive.infolist():
                if not member.filename.endswith("/"):
                    listed.add(member.filename, member.file_size)
                    _look_inside(file, listed, member.filename, partial(archive.open, member))


def _tar(file: File, listed: Listed) -> None:
    """Files and links; folders are in the names. In a stream nothing is looked up twice, so nothing can be far away."""
    with _what_breaks(), opened(file) as source:
        bounded = Bounded(source, listed.seconds)
        words = {"encoding": "utf-8", "errors": "surrogateescape", "tarinfo": Member}
        with tarfile.open(fileobj=bounded, mode="r|", **words) as archive:
            while member := archive.next():
                # What it keeps of members, it keeps for taking them out.
                archive.members = []  # type: ignore[assignment]
                if not member.isdir():
                    listed.add(member.name, member.size if member.isreg() else 0)
                    if member.isreg():
                        _look_inside(file, listed, member.name, partial(archive.extractfile, member))


def _packed(file: File, listed: Listed) -> None:
    """One file, packed. How large it is, only unpacking it tells."""
    inner = os.path.basename(file.name).rsplit(".", 1)[0]
    size = 0
    try:
        with _what_breaks(), opened(file) as source:
            bounded = Bounded(source, listed.seconds)
            while piece := bounded.read():
                size += len(piece)
    finally:
        listed.add(inner, size)
