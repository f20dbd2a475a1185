"""Runs a piece of work on hostile bytes in a process of its own, with bounded memory, time and output.

The child is `studium.notebooks.worker`; it sets its own limits before it reads a byte. A notebook that makes a parser or
a renderer blow up costs that process and nothing else.
"""

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

_START = "import sys; sys.path.insert(0, sys.argv[1]); from studium.notebooks.worker import main; sys.exit(main(sys.argv[2:]))"
MEMORY_EXIT, TIME_SIGNAL = 70, -24  # SIGXCPU


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What the child may use: address space in bytes, processor seconds (twice that on the clock), bytes of answer."""

    memory_bytes: int
    seconds: int
    answer_bytes: int


# Each child may take gigabytes: so many at once in one process of the platform.
PLACES = threading.BoundedSemaphore(2)


class Crowded(Exception):
    """Other work is being done in all the places there are."""


class OutOfBounds(Exception):
    """The work needed more than it may, or its process died; the text says which."""


def run_bounded(work: str, data: bytes, bounds: Bounds, *, patience: float | None = None) -> bytes:
    """The worker's answer to `data`. Raises OutOfBounds, and Crowded when no place is free within `patience` seconds."""
    if not PLACES.acquire(timeout=patience):
        raise Crowded
    try:
        return _run(work, data, bounds)
    finally:
        PLACES.release()


def _run(work: str, data: bytes, bounds: Bounds) -> bytes:
    source = str(Path(__file__).resolve().parents[2])
    limits = [str(n) for n in (bounds.memory_bytes, bounds.seconds, bounds.answer_bytes)]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _START, source, work, *limits],
            input=data,
            capture_output=True,
            timeout=bounds.seconds * 2 + 10,
            env={"LANG": "C.UTF-8"},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OutOfBounds("it took too long") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == MEMORY_EXIT:
        raise OutOfBounds("it needs too much memory")
    if done.returncode == TIME_SIGNAL:
        raise OutOfBounds("it took too long")
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
    raise OutOfBounds(f"its process ended with code {done.returncode}: {last}")
