"""The people who wait: one line per pool, with everybody's place, expected start and latest start.

Expected starts come from serving the line in order on what is released when expected. A latest start is given where it
can be proved: everyone ahead uses all of their time, and nobody with a better claim comes later.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain, count, repeat, takewhile
from typing import Protocol, cast

from studium.compute.placement.reserve import Reservation
from studium.compute.placement.types import CPU, Wait
from studium.compute.placement.yard import Machine, Shape, Yard

MOST_UNITS = 150_000  # keeps one pass over the line short: beyond it, several devices are counted as one unit

_make_wait = cast(
    Callable[[type[Wait], Iterable[object]], Wait], tuple.__new__
)  # as `Wait._make`, without its Python step


class Alike(Protocol):
    """What counts here of a run: thousandths of a vCPU or accelerators, likely and longest seconds."""

    @property
    def amount(self) -> int: ...
    @property
    def guess(self) -> float: ...
    @property
    def limit(self) -> float: ...


class Line:
    """The runs that wait for one pool because nothing is free for them, in the order of service.

    `ranks` are places among all that wait for any machine.
    """

    def __init__(self, pool: str, head: Reservation) -> None:
        self.pool = pool
        self.head = head
        self.shapes: set[Shape] = set()
        self.ranks: list[int] = []
        self.run_ids: list[str] = []
        self.alikes: list[Alike] = []

    def join(self, rank: int, run_id: str, alike: Alike) -> None:
        self.ranks.append(rank)
        self.run_ids.append(run_id)
        self.alikes.append(alike)

    @property
    def machine_kind(self) -> str | None:
        return None if self.pool == CPU else self.pool


def waits_of(lines: Sequence[Line], yard: Yard, longest_of_all: float, horizon: float) -> list[Wait]:
    """What to tell everybody who waits for a machine, line by line. Nothing is promised beyond `horizon` seconds."""
    waits: list[Wait] = []
    contended = {line.machine_kind for line in lines}
    for line in lines:
        alone = not any(_share_machines(line, other, yard) for other in lines if other is not line)
        starts = _expected(line, yard, contended)
        latest = [*takewhile(lambda at: at <= horizon, _latest(line, yard, alone, longest_of_all))]  # they only grow
        starts[: len(latest)] = map(min, starts, latest)
        expected = [None if at == math.inf else at for at in starts] if math.inf in starts else starts
        most = chain(latest, repeat(None))
        columns = zip(line.run_ids, repeat("capacity"), repeat(line.pool), count(1), expected, most, strict=False)
        waits += map(_make_wait, repeat(Wait), columns)
    return waits


def _share_machines(line: Line, other: Line, yard: Yard) -> bool:
    one, two = line.machine_kind, other.machine_kind
    if one is None or two is None:
        return True
    return any(one in m.whole and two in m.whole for m in yard.machines)


def _expected(line: Line, yard: Yard, contended: set[str | None]) -> list[float]:
    """Seconds until each start, if runs take as long as they usually do. Infinite where nothing will come free."""
    amounts = [alike.amount for alike in line.alikes]
    unit = max(1, min(amounts), math.ceil(sum(amounts) / MOST_UNITS))
    # What is free now does not help those who wait: it is too little in one place, or kept for the first of them.
    floor = line.head.expected
    slots: list[float] = []
    for machine in yard.machines:
        if not machine.draining:
            slots += _unit_slots(machine, line.machine_kind, unit, floor, contended)
    units = [-(-amount // unit) for amount in amounts]
    return _serve(slots or [floor], units, [alike.guess for alike in line.alikes], floor)


def _unit_slots(machine: Machine, kind: str | None, unit: int, floor: float, contended: set[str | None]) -> list[float]:
    """When each unit of the machine comes free for this line.

    The vCPUs of a run on an accelerator that others wait for go to them, not to the line for plain machines.
    """
    if kind is not None and kind not in machine.whole:
        return []
    slots: list[float] = []
    whole = machine.cpu if kind is None else machine.whole[kind]
    for release in machine.releases:
        if kind is not None:
            amount = release.count if release.kind == kind else 0
        else:
            amount = release.cpu if release.kind is None or release.kind not in contended else 0
            whole += amount
        slots += [max(floor, release.expected)] * (amount // unit)
    return [*([floor] * (whole // unit - len(slots))), *slots]


def _serve(slots: list[float], units: list[int], seconds: list[float], floor: float) -> list[float]:
    """Start times when each run in turn takes the units that come free first and keeps them for its seconds.

    Units that come free at one time are counted and not kept one by one: lines are long, and lengths are often the same.
    """
    if not slots:
        return [math.inf] * len(units)
    free = Counter(slots)
    times = list(free)
    heapify(times)
    most = len(slots)
    starts: list[float] = []
    for amount, duration in zip(units, seconds, strict=True):
        taken = wanted = amount if amount < most else most
        start = times[0]
        here = free[start]
        while here <= wanted:
            wanted -= here
            del free[heappop(times)]
            if not wanted:
                break
            start = times[0]
            here = free[start]
        else:
            free[start] = here - wanted
        end = start + duration
        if end in free:
            free[end] += taken
        else:
            free[end] = taken
            heappush(times, end)
        starts.append(start if start > floor else floor)
    return starts


def _latest(line: Line, yard: Yard, alone: bool, longest_of_all: float) -> Iterable[float]:
    """Seconds by which each run has started for certain, in the order of the line, as far as anything can be promised.

    A line of equal runs that shares its machines with no other line is served slot by slot. Otherwise runs are served
    one after the other at worst: once all ahead have started, the next one waits for at most one longest run.
    """
    head = line.head.latest
    if not math.isfinite(head):
        return ()
    if alone and len(line.shapes) == 1:
        shape = next(iter(line.shapes))
        slots = [at for m in yard.machines if not m.draining for at in _shape_slots(m, shape)]
        return _serve(slots, [1] * len(line.alikes), [alike.limit for alike in line.alikes], 0.0)
    if alone:
        return (head + ahead * longest_of_all if ahead else head for ahead in range(len(line.alikes)))
    return (head if rank == 1 else rank * longest_of_all for rank in line.ranks)


def _shape_slots(machine: Machine, shape: Shape) -> list[float]:
    """When the machine has room for one more run of this shape, once for each it can hold at a time."""
    cpu, memory, kind, wanted = shape
    if machine.whole.get(kind, 0) < wanted:
        return []
    free_cpu, free_memory = machine.cpu, machine.memory
    free_count = len(machine.devices.get(kind, ())) if kind is not None else 0
    slots: list[float] = []
    for at, release in [(0.0, None), *sorted(((r.latest, r) for r in machine.releases), key=lambda item: item[0])]:
        if release is not None:
            free_cpu += release.cpu
            free_memory += release.memory
            free_count += release.count if release.kind == kind else 0
        room = min(free_cpu // cpu if cpu else 1 << 30, free_memory // memory if memory else 1 << 30)
        if wanted:
            room = min(room, free_count // wanted)
        slots += [at] * (min(room, 1 << 20) - len(slots))
    return slots
