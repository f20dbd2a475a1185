"""What this machine isolates and limits, found out by trying: the lines of `studium doctor` about runs."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from studium.compute.engines.base import Check, FoundMachine
from studium.compute.engines.uids import FIRST
from studium.lib.units import size_words
from studium.runner import cgroups, kernel, network, programs, seccomp, volumes

_TRIAL = ("--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/")
# The check without which no run can start.
SANDBOX = "sandbox"
_ROOT_REMEDY = "Run the platform as root."


def all_checks(home: Path, backend: cgroups.Backend, machine: FoundMachine) -> list[Check]:
    """One line per thing that isolates, limits or is offered."""
    return [
        _sandbox(),
        _no_nesting(),
        _own_users(),
        _call_filter(),
        _limits(backend),
        _workspaces(),
        _shared_volumes(),
        _network(),
        _accelerators(machine),
        _space(home),
    ]


def _try_sandbox(*options: str) -> str:
    """What bubblewrap says to an empty sandbox made as a run's user; empty when it works."""
    path = programs.find("bwrap")
    if path is None:
        return "bubblewrap is not installed"
    user: dict[str, Any] = {"user": FIRST, "group": FIRST, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(
            [path, *_TRIAL, *options, "/usr/bin/true"], capture_output=True, timeout=20, check=False, cwd="/", **user
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.decode(errors="replace").strip() or f"code {done.returncode}"


def _sandbox() -> Check:
    words = _try_sandbox()
    remedy = "Install bubblewrap." if "not installed" in words else ""
    if words and not remedy:
        remedy = "Allow unprivileged user namespaces, which Ubuntu 24.04 does not at first: sudo sysctl -w "
        remedy += "kernel.apparmor_restrict_unprivileged_userns=0, and the same in /etc/sysctl.d/60-studium.conf to "
        remedy += "keep it. Elsewhere user.max_user_namespaces must be above 0."
    detail = words or "Runs have private process, network, IPC, mount and user namespaces."
    return Check(name=SANDBOX, ok=not words, detail=detail, remedy=remedy, isolates=True)


def _no_nesting() -> Check:
    words = _try_sandbox("--disable-userns")
    detail = words or "A run cannot make user namespaces of its own."
    remedy = "Install bubblewrap 0.8 or newer." if words else ""
    return Check(name="nested namespaces", ok=not words, detail=detail, remedy=remedy, isolates=True)


def _own_users() -> Check:
    if os.geteuid() == 0:
        detail = "Each workspace has a user id of its own."
        return Check(name="own user per run", ok=True, detail=detail, isolates=True)
    detail = "All runs have the platform's own user id: only the namespaces stand between them."
    return Check(name="own user per run", ok=False, detail=detail, remedy=_ROOT_REMEDY, isolates=True)


def _call_filter() -> Check:
    ok = seccomp.supported()
    detail = (
        "Dangerous system calls are refused." if ok else f"There is no system call filter for {os.uname().machine}."
    )
    remedy = "" if ok else "Use a machine with an x86-64 or AArch64 processor."
    return Check(name="system call filter", ok=ok, detail=detail, remedy=remedy, isolates=True)


def _limits(backend: cgroups.Backend) -> Check:
    if backend:
        detail = f"Memory, processor and processes are limited by control groups version {backend.version}."
        return Check(name="limits", ok=True, detail=detail, isolates=True)
    detail = "There are no control groups to use: the processor is not limited; memory is watched twice a second and"
    detail += " limited for each process; the number of processes is limited."
    remedy = "Run the platform as root, or under systemd with Delegate=yes on a machine with control groups version 2."
    return Check(name="limits", ok=False, detail=detail, remedy=remedy, isolates=True)


def _workspaces() -> Check:
    if volumes.images_possible():
        detail = "Each workspace is a volume of fixed size."
        return Check(name="workspace size", ok=True, detail=detail, isolates=True)
    detail = "Workspaces are plain folders: a run over its size is stopped after the next look, some seconds later."
    remedy = _ROOT_REMEDY if os.geteuid() != 0 else "Install e2fsprogs and allow loop devices (/dev/loop-control)."
    return Check(name="workspace size", ok=False, detail=detail, remedy=remedy, isolates=True)


def _shared_volumes() -> Check:
    """What a team's volume needs beyond what a workspace does."""
    name = "team volumes"
    if os.geteuid() != 0:
        detail = "A team's volume is a plain folder: nothing holds it to its size."
        return Check(name=name, ok=False, detail=detail, remedy=_ROOT_REMEDY)
    release = platform.release()
    numbers = [int(part) for part in re.findall(r"\d+", release)[:2]]
    if numbers < [5, 12]:
        detail = f"Runs cannot have a team's volume: Linux {release} cannot show its files as each run's own."
        return Check(name=name, ok=False, detail=detail, remedy="Use Linux 5.12 or newer.")
    if not kernel.may_go_beyond_limits():
        detail = "A team's volume is of fixed size; it is made larger only while no run has it."
        return Check(name=name, ok=True, detail=f"{detail} With CAP_SYS_RESOURCE it would be at once.")
    return Check(name=name, ok=True, detail="A team's volume is of fixed size, and is made larger while runs have it.")


def _network() -> Check:
    name = "outbound network"
    if missing := network.missing_programs():
        packages = " and ".join({"pasta": "passt", "nft": "nftables"}[word] for word in missing)
        detail = f"Runs can have no network: {' and '.join(missing)} is not installed."
        return Check(name=name, ok=False, detail=detail, remedy=f"Install {packages}.")
    device = Path("/dev/net/tun")
    if not device.exists() or not (os.geteuid() == 0 or os.access(device, os.R_OK | os.W_OK)):
        detail = "Runs can have no network: /dev/net/tun is not there or not open to the platform's user."
        return Check(name=name, ok=False, detail=detail, remedy="modprobe tun; chmod 0666 /dev/net/tun")
    detail = "Runs that may have the internet reach it; the host, its loopback and private ranges stay closed."
    return Check(name=name, ok=True, detail=detail)


def _accelerators(machine: FoundMachine) -> Check:
    counts: dict[str, int] = {}
    for device in machine.accelerators:
        kind = f"{device.kind} (simulated)" if device.simulated else device.kind
        counts[kind] = counts.get(kind, 0) + 1
    detail = ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))
    return Check(name="accelerators", ok=True, detail=detail or "None found, declared or simulated.")


def _space(home: Path) -> Check:
    place = home
    while not place.exists():
        place = place.parent
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(place).free
        ok = free > 2 * 1024**3
        remedy = "" if ok else f"Free space on the disk of {home}."
        return Check(name="disk", ok=ok, detail=f"{size_words(free)} free for workspaces.", remedy=remedy)
    return Check(name="disk", ok=False, detail=f"{home} cannot be read.", remedy=f"Mend the permissions of {home}.")
