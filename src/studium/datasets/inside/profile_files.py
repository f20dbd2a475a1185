"""Looks into the files of a dataset: tables with their columns, archives, pictures, texts. The command of every profile run.

`request.json` of the workspace says which files, below which folder, with how much time and memory; `profile.json` there is
the answer. It is written anew as files are done, never half, so a run that is stopped leaves what was known by then.
The files are anybody's: each is read in a process of its own, bounded in time and memory, and what happens to that process
costs this one file. Exit code 0 when every file had its turn, or the time was up; 2 for a request that cannot be read;
143 stopped.
"""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from answer import Answer
from file_kinds import is_table
from own_process import Limits, Stopped, look

WORKSPACE = Path(os.environ.get("STUDIUM_WORKSPACE") or "/notebooks")
BAD_REQUEST, STOPPED = 2, 143
# A table over this size waits until all else had its turn.
LARGE = 64 * 1024 * 1024
# However many files wait, one may take this share of the time that is left.
_SHARE = 0.3
# The least with which the readers of tables can begin.
_LEAST_MEMORY = 256 * 1024 * 1024
# Of the run's memory, what is left to this process and to what the system keeps for it.
_KEPT_MEMORY = 96 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    root: str
    files: list[tuple[str, int]]
    seconds: float
    memory: int


def read_request() -> Request:
    """What was asked for. Raises OSError, ValueError, KeyError, TypeError."""
    said = json.loads((WORKSPACE / "request.json").read_text(encoding="utf-8"))
    files = [(str(each["path"]), int(each["size"])) for each in said["files"]]
    memory = max(_LEAST_MEMORY, int(said.get("memory_bytes", 1 << 30)))
    return Request(str(said["root"]), files, float(said.get("seconds", 600)), memory)


def turn(file: tuple[str, int]) -> tuple[int, int, str]:
    """Small tables first, then what is not a table, then large tables; the smaller before the larger."""
    path, size = file
    if is_table(path):
        return (0 if size <= LARGE else 2), size, path
    return 1, size, path


def prepare(tables: bool) -> None:
    """Load what reads files once, instead of in every process that is forked from this one."""

    if tables:
        pass


def look_at_all(request: Request, answer: Answer) -> str:
    """Each file in its turn. Why not all had one, or nothing."""
    ends = time.monotonic() + request.seconds
    waiting = sorted(request.files, key=turn)
    prepare(any(is_table(path) for path, _ in waiting))
    for done, (path, _) in enumerate(waiting):
        left = ends - time.monotonic()
        if left <= 0:
            return f"The time was up after {done} of {len(waiting)} files."
        seconds = max(left * _SHARE, left / (len(waiting) - done))
        limits = Limits(seconds, request.memory - _KEPT_MEMORY, WORKSPACE)
        answer.add(path, look(request.root, path, limits))
    return answer.full


def _stop(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Stopped


def main() -> int:
    try:
        request = read_request()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"The request cannot be read: {error}")
        return BAD_REQUEST
    signal.signal(signal.SIGTERM, _stop)
    answer = Answer(WORKSPACE / "profile.json")
    answer.write("The run has not ended yet.")
    try:
        reason = look_at_all(request, answer)
    except Stopped:
        answer.write("The run was stopped.")
        return STOPPED
    answer.write(reason)
    print(reason or f"Looked into {len(request.files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
