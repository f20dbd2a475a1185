"""What a run used over its life, as few points: the file `series.json` in its folder, rewritten now and then.

Time is cut into equal steps. When there are too many, neighbours are joined and steps are twice as long, so the file stays
small however long a run goes on. A point is the mean of its step for rates, the most for sizes.
"""

import contextlib
import json
import os
from typing import Any

NAME = "series.json"
MOST_POINTS = 720
FIRST_STEP = 2.0
WRITE_EVERY = 10.0

RATES, SIZES = ("cpu_cores", "utilisation"), ("memory_bytes", "disk_bytes", "memory_used_bytes")


class Line:
    """One figure over time. `device` is empty for what is the run's as a whole."""

    def __init__(self, what: str, device: str = "") -> None:
        self.what, self.device = what, device
        self.rate = what in RATES
        self._points: list[tuple[float, int] | None] = []
        self._sum, self._count = 0.0, 0
        self.peak: float | None = None

    def add(self, place: int, value: float) -> None:
        """Take one sample into the point at this place, which is the last one or a later one."""
        self._points += [None] * (place + 1 - len(self._points))
        self._points[place] = self._joined(self._points[place], (value, 1))
        self._sum, self._count = self._sum + value, self._count + 1
        self.peak = value if self.peak is None else max(self.peak, value)

    def halve(self) -> None:
        """Join each two neighbours."""
        pairs = [self._points[n : n + 2] for n in range(0, len(self._points), 2)]
        self._points = [self._joined(pair[0], pair[1] if len(pair) > 1 else None) for pair in pairs]

    def _joined(self, one: tuple[float, int] | None, other: tuple[float, int] | None) -> tuple[float, int] | None:
        if one is None or other is None:
            return one or other
        count = one[1] + other[1]
        if not self.rate:
            return max(one[0], other[0]), count
        return (one[0] * one[1] + other[0] * other[1]) / count, count

    def told(self, points: int) -> dict[str, Any]:
        values = [None if point is None else self._rounded(point[0]) for point in self._points]
        return {
            "what": self.what,
            "device": self.device,
            "values": values + [None] * (points - len(values)),
            "mean": self._rounded(self._sum / self._count) if self._count else None,
            "peak": None if self.peak is None else self._rounded(self.peak),
        }

    def _rounded(self, value: float) -> float:
        return round(value, 3) if self.rate else int(value)


class Series:
    """The figures of one run. Times are seconds of any clock that does not go back; `started` is Unix time."""

    def __init__(self, folder: str, *, began: float, started: float, devices: list[str]) -> None:
        self._path = os.path.join(folder, NAME)
        self._began, self._started, self._step = began, started, FIRST_STEP
        whole = [Line(what) for what in ("cpu_cores", "memory_bytes", "disk_bytes")]
        self.lines = whole + [Line(what, name) for name in devices for what in ("utilisation", "memory_used_bytes")]
        self._points = 0
        self._write_at = began

    def add(self, now: float, usage: dict[str, Any]) -> None:
        """Take one sample, as the fields of `Usage`, and write the file when that is due."""
        first, place = not self._points, self._place(now)
        devices = {device["id"]: device for device in usage.get("accelerators", ())}
        for line in self.lines:
            value = (devices.get(line.device, {}) if line.device else usage).get(line.what)
            # The first sample has nothing before it to be measured from.
            if value is not None and not (first and line.what == "cpu_cores"):
                line.add(place, value)
        if now >= self._write_at:
            self._write_at = now + WRITE_EVERY
            self.write()

    def _place(self, now: float) -> int:
        place = max(int((now - self._began) / self._step), self._points - 1)
        while place >= MOST_POINTS:
            for line in self.lines:
                line.halve()
            self._step *= 2
            self._points = (self._points + 1) // 2
            place = max(int((now - self._began) / self._step), self._points - 1)
        self._points = max(self._points, place + 1)
        return place

    def finish(self, memory_peak: float) -> None:
        """Write for the last time, with the peak as the kernel counted it: between samples there may have been more."""
        memory = next(line for line in self.lines if line.what == "memory_bytes")
        memory.peak = max(memory.peak or 0, memory_peak)
        self.write()

    def as_dict(self) -> dict[str, Any]:
        lines = [line.told(self._points) for line in self.lines]
        return {"started": self._started, "step": self._step, "points": self._points, "lines": lines}

    def write(self) -> None:
        """Replace the file. On a full disk the one before stays."""
        passing = f"{self._path}.part"
        try:
            with open(passing, "w", encoding="ascii") as stream:
                json.dump(self.as_dict(), stream, separators=(",", ":"))
            os.rename(passing, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(passing)


def read(folder: str) -> dict[str, Any] | None:
    """What was written last, or None."""
    try:
        with open(os.path.join(folder, NAME), encoding="ascii") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
