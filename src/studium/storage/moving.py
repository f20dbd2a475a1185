"""Which store is asked while, and after, what is stored moves from one to another: a small file in the home says how far it is.

`copying`: the old store has everything. What is written goes to both, as far as the new one answers, and what is only in the
new one is found there. `switched`: the new store is written; what it lacks, such as what was on its way just then, is found in
the old one. `done`: the new one alone.
Every process looks at the file before every call, so a step counts at once and no process has to be started anew.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from studium.config.options import options

FILE = "storage-move.json"


class State(StrEnum):
    """How far a move is, in this order."""

    COPYING = "copying"
    SWITCHED = "switched"
    DONE = "done"


@dataclass(frozen=True)
class Move:
    """From one `storage_url` to another; empty is the folder. `since` is when it came to this state."""

    source: str
    target: str
    state: State
    since: datetime


class Places(NamedTuple):
    """The store that counts, and another one that is asked for what that lacks. With `both`, it is written as well."""

    first: str
    other: str | None = None
    both: bool = False


_seen: tuple[tuple[str, int, int], Move] | None = None


def current() -> Move | None:
    """The move that is under way or was the last. Raises OSError or ValueError where its file cannot be read."""
    path = options().home / FILE
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    global _seen
    key = (str(path), found.st_ino, found.st_mtime_ns)
    seen = _seen  # other threads may read another one meanwhile
    if seen is None or seen[0] != key:
        told = json.loads(path.read_text())
        since = datetime.fromisoformat(told["since"])
        seen = _seen = (key, Move(told["source"], told["target"], State(told["state"]), since))
    return seen[1]


def save(move: Move | None) -> None:
    """Say how far it is, for good: it is on the disk when this returns. None forgets it."""
    path = options().home / FILE
    if move is None:
        path.unlink(missing_ok=True)
    else:
        fresh = path.with_name(f".{FILE}.{os.getpid()}")
        with fresh.open("w") as out:
            out.write(json.dumps({**asdict(move), "since": move.since.isoformat()}))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    _sync_folder(path.parent)


def places(setting: str) -> Places:
    """What this setting of `storage_url` means by now."""
    move = current()
    if move is None or setting not in (move.source, move.target):
        return Places(setting)
    if move.state == State.DONE:
        return Places(move.target)
    if move.state == State.SWITCHED:
        return Places(move.target, move.source)
    # While it is copied the old store counts, also for a process that has the new setting already.
    return Places(move.source, move.target, both=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
