"""Folders that many users of this machine read and none may write, such as environments and inputs."""

import ctypes
import os
import shutil
import stat
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)


def seal(top: Path) -> int:
    """Readable by every user, writable by none: it is shared by runs under different user ids. Returns its size in bytes."""
    size = 0
    with os.scandir(top) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                size += seal(Path(entry.path))
                continue
            size += facts.st_size
            wanted = 0o555 if facts.st_mode & stat.S_IXUSR else 0o444
            if not stat.S_ISLNK(facts.st_mode) and stat.S_IMODE(facts.st_mode) != wanted:
                Path(entry.path).chmod(wanted)
    top.chmod(0o555)
    return size


def flush(top: Path) -> None:
    """Have all that was written below it on the disk. One call for any number of files, which flushes the whole file system."""
    handle = os.open(top, os.O_RDONLY)
    try:
        if _LIBC.syncfs(handle):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(top))
    finally:
        os.close(handle)


def remove(top: Path) -> None:
    """Delete a folder, sealed or not; one that is not there is no error."""
    if not top.exists():
        return
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o700)
    shutil.rmtree(top)
