"""Takes a folder out of a workspace as it is: files with their executable bit, folders, and links that stay inside.

The workspace is hostile. Nothing is followed while it is read; a link that would lead out of the folder, other than to what
a sandbox shows as its own system, makes the whole fail. Devices, pipes and sockets are left out.
"""

import os
import posixpath
import stat

from . import beneath

# What these mean is decided inside a sandbox, where they are read-only; nothing outside follows a link of an export.
_SYSTEM = ("/usr/", "/opt/")
_PIECE = 16 * 1024 * 1024


class _Room:
    def __init__(self, files: int, size: int) -> None:
        self.files, self.size = files, size

    def take(self, size: int) -> None:
        self.files, self.size = self.files - 1, self.size - size
        if self.files < 0 or self.size < 0:
            raise OSError("it has more files or bytes than may be taken out")


def export(root: str, path: str, target: str, *, most_files: int, most_bytes: int) -> None:
    """Copy the folder at `path` below `root` into the empty folder `target`. Raises OSError or ValueError."""
    source = beneath.open_folder(root, path)
    try:
        place = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _copy_folder(source, place, "", _Room(most_files, most_bytes))
        finally:
            os.close(place)
    finally:
        os.close(source)


def _copy_folder(source: int, target: int, path: str, room: _Room) -> None:
    with os.scandir(source) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    for name, facts in found:
        here = f"{path}/{name}" if path else name
        if stat.S_ISDIR(facts.st_mode):
            room.take(0)
            os.mkdir(name, 0o700, dir_fd=target)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below, made = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=target)
            try:
                _copy_folder(below, made, here, room)
            finally:
                os.close(below)
                os.close(made)
        elif stat.S_ISREG(facts.st_mode):
            _copy_file(name, source, target, room)
        elif stat.S_ISLNK(facts.st_mode):
            room.take(0)
            os.symlink(_harmless(os.readlink(name, dir_fd=source), path, here), name, dir_fd=target)


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
        mode = 0o755 if facts.st_mode & stat.S_IXUSR else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        write = os.open(name, flags, mode, dir_fd=target)
        try:
            left = facts.st_size
            while left and (done := os.sendfile(write, read, None, min(left, _PIECE))):
                left -= done
            os.utime(write, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        finally:
            os.close(write)
    finally:
        os.close(read)
