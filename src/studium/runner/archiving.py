"""A whole volume as a stream of tar, and back: files, folders and links with their modes and times, hidden ones too.

The tree may be written to meanwhile by a hostile program: no link is followed, sockets and pipes are passed over, a file
that shrinks is filled up with zeros.
"""

import contextlib
import os
import stat
import tarfile
from typing import IO

from . import beneath

_PIECE = 1024 * 1024
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def save(root: str, out: IO[bytes], *, most_bytes: int) -> None:
    """Write everything below `root` to `out`. Raises ValueError where files claim more than `most_bytes` together."""
    linked = dict[tuple[int, int], str]()
    left = most_bytes
    with (
        contextlib.closing(os.fwalk(root, follow_symlinks=False)) as walk,  # type: ignore[type-var]
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_PIECE) as archive,
    ):
        for folder, folders, names, place in walk:
            folders.sort()
            inner = os.path.relpath(folder, root)
            if inner != ".":
                archive.addfile(_described(os.fstat(place), inner))
            for name in sorted([*names, *(each for each in folders if _is_link(each, place))]):
                path = name if inner == "." else f"{inner}/{name}"
                with contextlib.suppress(FileNotFoundError):
                    left -= _save_one(archive, place, name, path, linked, left)


def _is_link(name: str, place: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
    return False


def _save_one(
    archive: tarfile.TarFile, place: int, name: str, path: str, linked: dict[tuple[int, int], str], left: int
) -> int:
    """Returns how many bytes of content went."""
    facts = os.stat(name, dir_fd=place, follow_symlinks=False)
    if stat.S_ISLNK(facts.st_mode):
        entry = _described(facts, path)
        entry.linkname = os.readlink(name, dir_fd=place)
        archive.addfile(entry)
        return 0
    if not stat.S_ISREG(facts.st_mode):
        return 0
    try:
        descriptor = os.open(name, _FILE, dir_fd=place)
    except OSError:
        return 0
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return 0
        entry, key = _described(facts, path), (facts.st_dev, facts.st_ino)
        if key in linked:
            entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, linked[key], 0
            archive.addfile(entry)
            return 0
        if facts.st_nlink > 1:
            linked[key] = path
        if facts.st_size > left:
            raise ValueError("its files claim more bytes than the volume has: files with holes cannot be kept")
        archive.addfile(entry, _Filled(stream))  # type: ignore[arg-type]
    return facts.st_size


def _described(facts: os.stat_result, path: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.mtime = facts.st_mode & 0o777, int(facts.st_mtime)
    if stat.S_ISDIR(facts.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(facts.st_mode):
        entry.type = tarfile.SYMTYPE
    else:
        entry.size = facts.st_size
    return entry


class _Filled:
    """A file that has as many bytes as were promised of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        found = self._stream.read(size)
        return found if len(found) == size else found.ljust(size, b"\0")


class LetGoError(Exception):
    """Whoever had the tree has let go of it while it was saved."""


class _WhileHeld:
    """Takes bytes as long as a process has the folder. No descriptor of ours keeps it from being given to somebody else."""

    def __init__(self, out: IO[bytes], pid: int, place: str) -> None:
        self._out, self._pid, self._place, self._facts = out, pid, place, os.stat(place)

    def write(self, data: bytes) -> int:
        self.check()
        return self._out.write(data)

    def check(self) -> None:
        try:
            facts = os.stat(self._place)
        except OSError:
            facts = None
        gone = facts is None or (facts.st_dev, facts.st_ino) != (self._facts.st_dev, self._facts.st_ino)
        if gone or not os.path.exists(f"/proc/{self._pid}"):
            raise LetGoError("the run that had the volume has let go of it")


def save_held(place: str, pid: int, out: IO[bytes], *, most_bytes: int, mounted: bool = False) -> None:
    """`save` of what the process `pid` has, or has `mounted`, at `place`. Raises LetGoError as soon as it has not."""
    try:
        held = _WhileHeld(out, pid, place)
        held.check()
    except OSError as error:
        raise LetGoError(str(error)) from error
    if mounted and not os.path.ismount(place):  # what lies below is not the volume
        raise LetGoError("the run that had the volume has let go of it")
    save(place, held, most_bytes=most_bytes)  # type: ignore[arg-type]
    held.check()


class _Counted:
    """A stream of which is known how many bytes came."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        found = self._stream.read(size)
        self.count += len(found)
        return found


def load(root: str, source: IO[bytes], owner: tuple[int, int] | None, *, length: int) -> None:
    """Write what `save` wrote, `length` bytes, into the empty folder `root`, all of it owned by `owner`.

    Raises OSError (ENOSPC too), ValueError or tarfile.TarError for what is no such stream. Folders get their modes last.
    """
    modes, counted = list[tuple[str, int, float]](), _Counted(source)
    with tarfile.open(fileobj=counted, mode="r|", bufsize=_PIECE) as archive:  # type: ignore[call-overload]
        for entry in archive:
            *folders, name = beneath.components(entry.name)
            place = beneath.descend(root, folders, owner or (os.geteuid(), os.getegid()))
            try:
                if entry.isdir():
                    os.mkdir(name, 0o700, dir_fd=place)
                    modes.append((entry.name, entry.mode, entry.mtime))
                elif entry.issym():
                    os.symlink(entry.linkname, name, dir_fd=place)
                elif entry.islnk():
                    _link(root, entry.linkname, name, place)
                    continue
                elif entry.isreg():
                    _load_file(archive, entry, name, place)
                else:
                    raise ValueError(f"{entry.name!r} is neither file nor folder nor link")
                if owner is not None:
                    os.chown(name, *owner, dir_fd=place, follow_symlinks=False)
            finally:
                os.close(place)
    while counted.read(_PIECE):
        pass
    if counted.count != length:  # cut between two files a stream of tar looks whole
        raise ValueError(f"{counted.count:,} bytes came where {length:,} were to come")
    for path, mode, changed in reversed(modes):
        folder = beneath.open_folder(root, path)
        try:
            os.fchmod(folder, mode & 0o777)
            os.utime(folder, (changed, changed))
        finally:
            os.close(folder)


def _load_file(archive: tarfile.TarFile, entry: tarfile.TarInfo, name: str, place: int) -> None:
    content = archive.extractfile(entry)
    assert content is not None
    with os.fdopen(os.open(name, _NEW, 0o600, dir_fd=place), "wb") as out:
        while piece := content.read(_PIECE):
            out.write(piece)
        out.flush()
        os.fchmod(out.fileno(), entry.mode & 0o777)
        os.utime(out.fileno(), (entry.mtime, entry.mtime))


def _link(root: str, path: str, name: str, place: int) -> None:
    *folders, old = beneath.components(path)
    there = beneath.descend(root, folders, None)
    try:
        os.link(old, name, src_dir_fd=there, dst_dir_fd=place, follow_symlinks=False)
    finally:
        os.close(there)
