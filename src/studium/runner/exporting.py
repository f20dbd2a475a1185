"""Takes a folder out of a workspace as it is: files with their executable bit, folders, and links that stay inside.

The workspace is hostile. Nothing is followed while it is read; a link that would lead out of the folder, other than to what
a sandbox shows as its own system, makes the whole fail. Devices, pipes and sockets are left out.

Files come out read-only, and so do the folders that they are in. Where an earlier export has the same file at the same path,
it is linked to and not copied: the same by size, by executable bit and by the time it was last written, to the nanosecond. A
time in whole seconds is one that came with an archive and proves nothing. Whoever writes to the workspace can feign all three,
and then gets what it had before.

So it may as well be asked: a run that leaves a `TOLD` in the folder says what is in it, and of what is the same as before
nothing is read. An image that was just mounted has nothing at hand, and looking at each of 9,000 files takes four times as
long as linking to them. What is not the same is read as ever, and what is not in the list is not taken.
"""

import contextlib
import json
import os
import posixpath
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import beneath

# A tree as JSON: of a folder an object with what is in it by name, of anything else its mode, size, and time in nanoseconds.
TOLD = ".files.json"
_TOLD_BYTES = 64 * 1024 * 1024

# What these mean is decided inside a sandbox, where they are read-only; nothing outside follows a link of an export.
_SYSTEM = ("/usr/", "/opt/")
_DEEPEST = 100
_PIECE = 16 * 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Facts(NamedTuple):
    """What is known of an entry, under the names that `os.stat` has for it."""

    st_mode: int
    st_size: int
    st_mtime_ns: int


class _Room:
    def __init__(self, files: int, size: int, skip: str) -> None:
        self.files, self.size, self.taken, self.skip = files, size, 0, skip

    def take(self, size: int) -> None:
        self.files, self.size, self.taken = self.files - 1, self.size - size, self.taken + size
        if self.files < 0 or self.size < 0:
            raise OSError("it has more files or bytes than may be taken out")


