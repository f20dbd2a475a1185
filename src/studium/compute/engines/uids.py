"""Host user ids for volumes and runs: each volume keeps one for as long as it exists, so its files keep their owner.

One JSON file under a lock. Ids are handed out in rising order from a start that depends on the home, so that several
homes on one machine seldom meet, once around the range; only then are those of deleted names given again, longest unused
first.
"""

import contextlib
import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIRST, LAST = 20_000, 59_999


def start_for(home: Path) -> int:
    """Where in the range this home begins."""
    return FIRST + zlib.crc32(os.fsencode(home)) % (LAST - FIRST + 1)


class NoUidLeftError(Exception):
    """Every id of the range belongs to a volume that exists."""


class Uids:
    def __init__(self, path: Path, first: int = FIRST, last: int = LAST, *, start: int | None = None) -> None:
        self._path, self._first, self._last = path, first, last
        self._start = first if start is None else start

    @contextlib.contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """The table, locked; written back in one step when the block ends well and changed it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._path.read_text() if self._path.exists() else '{"given": 0, "held": {}, "freed": []}'
            table: dict[str, Any] = json.loads(before)
            yield table
            after = json.dumps(table)
            if after != before:
                passing = self._path.with_suffix(".part")
                passing.write_text(after)
                passing.replace(self._path)
        finally:
            os.close(lock)

    def of(self, name: str) -> int:
        """The id of `name`, given out now if it has none. Raises `NoUidLeftError` or OSError."""
        with self._open() as table:
            held: dict[str, int] = table["held"]
            if name not in held:
                size = self._last - self._first + 1
                if table["given"] < size:
                    held[name] = self._first + (self._start - self._first + table["given"]) % size
                    table["given"] += 1
                elif table["freed"]:
                    held[name] = table["freed"].pop(0)
                else:
                    raise NoUidLeftError(f"all user ids from {self._first} to {self._last} are taken by volumes")
            return held[name]

    def free(self, name: str) -> None:
        with self._open() as table:
            uid = table["held"].pop(name, None)
            if uid is not None:
                table["freed"].append(uid)
