"""Reads of runs, machines and the queue, shared by pages, REST and metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Count, Min, QuerySet

from studium.accounts.models import Team
from studium.compute import actions
from studium.compute.engines.base import Check
from studium.compute.engines.registry import engines
from studium.compute.models import Accelerator, Allocation, Machine, MachineType, Run
from studium.compute.states import LIVE, PLACED, State
from studium.errors import StudiumError
from studium.plans import queries as plans
from studium.plans.checks import check_machine
from studium.storage import actions as storage

_LOG_PIECE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class TypeNow:
    """A machine type and how it stands: how many more would fit now, how many wait for it, whether it is simulated."""

    kind: MachineType
    free: int
    total: int
    waiting: int
    simulated: bool


def manifests_shown() -> frozenset[str]:
    """The manifests of all files that live runs are shown or begin with, queued ones included: what no clean-up takes away."""
    live = Run.objects.filter(state__in=[state.value for state in LIVE])
    found = set[str]()
    for trees, filling in live.values_list("spec__trees", "spec__filling"):
        found.update(each["manifest"] for each in trees or ())
        found.add(filling or "")
    return frozenset(found - {""})


def environments_shown() -> frozenset[str]:
    """The host folders of the environments that live runs have, queued ones included."""
    live = Run.objects.filter(state__in=[state.value for state in LIVE])
    return frozenset(path for path in live.values_list("spec__environment_path", flat=True) if path)


def types_now() -> list[TypeNow]:
    """Every enabled machine type with what is free and waiting."""
    machines = list(Machine.objects.filter(gone=False))
    used: dict[str, list[float]] = {m.name: [0.0, 0.0] for m in machines}
    for machine, vcpu, memory in Run.objects.filter(state__in=PLACED).values_list(
        "machine_id", "machine_type__vcpu", "machine_type__memory_bytes"
    ):
        if machine in used:
            used[machine][0] += vcpu
            used[machine][1] += memory
    devices: dict[tuple[str, str], list[bool]] = {}
    simulated_kinds: set[str] = set()
    for device in Accelerator.objects.filter(gone=False).select_related("allocation"):
        devices.setdefault((device.machine_id, device.kind), []).append(not hasattr(device, "allocation"))
        if device.simulated:
            simulated_kinds.add(device.kind)
    waiting = dict(Run.objects.filter(state=State.QUEUED).values_list("machine_type").annotate(n=Count("pk")))
    found = []
    for kind in MachineType.objects.filter(enabled=True):
        real = [m for m in machines if not m.simulated and _fits(kind, m.vcpu, m.memory_bytes)]
        usable = (
            [m for m in machines if not m.draining]
            if kind.accelerator_kind or not real
            else [m for m in real if not m.draining]
        )
        free = sum(_room(kind, m, used[m.name], devices) for m in usable)
        total = sum(_room(kind, m, [0.0, 0.0], devices, every=True) for m in usable)
        simulated = kind.accelerator_kind in simulated_kinds or (not real and total > 0)
        found.append(TypeNow(kind=kind, free=free, total=total, waiting=waiting.get(kind.pk, 0), simulated=simulated))
    return found


def _fits(kind: MachineType, vcpu: float, memory: float) -> bool:
    return kind.vcpu <= vcpu and kind.memory_bytes <= memory


def _room(
    kind: MachineType,
    machine: Machine,
    used: list[float],
    devices: dict[tuple[str, str], list[bool]],
    *,
    every: bool = False,
) -> int:
    """How many of a type fit into what a machine has left."""
    fits = int(min((machine.vcpu - used[0]) // kind.vcpu, (machine.memory_bytes - used[1]) // kind.memory_bytes))
    if kind.accelerator_count:
        here = devices.get((machine.name, kind.accelerator_kind), [])
        fits = min(fits, (len(here) if every else sum(here)) // kind.accelerator_count)
    return max(0, fits)


def is_simulated(run: Run) -> bool:
    """Whether the run is on, or waits for, a device or machine whose size is made up."""
    if run.machine_id and run.machine is not None and run.machine.simulated:
        return True
    kind = run.machine_type.accelerator_kind
    return bool(kind) and Accelerator.objects.filter(kind=kind, gone=False, simulated=True).exists()


def queue() -> QuerySet[Run]:
    """What waits, oldest first; each row's `wait` has place and expected start."""
    return (
        Run.objects.filter(state=State.QUEUED).select_related("team", "user", "machine_type").order_by("submitted_at")
    )


