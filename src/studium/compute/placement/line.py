"""The people who wait: one line per pool, with everybody's place, expected start and latest start.

Expected starts come from serving the line in order on what is released when expected. A latest start is given where it
can be proved: everyone ahead uses all of their time, and nobody with a better claim comes later.
"""

import math
from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count, repeat

from studium.compute.placement.order import CPU
from studium.compute.placement.reserve import Reservation
from studium.compute.placement.types import Wait
from studium.compute.placement.yard import Machine, Shape, Yard

_MOST_UNITS = 150_000  # keeps one pass over the line short: beyond it, several devices are counted as one unit


class Line:
    """The runs that wait for one pool because nothing is free for them, in the order of service.

    `amounts` are thousandths of a vCPU or accelerators, `guesses` likely and `limits` longest seconds, `ranks` places
    among all that wait for any machine.
    """

    def __init__(self, pool: str, head: Reservation) -> None:
        self.pool = pool
        self.head = head
        self.shapes: set[Shape] = set()
        self.run_ids: list[str] = []
        self.amounts: list[int] = []
        self.limits: list[float] = []
        self.guesses: list[float] = []
        self.ranks: list[int] = []

    @property
    def machine_kind(self) -> str | None:
        return None if self.pool == CPU else self.pool


def waits_of(lines: Sequence[Line], yard: Yard, longest_of_all: float, horizon: float) -> list[Wait]:
    """What to tell everybody who waits for a machine, line by line. Nothing is promised beyond `horizon` seconds."""
    waits: list[Wait] = []
    contended = {line.machine_kind for line in lines}
    for line in lines:
        alone = not any(_share_machines(line, other, yard) for other in lines if other is not line)
        latest = [at if at <= horizon else None for at in _latest(line, yard, alone, longest_of_all)]
        expected = [
            None if about == math.inf else about if most is None or about < most else most
            for about, most in zip(_expected(line, yard, contended), latest, strict=True)
        ]
        columns = zip(line.run_ids, repeat("capacity"), repeat(line.pool), count(1), expected, latest, strict=False)
        waits += map(Wait._make, columns)
    return waits


def _share_machines(line: Line, other: Line, yard: Yard) -> bool:
    one, two = line.machine_kind, other.machine_kind
    if one is None or two is None:
        return True
    return any(one in m.whole and two in m.whole for m in yard.machines)


def _expected(line: Line, yard: Yard, contended: set[str | None]) -> list[float]:
    """Seconds until each start, if runs take as long as they usually do. Infinite where nothing will come free."""
    unit = max(1, min(line.amounts), math.ceil(sum(line.amounts) / _MOST_UNITS))
    # What is free now does not help those who wait: it is too little in one place, or kept for the first of them.
    floor = line.head.expected
    slots: list[float] = []
    for machine in yard.machines:
        if not machine.draining:
            slots += _unit_slots(machine, line.machine_kind, unit, floor, contended)
    return _serve(slots or [floor], [-(-amount // unit) for amount in line.amounts], line.guesses, floor)


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
    """Start times when each run in turn takes the units that come free first and keeps them for its seconds."""
    if not slots:
        return [math.inf] * len(units)
    heapify(slots)
    starts: list[float] = []
    for amount, duration in zip(units, seconds, strict=True):
        start = slots[0]
        if amount == 1:
            heapreplace(slots, start + duration)
        else:
            taken = [heappop(slots) for _ in range(min(amount, len(slots)))]
            start = taken[-1]
            for _ in taken:
                heappush(slots, start + duration)
        starts.append(start if start > floor else floor)
    return starts


def _latest(line: Line, yard: Yard, alone: bool, longest_of_all: float) -> list[float]:
    """Seconds by which each run has started for certain, infinite where nothing can be promised.

    A line of equal runs that shares its machines with no other line is served slot by slot. Otherwise runs are served
    one after the other at worst: once all ahead have started, the next one waits for at most one longest run.
    """
    if not math.isfinite(line.head.latest):
        return [math.inf] * len(line.run_ids)
    if alone and len(line.shapes) == 1:
        shape = next(iter(line.shapes))
        slots = [at for m in yard.machines if not m.draining for at in _shape_slots(m, shape)]
        return _serve(slots, [1] * len(line.run_ids), line.limits, 0.0)
    if alone:
        return [
            line.head.latest + ahead * longest_of_all if ahead else line.head.latest
            for ahead in range(len(line.run_ids))
        ]
    return [line.head.latest if rank == 1 else rank * longest_of_all for rank in line.ranks]


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
