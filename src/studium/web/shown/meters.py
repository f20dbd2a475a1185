"""Meters: a figure, its limit and how near it is, for the small bars beside numbers that change."""

from dataclasses import dataclass
from typing import Any

from studium.compute.models import Run
from studium.lib.units import duration_words, size_words
from studium.plans.queries import Standing, WindowUse

_RESOURCES = {"gpu": "GPU", "tpu": "TPU", "cpu": "CPU", "accelerator": "Accelerators"}


@dataclass(frozen=True, kw_only=True)
class Meter:
    """`percent` is 0 to 100; `tone` is empty, warn or bad."""

    label: str
    words: str
    percent: int
    tone: str = ""
    note: str = ""


def meter(label: str, used: float, total: float, words: str, *, note: str = "", alarm: bool = True) -> Meter:
    """A bar; it warns from 80 % and alarms from 95 % unless `alarm` is off."""
    percent = min(100, max(0, int(100 * used / total))) if total > 0 else 0
    tone = ("bad" if percent >= 95 else "warn" if percent >= 80 else "") if alarm else ""
    return Meter(label=label, words=words, percent=percent, tone=tone, note=note)


def usage_meters(run: Run, simulated: bool = False) -> list[Meter]:
    """CPU, memory, disk and accelerators of a run, from its last sample."""
    use: dict[str, Any] = run.usage or {}
    kind = run.machine_type
    found = [
        meter(
            "CPU", use.get("cpu_cores", 0), kind.vcpu, f"{use.get('cpu_cores', 0):.1f} of {kind.vcpu:g}", alarm=False
        ),
        meter(
            "Memory",
            use.get("memory_bytes", 0),
            kind.memory_bytes,
            f"{size_words(use.get('memory_bytes', 0))} of {size_words(kind.memory_bytes)}",
        ),
    ]
    if use.get("disk_total_bytes"):
        disk, total = use.get("disk_bytes", 0), use["disk_total_bytes"]
        found.append(meter("Disk", disk, total, f"{size_words(disk)} of {size_words(total)}"))
    label = kind.accelerator_kind
    if kind.accelerator_count and (simulated or not use.get("accelerators")):
        return [
            *found,
            Meter(label=label, words="simulated, uses the CPU" if simulated else "no figures yet", percent=0),
        ]
    for number, device in enumerate(use.get("accelerators", ()), start=1):
        found += _device_meters(device, f"{label} {number}" if kind.accelerator_count > 1 else label)
    return found


def _device_meters(device: dict[str, Any], label: str) -> list[Meter]:
    found = []
    if device.get("utilisation") is not None:
        found.append(meter(label, device["utilisation"], 1, f"{100 * device['utilisation']:.0f} % busy", alarm=False))
    used, total = device.get("memory_used_bytes"), device.get("memory_total_bytes")
    if used is not None and total:
        found.append(meter(f"{label} memory", used, total, f"{size_words(used)} of {size_words(total)}"))
    return found or [Meter(label=label, words="the device tells no figures", percent=0)]


def _whole(seconds: int) -> str:
    return duration_words(seconds).removesuffix(" 00 min").removesuffix(" 0 h")


def window_words(use: WindowUse) -> str:
    """`a week`, `a month`, or the length of a rolling window."""
    window = use.window
    if window.kind == "rolling":
        return f"in {_whole(window.length_seconds or 0)}"
    return "a week" if window.kind == "weekly" else "a month"


def allowance_meters(standing: Standing) -> list[Meter]:
    """The team's allowances: used and held of each, and when it is given anew."""
    found = []
    for use in standing.windows:
        gone = use.used + use.held
        note = (
            "frees up as time passes" if use.window.kind == "rolling" else f"resets {use.end:%a %d %b %H:%M} UTC"
        ) + (f" · {duration_words(use.held)} held by what runs" if use.held else "")
        found.append(
            meter(
                _RESOURCES[use.window.resource],
                gone,
                use.window.seconds,
                f"{_whole(gone)} of {_whole(use.window.seconds)} {window_words(use)}",
                note=note,
            )
        )
    return found
