"""What the platform takes at rest: the memory of edge, web and controller with all their children, with nothing to do.

PSS counts a page that several processes share once, split among them; RSS counts it for each of them.
"""

import sys
import time
from pathlib import Path

import psutil

from report import figure
from running.platform import Platform, running_platform

REST_SECONDS, GOAL_MIB = 30, 300.0


def processes(platform: Platform) -> dict[str, list[psutil.Process]]:
    """The processes by part, children included."""
    found = {}
    for name, child in platform.supervisor.children.items():
        first = psutil.Process(child.pid)
        found[name] = [first, *first.children(recursive=True)]
    return found


def memory(process: psutil.Process) -> tuple[float, float]:
    """PSS and RSS in MiB."""
    sizes = {}
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            sizes[name] = int(value.removesuffix(" kB")) / 1024
    return sizes["Pss"], sizes["Rss"]


def main() -> int:
    with running_platform() as platform:
        before = {p: sum(p.cpu_times()[:2]) for group in processes(platform).values() for p in group}
        time.sleep(REST_SECONDS)
        found = {name: [memory(p) for p in group] for name, group in processes(platform).items()}
        spent = sum(sum(p.cpu_times()[:2]) - at for p, at in before.items())
    pss = {name: sum(p for p, _ in sizes) for name, sizes in found.items()}
    parts = ", ".join(f"{name} {size:.0f}" for name, size in pss.items())
    count = sum(len(sizes) for sizes in found.values())
    total = sum(pss.values())
    conditions = f"{count} processes, {REST_SECONDS} s after the start, no load, no runs"
    figure(
        "idle", "memory_mib", total, "MiB", goal=f"< {GOAL_MIB:g}", ok=total < GOAL_MIB,
        conditions=f"sum of PSS ({parts}); {conditions}",
    )  # fmt: skip
    resident = sum(rss for sizes in found.values() for _, rss in sizes)
    figure("idle", "rss_mib", resident, "MiB", conditions=f"sum of RSS, shared pages counted each time; {conditions}")
    figure(
        "idle",
        "cpu_percent",
        100 * spent / REST_SECONDS,
        "%",
        conditions=f"of one core, all parts together; {conditions}",
    )
    return 0 if total < GOAL_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
