"""Folders that many users of this machine read and none may write, such as environments and inputs."""

import os
import shutil
import stat
from pathlib import Path


def seal(top: Path) -> None:
    """Readable by every user, writable by none: it is shared by runs under different user ids."""
    for folder, _, names in os.walk(top, topdown=False):
        for path in (Path(folder, name) for name in names):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                path.chmod(0o555 if mode & stat.S_IXUSR else 0o444)
        Path(folder).chmod(0o555)


def remove(top: Path) -> None:
    """Delete a folder, sealed or not; one that is not there is no error."""
    if not top.exists():
        return
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o700)
    shutil.rmtree(top)