def all_runs() -> QuerySet[Run]:
    """Every run, for operators."""
    rows = Run.objects.select_related("team", "user", "machine_type", "machine").defer("spec")
    return rows.order_by("-submitted_at")


def live_runs() -> QuerySet[Run]:
    return all_runs().filter(state__in=LIVE)


def machines() -> QuerySet[Machine]:
    """The machines with their devices, those that are gone last."""
    return Machine.objects.prefetch_related("accelerators").order_by("gone", "name")


def checks() -> list[Check]:
    """What isolates and limits runs here, and what is missing."""
    return [check for engine in engines().values() for check in engine.checks()]


@lru_cache(maxsize=1)
def isolation_is_full() -> bool:
    """Whether strangers may be let in. Looked at once a process: it depends on the machine and the user we run as."""
    return all(check.ok for check in checks() if check.isolates)


def read_log(run: Run, offset: int, limit: int) -> tuple[bytes, int]:
    """Bytes of what the run printed from `offset`, and the offset to go on from. Live or kept."""
    if run.log_digest:
        content = storage.get(run.log_digest)[offset : offset + limit]
    elif run.machine is None:
        content = b""
    else:
        content = engines()[run.machine.engine].read_log(run.pk, offset, limit)
    return content, offset + len(content)


def log_pieces(run: Run) -> Iterator[bytes]:
    """All that the run printed so far, a piece at a time."""
    if run.log_digest:
        yield from storage.pieces(run.log_digest)
        return
    offset = 0
    while True:
        content, offset = read_log(run, offset, _LOG_PIECE)
        if not content:
            return
        yield content


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Seconds left of a running run, None where nothing limits it."""

    time: int | None
    idle: int | None
    quota: int | None


def deadlines(run: Run, *, now: datetime) -> Deadlines:
    """How long a run may go on."""

    def left(at: datetime | None) -> int | None:
        return None if at is None or State(run.state) != State.RUNNING else max(0, int((at - now).total_seconds()))

    return Deadlines(
        time=left(actions.time_deadline(run)), idle=left(actions.idle_deadline(run)), quota=left(run.quota_deadline)
    )


def simulated_kinds() -> frozenset[str]:
    """The kinds of accelerator that are simulated here; for a whole listing what `is_simulated` tells of one run."""
    return frozenset(Accelerator.objects.filter(gone=False, simulated=True).values_list("kind", flat=True))


def simulated_types() -> frozenset[str]:
    """The machine types whose accelerator is simulated here."""
    kinds = Accelerator.objects.filter(gone=False, simulated=True).values("kind")
    return frozenset(MachineType.objects.filter(accelerator_kind__in=kinds).values_list("slug", flat=True))


@dataclass(frozen=True, kw_only=True)
class Line:
    """What waits for one machine type: how many, and since when the oldest."""

    kind: MachineType
    waiting: int
    oldest: datetime


def lines() -> list[Line]:
    """The queue by machine type, the longest first; says nothing of whose the runs are."""
    rows = (
        Run.objects.filter(state=State.QUEUED)
        .values_list("machine_type")
        .annotate(n=Count("pk"), first=Min("submitted_at"))
    )
    kinds = MachineType.objects.in_bulk([slug for slug, _, _ in rows])
    return sorted(
        (Line(kind=kinds[slug], waiting=n, oldest=first) for slug, n, first in rows), key=lambda line: -line.waiting
    )


def devices_taken() -> dict[str, str]:
    """Which run has which device, by device id."""
    return dict(Allocation.objects.values_list("accelerator_id", "run_id"))


def failing_runs() -> QuerySet[Run]:
    """Live runs that passes stumble over, the worst first; for operators."""
    return live_runs().filter(failures__gt=0).order_by("-failures")


def plainest_type(team: Team, *, now: datetime) -> MachineType | None:
    """The cheapest machine type without accelerators that the team's plan has: for what the platform does for a team."""
    plan = plans.standing(team, now=now).plan
    for row in MachineType.objects.filter(enabled=True, accelerator_kind="").order_by("price_micros_hour", "position"):
        try:
            check_machine(plan, row.as_spec())
        except StudiumError:
            continue
        return row
    return None
