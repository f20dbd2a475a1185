"""Takes the plain files of a workspace out of it, to be kept after the run: a line of JSON for each, then its bytes.

The workspace is the run's own and hostile: no link is followed, devices and pipes are passed over, hidden files and
folders (installed packages, caches, checkpoints) are not results. The last line tells what had to be left out.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from typing import IO, Any

_LONGEST_PATH = 400
_PIECE = 1024 * 1024


def collect(root: str, out: IO[bytes], *, skip: str, most_files: int, most_bytes: int) -> None:
    """Write the files below `root` to `out`, by path, all but `skip`, as many as fit both limits."""
    kept = taken = left_out = left_bytes = 0
    for path, descriptor, size in _files(root):
        with contextlib.closing(os.fdopen(descriptor, "rb")) as stream:
            if path == skip:
                continue
            if not path or kept >= most_files or taken + size > most_bytes:
                left_out, left_bytes = left_out + 1, left_bytes + size
                continue
            out.write(json.dumps({"path": path, "size": size}).encode() + b"\n")
            _copy(stream, out, size)
            kept, taken = kept + 1, taken + size
    finish(out, left_out, left_bytes)


def finish(out: IO[bytes], left_out: int = 0, left_bytes: int = 0) -> None:
    """Write the last line; it alone is what an absent workspace gives."""
    out.write(json.dumps({"left_out": left_out, "left_bytes": left_bytes}).encode() + b"\n")


def _files(root: str) -> Iterator[tuple[str, int, int]]:
    """Path (empty where it cannot be kept as a name), open descriptor and size of each plain file."""
    for folder, folders, names, place in os.fwalk(root, follow_symlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
            except OSError:
                continue
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                os.close(descriptor)
                continue
            yield _kept_name(os.path.relpath(os.path.join(folder, name), root)), descriptor, facts.st_size


def _kept_name(path: str) -> str:
    try:
        return path if len(path.encode()) <= _LONGEST_PATH and path.isprintable() else ""
    except UnicodeEncodeError:
        return ""


def _copy(source: IO[bytes], out: IO[bytes], size: int) -> None:
    """Exactly `size` bytes. A file that shrank meanwhile raises OSError: half a result is none."""
    left = size
    while left:
        piece = source.read(min(_PIECE, left))
        if not piece:
            raise OSError("a file was cut short while it was read")
        out.write(piece)
        left -= len(piece)


def read(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The lines of what `collect` wrote. After each file's the stream stands at its bytes, which the caller reads."""
    while line := stream.readline():
        yield json.loads(line)