class _Source:
    """A folder of the workspace, opened when something of it is read, and what is in it if that was told."""

    def __init__(self, above: "_Source | int", name: str, told: dict[str, Any] | None) -> None:
        self._above, self._name, self._told = above, name, told
        self._descriptor: int | None = None

    def open(self) -> int:
        if self._descriptor is None:
            above = self._above.open() if isinstance(self._above, _Source) else self._above
            self._descriptor = os.open(self._name, _FOLDER, dir_fd=above)
        return self._descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def below(self, name: str) -> "_Source":
        return _Source(self, name, None if self._told is None else self._told[name])

    def entries(self) -> Iterator[tuple[str, "_Facts | os.stat_result"]]:
        """Name and facts. Raises ValueError for a list that is none."""
        if self._told is None:
            with os.scandir(self.open()) as entries:
                yield from [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            return
        for name, what in self._told.items():
            if name in ("", ".", "..") or "/" in name or "\0" in name:
                raise ValueError(f"{TOLD} has a name that is none: {name!r}")
            if isinstance(what, dict):
                yield name, _Facts(stat.S_IFDIR, 0, 0)
            elif _is_facts(what):
                yield name, _Facts(*what)
            else:
                raise ValueError(f"{TOLD} does not say what {name!r} is")


def export(root: str, path: str, target: str, *, most_files: int, most_bytes: int, like: str = "") -> int:
    """Copy the folder at `path` below `root` into the empty folder `target`; returns its bytes. Raises OSError or ValueError.

    `like` is an earlier export on the same file system as `target`, which nobody writes to any more.
    """
    with contextlib.ExitStack() as stack:
        above = _closing(stack, beneath.open_folder(root, path))
        place = _closing(stack, os.open(target, _FOLDER & ~os.O_NOFOLLOW))
        earlier = told = None
        if like:
            with contextlib.suppress(OSError):  # gone meanwhile
                earlier = _closing(stack, os.open(like, _FOLDER))
                told = _told(root, path)
        room = _Room(most_files, most_bytes, TOLD if like else "")  # else it is a file like any other
        with contextlib.closing(_Source(above, ".", told)) as source:
            _take_folder(source, place, earlier, "", room)
        return room.taken


def _told(root: str, path: str) -> dict[str, Any] | None:
    """The list that the run left, None where there is none that can be read."""
    try:
        found = json.loads(beneath.read(root, f"{path}/{TOLD}", _TOLD_BYTES) or b"")
    except (ValueError, RecursionError, beneath.TooLargeError):
        return None
    return found if isinstance(found, dict) else None


def _is_facts(what: object) -> bool:
    if not isinstance(what, list) or len(what) != len(_Facts._fields):
        return False
    return all(type(number) is int for number in what) and 0 <= what[0] < 1 << 16  # a mode, as `stat` takes it


def _closing(stack: contextlib.ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _take_folder(source: _Source, target: int, earlier: int | None, path: str, room: _Room) -> None:
    for name, facts in source.entries():
        here = f"{path}/{name}" if path else name
        if here == room.skip:
            continue
        if stat.S_ISDIR(facts.st_mode):
            if here.count("/") >= _DEEPEST:
                raise OSError("its folders are too deep")
            room.take(0)
            os.mkdir(name, 0o700, dir_fd=target)
            with contextlib.ExitStack() as stack:
                below = stack.enter_context(contextlib.closing(source.below(name)))
                made = _closing(stack, os.open(name, _FOLDER, dir_fd=target))
                like = None
                if earlier is not None:
                    with contextlib.suppress(OSError):
                        like = _closing(stack, os.open(name, _FOLDER, dir_fd=earlier))
                _take_folder(below, made, like, here, room)
                os.fchmod(made, 0o555)
        elif stat.S_ISREG(facts.st_mode):
            if earlier is None or not _link(name, facts, earlier, target, room):
                _copy_file(name, source.open(), target, room)
        elif stat.S_ISLNK(facts.st_mode):
            room.take(0)
            os.symlink(_harmless(os.readlink(name, dir_fd=source.open()), path, here), name, dir_fd=target)


def _link(name: str, facts: "_Facts | os.stat_result", earlier: int, target: int, room: _Room) -> bool:
    """Link to the earlier file of this name if it is the same. False where it is not, or has too many links."""
    try:
        known = os.stat(name, dir_fd=earlier, follow_symlinks=False)
        if not _same(facts, known):
            return False
        os.link(name, name, src_dir_fd=earlier, dst_dir_fd=target, follow_symlinks=False)
    except OSError:
        return False
    room.take(known.st_size)
    return True


def _same(facts: "_Facts | os.stat_result", known: os.stat_result) -> bool:
    return (
        stat.S_ISREG(known.st_mode)
        and known.st_size == facts.st_size
        and known.st_mtime_ns == facts.st_mtime_ns
        and known.st_mtime_ns % 1_000_000_000 != 0
        and stat.S_IMODE(known.st_mode) == _mode(facts)
    )


def _mode(facts: "_Facts | os.stat_result") -> int:
    return 0o555 if facts.st_mode & stat.S_IXUSR else 0o444


def _harmless(link: str, folder: str, here: str) -> str:
    """The link's target. Raises ValueError where it leads out."""
    if link.startswith("/"):
        fine = posixpath.normpath(link).startswith(_SYSTEM)
    else:
        end = posixpath.normpath(posixpath.join(folder, link))
        fine = end != ".." and not end.startswith("../")
    if not fine:
        raise ValueError(f"the link {here} leads out of it")
    return link


def _copy_file(name: str, source: int, target: int, room: _Room) -> None:
    read = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        facts = os.fstat(read)
        if not stat.S_ISREG(facts.st_mode):  # no longer what it was, or was said to be
            return
        room.take(facts.st_size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        write = os.open(name, flags, _mode(facts), dir_fd=target)
        try:
            left = facts.st_size
            while left and (done := os.sendfile(write, read, None, min(left, _PIECE))):
                left -= done
            os.utime(write, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        finally:
            os.close(write)
    finally:
        os.close(read)
