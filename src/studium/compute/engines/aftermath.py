"""What is left when a runner is gone: finding out, killing what outlived it, clearing its traces."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studium.runner import cgroups, kernel, processes, statusfile, supervise


@contextlib.contextmanager
def if_dead(folder: Path, patience: float = 0) -> Iterator[bool]:
    """Whether no runner lives in the folder (after `patience` seconds at most); if so, none starts during the block."""
    until = time.monotonic() + patience
    descriptor = os.open(folder / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not (free := _lock(descriptor)) and time.monotonic() < until:
            time.sleep(0.005)
        yield free
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def settle(folder: Path) -> dict[str, Any]:
    """The final status of a run whose runner is gone: the one it left, or `vanished` after killing what remains."""
    status = statusfile.read(str(folder)) or {"seq": 0}
    if status.get("phase") == "ended":
        return status
    kill(status)
    clear(folder)
    status.update(
        seq=status["seq"] + 1,
        phase="ended",
        cause="vanished",
        exit_code=None,
        message="The process that watched the run is gone" + _last_words(folder),
        ended_at=time.time(),
        remains=[],
    )
    statusfile.write(str(folder), status)
    return status


def never_began(folder: Path) -> bool:
    """Whether the runner died before its first word: then nothing of the run was started, and it may be asked again.

    To be called while `if_dead` holds. A runner that failed with words is another matter: that is how the run ended.
    """
    if statusfile.read(str(folder)) is not None:
        return False
    with contextlib.suppress(OSError):
        if (folder / "runner.err").stat().st_size:
            return False
    (folder / "spawned").unlink(missing_ok=True)
    return True


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (folder / "runner.err").read_text(errors="replace").strip().splitlines()
        if lines:
            return f": {lines[-1][:300]}"
    return "."


def kill(status: dict[str, Any]) -> None:
    """Kill the processes a status names, if they are still the same ones of the same boot."""
    if status.get("boot") != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
        return
    for process in status.get("remains", ()):
        if process["started"] and processes.started(process["pid"]) == process["started"]:
            with contextlib.suppress(OSError):
                os.kill(process["pid"], signal.SIGKILL)


def clear(folder: Path) -> None:
    """Take down the run's group and its mounted folder of sockets, if they are there."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        plan = json.loads((folder / "spec.json").read_text())["host"]["cgroup"]
        if plan["version"]:
            group = cgroups.Group(cgroups.Backend(plan["version"], plan["roots"]), plan["name"])
            group.kill()
            group.remove()
    while (folder / supervise.IO).is_mount():
        try:
            kernel.unmount(str(folder / supervise.IO), kernel.MNT_DETACH)
        except OSError:
            return
