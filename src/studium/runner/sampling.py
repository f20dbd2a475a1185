"""Measuring a run: processor, memory, processes, workspace, accelerators. From its group, else from /proc.

Without a group nothing but this watching keeps a run to its memory as a whole, so it is done more often then.
"""

import collections
import os
import time
from typing import Any

from . import nvml, processes, volumes
from .cgroups import Group, Reading

INTERVAL, INTERVAL_WATCHED = 2.0, 0.5
_WINDOW = 30.0
# An average over less says nothing.
_SHORTEST = 0.2
# File systems reserve up to this much for one write: below it, writes of that size fail.
_FULL_MARGIN = 2 * 1024**2


class Disk:
    """How full the workspace is. A plain folder is walked, with at most a twentieth of the time spent on it."""

    def __init__(self, path: str | None, kind: str, limit: int) -> None:
        self._path, self._kind = path, kind
        self.used, self.total = 0, limit
        self.full = False
        self._next_walk = 0.0

    def measure(self, now: float) -> None:
        if self._path is None:
            return
        if self._kind == "image":
            size = volumes.size_of_mount(self._path)
            self.used, self.total = size.used, size.total
            self.full = size.total - size.used < _FULL_MARGIN or size.free_inodes == 0
        elif now >= self._next_walk:
            self.used = volumes.size_of_tree(self._path)
            self._next_walk = now + max(INTERVAL, 20 * (time.monotonic() - now))
            self.full = self.used >= self.total

    @property
    def must_stop(self) -> bool:
        """A plain folder has no wall of its own: the run is stopped at its limit."""
        return self._kind == "folder" and self.full


class Sampler:
    def __init__(self, spec: dict[str, Any], group: Group, init: int, disk: Disk) -> None:
        self._group, self._init, self._disk = group, init, disk
        self._memory_limit = int(spec["limits"]["memory_bytes"])
        self._meter = nvml.Meter(spec["devices"])
        self._history: collections.deque[tuple[float, float]] = collections.deque()
        self._peak = 0
        self.last = Reading()
        self.pids: list[int] = []
        self.over_memory = False

    @property
    def interval(self) -> float:
        return INTERVAL if self._group.backend else INTERVAL_WATCHED

    def sample(self, now: float) -> dict[str, Any]:
        """One reading, as the fields of `Usage`."""
        self._disk.measure(now)
        self.pids = processes.descendants(self._init)
        self.last = self._group.read() if self._group.backend else self._from_proc()
        self._history.append((now, self.last.cpu_seconds))
        cores = self._average(INTERVAL / 2)
        while now - self._history[0][0] > _WINDOW:
            self._history.popleft()
        return {
            "cpu_seconds": round(self.last.cpu_seconds, 3),
            "cpu_cores": round(cores, 3),
            "memory_bytes": self.last.memory,
            "memory_peak_bytes": self.last.memory_peak,
            "disk_bytes": self._disk.used,
            "disk_total_bytes": self._disk.total,
            "pids": self.last.pids,
            "accelerators": self._meter.read(),
        }

    def _average(self, least_seconds: float) -> float:
        """Cores in use since the latest sample that is at least so old; 0 before there is one."""
        now, spent = self._history[-1]
        for then, before in reversed(self._history):
            if now - then >= least_seconds:
                return max(0.0, (spent - before) / (now - then))
        return 0.0

    def cores_since(self, now: float, cpu_seconds: float) -> float | None:
        """Cores in use since the latest sample; None when that was only just now."""
        then, before = self._history[-1] if self._history else (now, 0.0)
        return max(0.0, (cpu_seconds - before) / (now - then)) if now - then >= _SHORTEST else None

    @property
    def cores_lately(self) -> float:
        """Cores in use over the last half minute (or since the start)."""
        (first, before), (now, spent) = self._history[0], self._history[-1]
        return max(0.0, (spent - before) / (now - first)) if now > first else 0.0

    def _from_proc(self) -> Reading:
        found = [stat for pid in self.pids if (stat := processes.stat(pid)) is not None]
        # What ended processes used is counted by their parents once collected, so the sum may dip; never go back.
        spent = max(self.last.cpu_seconds, sum(stat.cpu_seconds for stat in found))
        memory = sum(stat.memory for stat in found)
        if memory > self._memory_limit:  # pages shared after a fork were counted once for each: look closer
            memory = sum(processes.proportional_memory(stat.pid, stat.memory) for stat in found)
        self._peak = max(self._peak, memory)
        self.over_memory = memory > self._memory_limit
        return Reading(cpu_seconds=spent, memory=memory, memory_peak=self._peak, pids=len(found))


def limit_processes(init: int, most: int) -> None:
    """Cap the processes of a run that has neither a group nor a user of its own.

    Set on its first process, inside its user namespace, where only its own processes count.
    """
    import resource

    try:
        resource.prlimit(init, resource.RLIMIT_NPROC, (most + 3, most + 3))
    except OSError as error:
        if os.path.exists(f"/proc/{init}"):
            raise OSError(error.errno, "the number of processes cannot be limited here") from error
