"""Opens files of a workspace that anybody may have written to: no link is followed on the way, and only plain files open."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe must not wait


@contextmanager
def plain_file(tree: Path, path: str) -> Iterator[BinaryIO | None]:
    """The plain file at a path below the tree, None where there is none."""
    descriptor = _opened(tree, path)
    if descriptor is None:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        yield stream


def _opened(tree: Path, path: str) -> int | None:
    *folders, name = path.split("/")
    if "\0" in path or not name or any(part in ("", ".", "..") for part in (*folders, name)):
        return None
    current = os.open(tree, _FOLDER)
    try:
        for folder in folders:
            following = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = following
        descriptor = os.open(name, _FILE, dir_fd=current)
    except OSError:
        return None
    finally:
        os.close(current)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor
