"""What goes into a placement pass and what comes out: plain data, no database, no clock.

Amounts are whole machines' worth: vCPU as a float, memory in bytes, accelerators as device ids, times as aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

CPU = "cpu"
"""What runs without an accelerator wait for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """One queued run.

    `recent_use` is the team's, the same in all its rows: decayed weighted machine-seconds already used (`use_weight`),
    without what its running runs have still to use. `needs` is what starting takes from named headroom buckets, never
    less than nothing.
    `max_seconds` is the longest it may run, None when nothing limits it. `type_key` names the machine type.
    """

    run_id: str
    team_id: str
    recent_use: float
    priority: int
    submitted_at: datetime
    vcpu: float
    memory_bytes: int
    max_seconds: float | None
    type_key: str
    accelerator_kind: str | None = None
    accelerator_count: int = 0
    needs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineCapacity:
    """What one machine has free now. `free_devices` maps an accelerator kind to the ids nobody holds."""

    name: str
    free_vcpu: float
    free_memory_bytes: int
    free_devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    draining: bool = False
    simulated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One assigned, starting or running run and what it keeps from others.

    `max_end` is when it must have ended, None when nothing limits it; `expected_end` is the best guess.
    """

    run_id: str
    team_id: str
    machine: str
    vcpu: float
    memory_bytes: int
    accelerator_kind: str | None = None
    devices: tuple[str, ...] = ()
    max_end: datetime | None = None
    expected_end: datetime | None = None


class DurationGuess(Protocol):
    """How many seconds a run is likely to take, the same for runs alike in type, limit and size.

    It is cut to `max_seconds` by the caller.
    """

    def __call__(self, run: Waiting, /) -> float: ...


@dataclass(frozen=True, kw_only=True)
class TypicalDurations:
    """Guesses from history: the typical seconds of each machine type, else a share of the run's limit."""

    by_type: Mapping[str, float] = field(default_factory=dict)
    share_of_limit: float = 0.5
    unlimited: float = 4 * 3600.0

    def __call__(self, run: Waiting, /) -> float:
        known = self.by_type.get(run.type_key)
        if known is not None:
            return known
        return self.unlimited if run.max_seconds is None else run.max_seconds * self.share_of_limit


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How fair and how patient the queue is.

    A team's standing is its share of everybody's recent use; a run that has waited `patience_seconds` goes before any
    newcomer whatever its team used. Standings within `band` of each other count as equal: priority, then age decide.
    `at_most_horizon` is how far ahead a latest start is worth telling.
    """

    patience_seconds: float = 3 * 86400.0
    band: float = 0.01
    at_most_horizon: float = 30 * 86400.0


class Decision(NamedTuple):
    """Start `run_id` on `machine` with these accelerators."""

    run_id: str
    machine: str
    devices: tuple[str, ...]
    simulated: bool


class Wait(NamedTuple):
    """Why a run was not placed, and what to tell its owner.

    `reason` is `capacity`, `headroom:<bucket>`, `impossible` (no machine could ever hold it; place 0) or `draining`
    (only machines that take nothing now could). `place` is 1-based
    among those that wait for the same thing, `waits_for` (an accelerator kind, `cpu`, or the bucket), in the order they
    would be served. `expected_seconds` and `at_most_seconds` are counted from now, None where they cannot be known.
    """

    run_id: str
    reason: str
    waits_for: str
    place: int
    expected_seconds: float | None
    at_most_seconds: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The outcome of one pass: what to start, in order, and what each other run waits for, in the order of service."""

    decisions: tuple[Decision, ...]
    waits: tuple[Wait, ...]


def use_weight(vcpu: float, accelerator_count: int) -> float:
    """What one second on a machine costs in fairness: its accelerators, or an eighth of its vCPUs if that is more."""
    return max(vcpu / 8.0, float(accelerator_count))
