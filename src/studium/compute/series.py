"""What a run used over its life, for pages, REST and the terminal. The runner writes it; here it is only read."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from studium.compute.engines.registry import engines
from studium.compute.models import Run
from studium.storage import actions as storage

WHAT = ("cpu_cores", "memory_bytes", "disk_bytes", "utilisation", "memory_used_bytes")


@dataclass(frozen=True, kw_only=True)
class UseLine:
    """One figure over time: `what` is one of `WHAT`, `device` an accelerator's id or empty.

    A value is the mean of its step for cores and utilisation (0 to 1), the most for bytes; None where nothing was told.
    """

    what: str
    device: str
    values: list[float | None]
    mean: float | None
    peak: float | None


@dataclass(frozen=True, kw_only=True)
class UseSeries:
    """All figures of a run, each with a value for every `step` seconds since `started`; at most 720."""

    started: datetime
    step: float
    points: int
    lines: list[UseLine]

    @property
    def seconds(self) -> float:
        return self.step * self.points


def use_series(run: Run) -> UseSeries | None:
    """What the run used so far; None where there is nothing yet, or never was. Raises OSError where it cannot be read."""
    if run.series_digest:
        return _read(json.loads(storage.get(run.series_digest)))
    if run.machine is None or run.starting_at is None or run.reclaimed_at is not None:
        return None
    found = engines()[run.machine.engine].read_series(run.pk)
    return _read(found) if found else None


def _read(found: dict[str, Any]) -> UseSeries | None:
    lines = [UseLine(**each) for each in found["lines"]]
    if not found["points"]:
        return None
    started = datetime.fromtimestamp(found["started"], UTC)
    return UseSeries(started=started, step=found["step"], points=found["points"], lines=lines)
