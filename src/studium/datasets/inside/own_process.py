"""One file, looked into by a process of its own: forked, bounded, and ended whatever it is doing when its time is up.

The process tells what it knows as it learns it, a line of JSON each time, so a table whose columns took too long still has
its first rows. A line has what is new: keys of the profile, or under `table` a number and the table of that number, whose
first rows are told once.
"""

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from file_kinds import kind_of
from json_values import Trouble

Profile = dict[str, Any]
# What one file may tell, all of its lines together.
MOST_TOLD = 64 * 1024 * 1024
_PIECE = 1 << 16
FINISHED, NO_MEMORY = 0, 9
_THREAD_MEMORY = 256 * 1024 * 1024

SLOW = "Looking into it took longer than there was time for."
GREEDY = "Looking into it took more memory than there is."
BROKEN = "It breaks the program that reads such files."
WORDY = "There is too much in it to tell."


class Stopped(BaseException):
    """The run was asked to end."""


@dataclass(frozen=True)
class Limits:
    """For one file: seconds of wall time, bytes of memory, and a folder in which files may be put meanwhile."""

    seconds: float
    memory: int
    folder: Path

    @property
    def threads(self) -> int:
        """As many as the run has processors, and memory for."""
        try:
            granted = int(float(os.environ.get("STUDIUM_VCPU", "")))
        except ValueError:
            granted = os.cpu_count() or 1
        return max(1, min(granted, self.memory // _THREAD_MEMORY))


def look(root: str, path: str, limits: Limits) -> Profile:
    """The profile of one file below `root`. Raises nothing of the file's; Stopped passes through."""
    kind, form = kind_of(path)
    profile: Profile = {"kind": kind, "format": form, "trouble": "", "tables": []}
    scratch = tempfile.mkdtemp(prefix=".profile-", dir=limits.folder)
    try:
        told, trouble = _tell(root, path, limits, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    profile |= told
    if trouble:
        profile["trouble"] = trouble
    return profile


def _tell(root: str, path: str, limits: Limits, scratch: str) -> tuple[Profile, str]:
    """What the process told last, and why that is not all."""
    ends = time.monotonic() + limits.seconds
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_process(root, path, limits, scratch, writing)
    os.close(writing)
    told: Profile = {"tables": []}
    trouble = ""
    try:
        for line in _lines(reading, ends):
            _take(told, json.loads(line))
    except Trouble as reason:
        trouble = str(reason)
    except ValueError:
        trouble = BROKEN
    finally:
        if not trouble and sys.exc_info()[0] is None:  # it has closed its end, so it is about to be gone
            _wait(child, ends)
        os.close(reading)
        ended = _end(child)
    return told, trouble or _how_it_ended(ended)


def _take(told: Profile, news: Profile) -> None:
    number, table = news.pop("table", (0, None))
    told.update(news)
    if table is not None:
        before = told["tables"][number] if number < len(told["tables"]) else {}
        told["tables"][number:] = [{"head": before.get("head", []), **table}]


def _lines(reading: int, ends: float) -> Iterator[bytes]:
    """Whole lines, until the other end is closed. Raises Trouble when the time is up or they are too much."""
    held, total = bytearray(), 0
    while True:
        left = ends - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            raise Trouble(SLOW)
        piece = os.read(reading, _PIECE)
        if not piece:
            return
        total += len(piece)
        if total > MOST_TOLD:
            raise Trouble(WORDY)
        held += piece
        if b"\n" in piece:
            *whole, held = held.split(b"\n")
            yield from whole


def _wait(child: int, ends: float) -> None:
    handle = os.pidfd_open(child)
    try:
        select.select([handle], [], [], max(1.0, ends - time.monotonic()))
    finally:
        os.close(handle)


def _end(child: int) -> int:
    """The process is gone, with all that it started; how it ended, before it could be killed here if it had."""
    ended, status = os.waitpid(child, os.WNOHANG)
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        if not ended:  # not yet the leader of its own group
            os.kill(child, signal.SIGKILL)
    return status if ended else os.waitpid(child, 0)[1]


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        # Nobody but the kernel, for want of memory, kills it once it has closed its end.
        return GREEDY if os.WTERMSIG(status) == signal.SIGKILL else BROKEN
    code = os.WEXITSTATUS(status)
    return {FINISHED: "", NO_MEMORY: GREEDY}.get(code, BROKEN)


def _be_the_process(root: str, path: str, limits: Limits, scratch: str, writing: int) -> None:
    """Look into the file and never come back."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        _bound(limits)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        from looking import look_into

        def tell(profile: Profile) -> None:
            rest = memoryview(json.dumps(profile, allow_nan=False).encode() + b"\n")
            while rest:
                rest = rest[os.write(writing, rest) :]

        look_into(root, path, limits, scratch, tell)
        code = FINISHED
    except MemoryError:
        code = NO_MEMORY
    finally:
        os._exit(code)


def _bound(limits: Limits) -> None:
    """What the kernel holds this process to. Where memory is short all the same, it goes first."""
    seconds = int(limits.seconds * limits.threads) + 5
    for what, most in (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        hard = resource.getrlimit(what)[1]
        held = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (held, held))
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as handle:
            handle.write("1000")
    except OSError:
        pass  # then the kernel takes the largest, which this is
