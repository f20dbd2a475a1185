"""What the runner tells of its run, as a file that is whole at any moment, even on a full disk.

Normally written aside and moved into place. When the disk is full, a spare file laid down at the start is overwritten
in place. Each writing carries a rising number, and readers take the highest whole one.
"""

import contextlib
import json
import os
import stat
from typing import Any

NAME, SPARE = "status.json", "status.spare"
_SPARE_BYTES = 16 * 1024
_MOST_PARTS = 50


def lay_down(folder: str) -> None:
    """Reserve the spare's blocks. Raises OSError when there is no room, which is the time to refuse a run."""
    with open(os.path.join(folder, SPARE), "wb") as stream:
        stream.write(b" " * _SPARE_BYTES)
        stream.flush()
        os.fsync(stream.fileno())


def write(folder: str, status: dict[str, Any]) -> None:
    data = json.dumps(status).encode()
    path = os.path.join(folder, NAME)
    passing = f"{path}.part"
    try:
        with open(passing, "wb") as stream:
            stream.write(data)
        os.rename(passing, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(passing)
        with contextlib.suppress(OSError), open(os.path.join(folder, SPARE), "r+b") as stream:
            stream.write(data[:_SPARE_BYTES].ljust(_SPARE_BYTES))


def read(folder: str) -> dict[str, Any] | None:
    """The newest whole status, or None."""
    newest: dict[str, Any] | None = None
    for name in (NAME, SPARE):
        try:
            with open(os.path.join(folder, name), "rb") as stream:
                found = json.loads(stream.read())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and (newest is None or found.get("seq", 0) > newest.get("seq", 0)):
            newest = found
    return newest


def read_progress(path: str, most: int = 4096) -> dict[str, Any] | None:
    """What the run reported of itself: a small JSON object in a plain file, or None. Follows no link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.read(descriptor, most + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        # NaN and NUL are valid to this parser and to few stores; deep nesting is what no writer or reader survives.
        unfit = len(data) > most or b"\\u0000" in data or data.count(b"[") + data.count(b"{") > _MOST_PARTS
        found = None if unfit else json.loads(data, parse_constant=_refuse)
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(descriptor)
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
