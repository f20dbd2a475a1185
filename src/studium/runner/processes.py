"""Reading /proc: who descends from whom, what it uses, and which terminals have a command in front."""

import contextlib
import os
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Stat(NamedTuple):
    """A line of /proc/PID/stat. Times in seconds, `started` in clock ticks since the machine's start."""

    pid: int
    name: str
    state: str
    group: int
    session: int
    terminal: int
    foreground: int
    cpu_seconds: float
    started: int
    memory: int


def stat(pid: int) -> Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            text = stream.read().decode(errors="replace")
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return Stat(
        pid=pid,
        name=name,
        state=rest[0],
        group=int(rest[2]),
        session=int(rest[3]),
        terminal=int(rest[4]),
        foreground=int(rest[5]),
        # With what its ended children used.
        cpu_seconds=sum(int(word) for word in rest[11:15]) / _TICKS,
        started=int(rest[19]),
        memory=int(rest[21]) * _PAGE,
    )


def started(pid: int) -> int:
    """When a process started, in ticks; 0 if it is not there or only waits to be collected."""
    found = stat(pid)
    return found.started if found and found.state not in "ZX" else 0


def proportional_memory(pid: int, otherwise: int) -> int:
    """A process's memory with shared pages divided among the sharers; dear to ask. `otherwise` if untold."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as stream:
        for line in stream:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return otherwise


def children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as stream:
                found += [int(word) for word in stream.read().split()]
    return found


def descendants(pid: int, most: int = 20_000) -> list[int]:
    """A process and all below it. In a pid namespace that is everything in it: orphans fall to its first process."""
    found = [pid]
    for current in found:  # grows while it is walked
        found += children(current)
        if len(found) > most:
            break
    return found


def has_foreground_command(pids: list[int]) -> bool:
    """Whether some terminal's foreground group is not the group of the shell that leads the terminal's session."""
    for pid in pids:
        found = stat(pid)
        if found is None or not found.terminal or found.pid != found.session:
            continue
        if found.foreground > 0 and found.foreground != found.group:
            return True
    return False
