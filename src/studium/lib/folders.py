"""Folders that many users of this machine read and none may write, such as environments and inputs."""

import os
import shutil
import stat
from pathlib import Path


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


def remove(top: Path) -> None:
    """Delete a folder, sealed or not; one that is not there is no error."""
    if not top.exists():
        return
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o700)
    shutil.rmtree(top)
