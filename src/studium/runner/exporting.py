"""Takes a folder out of a workspace as it is: files with their executable bit, folders, and links that stay inside.

The workspace is hostile. Nothing is followed while it is read; a link that would lead out of the folder, other than to what
a sandbox shows as its own system, makes the whole fail. Devices, pipes and sockets are left out.

Files come out read-only. Where an earlier export has the same file at the same path, it is linked to and not copied: the same
by size, by executable bit and by the time it was last written, to the nanosecond. A time in whole seconds is one that came
with an archive and proves nothing. Whoever writes to the workspace can feign all three, and then gets what it had before.
"""

import contextlib
import os
import posixpath
import stat

from . import beneath

# What these mean is decided inside a sandbox, where they are read-only; nothing outside follows a link of an export.
_SYSTEM = ("/usr/", "/opt/")
_DEEPEST = 100
_PIECE = 16 * 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Room:
    def __init__(self, files: int, size: int) -> None:
        self.files, self.size = files, size

    def take(self, size: int) -> None:
        self.files, self.size = self.files - 1, self.size - size
        if self.files < 0 or self.size < 0:
            raise OSError("it has more files or bytes than may be taken out")


def export(root: str, path: str, target: str, *, most_files: int, most_bytes: int, like: str = "") -> None:
    """Copy the folder at `path` below `root` into the empty folder `target`. Raises OSError or ValueError.

    `like` is an earlier export on the same file system as `target`, which nobody writes to any more.
    """
    with contextlib.ExitStack() as stack:
        source = _closing(stack, beneath.open_folder(root, path))
        place = _closing(stack, os.open(target, _FOLDER & ~os.O_NOFOLLOW))
        earlier = None
        if like:
            with contextlib.suppress(OSError):  # gone meanwhile
                earlier = _closing(stack, os.open(like, _FOLDER))
        _take_folder(source, place, earlier, "", _Room(most_files, most_bytes))


def _closing(stack: contextlib.ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _take_folder(source: int, target: int, earlier: int | None, path: str, room: _Room) -> None:
    with os.scandir(source) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    for name, facts in found:
        here = f"{path}/{name}" if path else name
        if stat.S_ISDIR(facts.st_mode):
            if here.count("/") >= _DEEPEST:
                raise OSError("its folders are too deep")
            room.take(0)
            os.mkdir(name, 0o700, dir_fd=target)
            with contextlib.ExitStack() as stack:
                below = _closing(stack, os.open(name, _FOLDER, dir_fd=source))
                made = _closing(stack, os.open(name, _FOLDER, dir_fd=target))
                like = None
                if earlier is not None:
                    with contextlib.suppress(OSError):
                        like = _closing(stack, os.open(name, _FOLDER, dir_fd=earlier))
                _take_folder(below, made, like, here, room)
        elif stat.S_ISREG(facts.st_mode):
            if earlier is None or not _link(name, facts, earlier, target, room):
                _copy_file(name, source, target, room)
        elif stat.S_ISLNK(facts.st_mode):
            room.take(0)
            os.symlink(_harmless(os.readlink(name, dir_fd=source), path, here), name, dir_fd=target)


def _link(name: str, facts: os.stat_result, earlier: int, target: int, room: _Room) -> bool:
    """Link to the earlier file of this name if it is the same. False where it is not, or has too many links."""
    try:
        known = os.stat(name, dir_fd=earlier, follow_symlinks=False)
        if not _same(facts, known):
            return False
        os.link(name, name, src_dir_fd=earlier, dst_dir_fd=target, follow_symlinks=False)
    except OSError:
        return False
    room.take(facts.st_size)
    return True


def _same(facts: os.stat_result, known: os.stat_result) -> bool:
    return (
        stat.S_ISREG(known.st_mode)
        and known.st_size == facts.st_size
        and known.st_mtime_ns == facts.st_mtime_ns
        and known.st_mtime_ns % 1_000_000_000 != 0
        and stat.S_IMODE(known.st_mode) == _mode(facts)
    )


def _mode(facts: os.stat_result) -> int:
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
