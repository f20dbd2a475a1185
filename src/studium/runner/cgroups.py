"""Control groups of one run, in two back ends: version 2 (one tree) and version 1 (a tree per controller).

A back end is found once by the engine and named in the run's plan; the runner makes the run's group, puts the sandbox
in, reads its use and removes it. Tests of version 2 give a folder in place of the kernel's tree.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

V1_NEEDED = ("memory", "cpu", "cpuacct", "pids")
V1_WANTED = ("devices", "freezer")
V2_NEEDED = ("memory", "cpu", "pids")
GROUP = "studium"
_PERIOD = 100_000
# null, zero, full, random, urandom, tty, ptmx, pseudo-terminals: what every program may open.
_PLAIN_DEVICES = ("c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:2", "c 136:*")


class Reading(NamedTuple):
    """Use at one moment. `memory` leaves out page cache that can be given back."""

    cpu_seconds: float = 0.0
    memory: int = 0
    memory_peak: int = 0
    pids: int = 0
    oom_kills: int = 0
    forks_refused: int = 0


class Backend(NamedTuple):
    """Where groups are made: `version` 0 (none), 1 or 2, and the folders (one per controller, or one)."""

    version: int
    roots: dict[str, str]

    def __bool__(self) -> bool:
        return self.version > 0


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as stream:
            return stream.read()
    except OSError:
        return ""


def _number(path: str) -> int:
    text = _read(path).strip()
    return int(text) if text.isdigit() else 0


def _fields(path: str) -> dict[str, int]:
    """Files of lines `name number`."""
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def find(mounts: str = "/proc/self/mounts") -> Backend:
    """The best back end this process may use: version 2, else version 1, else none."""
    v1: dict[str, str] = {}
    v2 = ""
    for line in _read(mounts).splitlines():
        _, target, kind, options = line.split()[:4]
        if kind == "cgroup2" and not v2:
            v2 = target
        elif kind == "cgroup":
            v1.update({name: target for name in options.split(",") if name in V1_NEEDED + V1_WANTED})
    if v2 and (root := prepare_v2(v2)):
        return Backend(2, {"": root})
    if all(name in v1 for name in V1_NEEDED):
        roots = {name: os.path.join(target, GROUP) for name, target in v1.items()}
        with contextlib.suppress(OSError):
            for path in roots.values():
                os.makedirs(path, exist_ok=True)
            if all(os.access(path, os.W_OK) for path in roots.values()):
                return Backend(1, roots)
    return Backend(0, {})


def prepare_v2(top: str) -> str:
    """The folder below which version 2 groups of runs are made, controllers switched on; empty if it cannot be.

    Root makes it below the top. Anyone else uses the group it is in, if that was delegated to it: its own processes
    step into a leaf first, since only leaves may hold processes.
    """
    if not all(name in _read(os.path.join(top, "cgroup.controllers")).split() for name in V2_NEEDED):
        return ""
    try:
        if os.geteuid() == 0:
            _switch_on(top)
            root = os.path.join(top, GROUP)
            os.makedirs(root, exist_ok=True)
        else:
            root = _delegated(top)
        if root:
            _switch_on(root)
        return root
    except OSError:
        return ""


def _switch_on(folder: str) -> None:
    path = os.path.join(folder, "cgroup.subtree_control")
    if missing := [name for name in V2_NEEDED if name not in _read(path).split()]:
        _write(path, " ".join(f"+{name}" for name in missing))


def _delegated(top: str) -> str:
    for line in _read("/proc/self/cgroup").splitlines():
        if not line.startswith("0::"):
            continue
        own = os.path.normpath(top + line[3:])
        if os.path.basename(own) == f"{GROUP}-main":
            own = os.path.dirname(own)
        if not os.access(os.path.join(own, "cgroup.subtree_control"), os.W_OK):
            return ""
        leaf = os.path.join(own, f"{GROUP}-main")
        os.makedirs(leaf, exist_ok=True)
        for pid in _read(os.path.join(own, "cgroup.procs")).split():
            _write(os.path.join(leaf, "cgroup.procs"), pid)
        _switch_on(own)
        root = os.path.join(own, GROUP)
        os.makedirs(root, exist_ok=True)
        return root
    return ""


class Group:
    """The group of one run. Every method may be repeated; reading a group that is gone gives zeros."""

    def __init__(self, backend: Backend, name: str) -> None:
        self.backend = backend
        self.folders = {key: os.path.join(root, name) for key, root in backend.roots.items()}

    def create(self, *, vcpu: float, memory_bytes: int, pids: int) -> None:
        """Make the group with its limits. A few processes more than `pids` are let in: the sandbox's own."""
        for folder in self.folders.values():
            os.makedirs(folder, exist_ok=True)
        quota = max(1000, int(vcpu * _PERIOD))
        if self.backend.version == 2:
            self._set("", "memory.max", str(memory_bytes))
            self._set("", "cpu.max", f"{quota} {_PERIOD}")
            self._set("", "pids.max", str(pids + 3))
            # Under contention a run gets its share, not as much as a smaller one.
            self._try("", "cpu.weight", str(min(10_000, max(1, round(100 * vcpu)))))
            self._try("", "memory.swap.max", "0")
        else:
            self._set("memory", "memory.limit_in_bytes", str(memory_bytes))
            self._try("memory", "memory.memsw.limit_in_bytes", str(memory_bytes))
            self._set("cpu", "cpu.cfs_period_us", str(_PERIOD))
            self._set("cpu", "cpu.cfs_quota_us", str(quota))
            self._try("cpu", "cpu.shares", str(max(2, round(1024 * vcpu))))
            self._set("pids", "pids.max", str(pids + 3))

    def allow_devices(self, paths: list[str]) -> None:
        """Version 1 only: close every device node but the plain ones and `paths`."""
        if "devices" not in self.folders:
            return
        self._set("devices", "devices.deny", "a")
        for rule in _PLAIN_DEVICES:
            self._set("devices", "devices.allow", f"{rule} rwm")
        for path in (path for path in paths if os.path.exists(path)):
            number = os.stat(path).st_rdev
            self._set("devices", "devices.allow", f"c {os.major(number)}:{os.minor(number)} rw")

    def _set(self, key: str, name: str, text: str) -> None:
        _write(os.path.join(self.folders[key], name), text)

    def _try(self, key: str, name: str, text: str) -> None:
        with contextlib.suppress(OSError):
            self._set(key, name, text)

    def join(self, pid: int, leave_out: tuple[str, ...] = ()) -> None:
        """Put a process (0: the caller) in, but not into the named version 1 controllers."""
        for key, folder in self.folders.items():
            if key not in leave_out:
                _write(os.path.join(folder, "cgroup.procs"), str(pid))

    def processes(self) -> set[int]:
        found: set[int] = set()
        for folder in self.folders.values():
            found.update(int(word) for word in _read(os.path.join(folder, "cgroup.procs")).split())
        return found

    def read(self) -> Reading:
        return self._read_v2() if self.backend.version == 2 else self._read_v1()

    def _read_v2(self) -> Reading:
        folder = self.folders[""]
        current = _number(f"{folder}/memory.current")
        cache = _fields(f"{folder}/memory.stat").get("inactive_file", 0)
        return Reading(
            cpu_seconds=_fields(f"{folder}/cpu.stat").get("usage_usec", 0) / 1e6,
            memory=max(0, current - cache),
            memory_peak=_number(f"{folder}/memory.peak") or current,
            pids=_number(f"{folder}/pids.current"),
            oom_kills=_fields(f"{folder}/memory.events").get("oom_kill", 0),
            forks_refused=_fields(f"{folder}/pids.events").get("max", 0),
        )

    def _read_v1(self) -> Reading:
        memory, pids = self.folders["memory"], self.folders["pids"]
        current = _number(f"{memory}/memory.usage_in_bytes")
        cache = _fields(f"{memory}/memory.stat").get("total_inactive_file", 0)
        return Reading(
            cpu_seconds=_number(f"{self.folders['cpuacct']}/cpuacct.usage") / 1e9,
            memory=max(0, current - cache),
            memory_peak=_number(f"{memory}/memory.max_usage_in_bytes"),
            pids=_number(f"{pids}/pids.current"),
            oom_kills=_fields(f"{memory}/memory.oom_control").get("oom_kill", 0),
            forks_refused=_fields(f"{pids}/pids.events").get("max", 0),
        )

    def kill(self, seconds: float = 5.0) -> bool:
        """Kill everything inside and wait until it is gone. True when the group is empty."""
        for _ in _until(seconds):
            left = self.processes() - {os.getpid()}
            if not left:
                return True
            if self.backend.version == 2:
                self._try("", "cgroup.kill", "1")
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        return False

    def remove(self, seconds: float = 2.0) -> None:
        """Remove the (empty) group. A group whose last process is still being reaped is tried again for a while."""
        for folder in self.folders.values():
            for _ in _until(seconds):
                try:
                    os.rmdir(folder)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    continue


def _until(seconds: float) -> Iterator[None]:
    """Turns of a loop, a few milliseconds apart, until the time is over; always at least one."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        yield
        if time.monotonic() > end:
            return
        time.sleep(pause)
        pause = min(0.05, pause * 2)
