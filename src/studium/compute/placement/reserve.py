"""Reservations: the first run in each line that does not fit gets a machine and a time that nothing later may move.

A run further back may still start on that machine when it must have ended by then, or when what is left then is enough
for both.
"""

import math

from studium.compute.placement.yard import Machine, Release, Shape, Yard


class Reservation:
    """Room for the head of one line on `machine` from `start`; what else will be free then is `spare_*`."""

    __slots__ = ("expected", "latest", "machine", "shape", "spare_count", "spare_cpu", "spare_memory", "start", "until")

    def __init__(self, machine: Machine, shape: Shape, latest: float, expected: float, longest: float) -> None:
        self.machine = machine
        self.shape = shape
        self.latest = latest
        self.expected = expected
        # With no guaranteed time the expected one is protected: better than letting small runs slip in for ever.
        self.start = latest if math.isfinite(latest) else expected
        self.until = self.start + longest
        self.spare_cpu = self.spare_memory = 0
        self.spare_count: dict[str, int] = {}

    def allows(self, shape: Shape, end: float) -> bool:
        """May a run of this shape that ends at the latest at `end` start on the machine now?"""
        if end <= self.start:
            return True
        cpu, memory, kind, count = shape
        enough = self.spare_cpu >= cpu and self.spare_memory >= memory
        return enough and (kind is None or self.spare_count.get(kind, 0) >= count)

    def give(self, shape: Shape, end: float) -> None:
        """Note that such a run starts there now."""
        if end <= self.start:
            return
        cpu, memory, kind, count = shape
        self.spare_cpu -= cpu
        self.spare_memory -= memory
        if kind is not None:
            self.spare_count[kind] -= count


class Reservations:
    """All reservations of a pass, in the order they were made: an earlier one is never moved by a later one."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._on: dict[int, list[Reservation]] = {}

    def make(self, shape: Shape, longest: float) -> Reservation:
        """Reserve the earliest room for a run that fits nowhere now. Some open machine must be able to hold it."""
        best: tuple[float, float, int] | None = None
        for machine in self._yard.machines:
            if machine.draining or machine.whole.get(shape[2], 0) < shape[3]:
                continue
            promised = self._promised(machine)
            latest = earliest(machine, shape, [(r.latest, r) for r in machine.releases], promised)
            if latest is None or (best is not None and latest > best[0]):
                continue
            expected = earliest(machine, shape, [(r.expected, r) for r in machine.releases], promised)
            if expected is not None:
                best = min(best or (math.inf, math.inf, len(self._yard.machines)), (latest, expected, machine.rank))
        assert best is not None
        machine = self._yard.machines[best[2]]
        reservation = Reservation(machine, shape, best[0], best[1], longest)
        self._count_spare(reservation)
        if machine.rank not in self._on:
            self._yard.close(machine)
        self._on.setdefault(machine.rank, []).append(reservation)
        return reservation

    def best(self, shape: Shape, end: float) -> Machine | None:
        """A reserved machine that takes this run without delaying anybody, the first by name."""
        for rank in sorted(self._on):
            machine = self._yard.machines[rank]
            if machine.fits(shape) and all(held.allows(shape, end) for held in self._on[rank]):
                return machine
        return None

    def covers(self, machine: Machine) -> bool:
        return machine.rank in self._on

    def give(self, machine: Machine, shape: Shape, end: float) -> None:
        for held in self._on.get(machine.rank, ()):
            held.give(shape, end)

    def _promised(self, machine: Machine) -> list[Release]:
        """Earlier reservations on the machine, as if they held their room from now until their latest end."""
        held = self._on.get(machine.rank, ())
        return [Release("", r.shape, r.until, r.until) for r in held]

    def _count_spare(self, reservation: Reservation) -> None:
        machine, shape = reservation.machine, reservation.shape
        promised = [p for p in self._promised(machine) if p.latest > reservation.start]
        gone = [r for r in machine.releases if r.latest <= reservation.start]
        if not math.isfinite(reservation.latest):
            gone = [r for r in machine.releases if r.expected <= reservation.start]
        reservation.spare_cpu = machine.cpu + sum(r.cpu for r in gone) - sum(p.cpu for p in promised) - shape[0]
        reservation.spare_memory = (
            machine.memory + sum(r.memory for r in gone) - sum(p.memory for p in promised) - shape[1]
        )
        for kind in machine.whole:
            if kind is not None:
                free = len(machine.devices.get(kind, ())) + sum(r.count for r in gone if r.kind == kind)
                taken = sum(p.count for p in promised if p.kind == kind) + (shape[3] if shape[2] == kind else 0)
                reservation.spare_count[kind] = free - taken


def earliest(
    machine: Machine, shape: Shape, releases: list[tuple[float, Release]], promised: list[Release]
) -> float | None:
    """When the shape fits if everything is released at the given times and earlier promises are kept. None: never."""
    cpu, memory, kind, count = shape
    free_cpu = machine.cpu - sum(p.cpu for p in promised)
    free_memory = machine.memory - sum(p.memory for p in promised)
    free_count = len(machine.devices.get(kind, ())) if kind is not None else 0
    free_count -= sum(p.count for p in promised if p.kind == kind)
    if free_cpu >= cpu and free_memory >= memory and free_count >= count:
        return 0.0
    given_back = [*releases, *((p.latest, p) for p in promised)]
    for at, release in sorted(given_back, key=lambda item: item[0]):
        free_cpu += release.cpu
        free_memory += release.memory
        free_count += release.count if release.kind == kind else 0
        if free_cpu >= cpu and free_memory >= memory and free_count >= count:
            return at
    return None
