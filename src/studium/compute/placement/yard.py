"""The machines during a pass: what is free on each, kept sorted so that the best fit is found by bisection.

vCPUs are counted in whole thousandths, so that sums are exact. Times are seconds from the pass's `now`.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from datetime import datetime

from studium.compute.placement.types import Holding, MachineCapacity

Shape = tuple[int, int, str | None, int]
"""Thousandths of a vCPU, bytes, accelerator kind, accelerators: what a run takes from one machine."""

_OVERDUE_SECONDS = 60.0  # a run past its expected end is expected to end within a minute, again and again


def shape_of(vcpu: float, memory_bytes: int, kind: str | None, count: int) -> Shape:
    return math.ceil(vcpu * 1000 - 1e-6), memory_bytes, kind if count else None, count


class Release:
    """Something that will be given back on a machine: at the latest at `latest`, probably at `expected`."""

    __slots__ = ("count", "cpu", "expected", "kind", "latest", "memory", "name")

    def __init__(self, name: str, shape: Shape, latest: float, expected: float) -> None:
        self.name = name
        self.cpu, self.memory, self.kind, self.count = shape
        self.latest = latest
        self.expected = min(expected, latest)


class Machine:
    """One machine: free amounts now, whole amounts, and what will be released. `rank` is its place by name."""

    __slots__ = (
        "cpu",
        "devices",
        "draining",
        "memory",
        "name",
        "rank",
        "releases",
        "simulated",
        "whole",
        "whole_cpu",
        "whole_memory",
    )

    def __init__(self, rank: int, given: MachineCapacity) -> None:
        self.rank = rank
        self.name = given.name
        self.draining = given.draining
        self.simulated = given.simulated
        self.cpu = math.floor(given.free_vcpu * 1000 + 1e-6)
        self.memory = given.free_memory_bytes
        self.devices = {kind: sorted(ids) for kind, ids in sorted(given.free_devices.items())}
        self.releases: list[Release] = []
        self.whole: dict[str | None, int] = {}
        self.whole_cpu = self.whole_memory = 0

    def fits(self, shape: Shape) -> bool:
        cpu, memory, kind, count = shape
        return self.cpu >= cpu and self.memory >= memory and (kind is None or len(self.devices.get(kind, ())) >= count)

    def could_hold(self, shape: Shape) -> bool:
        """Would it fit with nothing else on the machine?"""
        cpu, memory, kind, count = shape
        return self.whole_cpu >= cpu and self.whole_memory >= memory and self.whole.get(kind, 0) >= count

    def count_whole(self) -> None:
        """Note what the machine has in all, free or held."""
        self.whole_cpu = self.cpu + sum(release.cpu for release in self.releases)
        self.whole_memory = self.memory + sum(release.memory for release in self.releases)
        self.whole = {kind: len(ids) for kind, ids in self.devices.items()}
        for release in self.releases:
            if release.kind is not None:
                self.whole[release.kind] = self.whole.get(release.kind, 0) + release.count

    def free_accelerators(self) -> int:
        return sum(map(len, self.devices.values()))


_Entry = tuple[int, int, int]


class Yard:
    """All machines of a pass, those that may take runs indexed by how many accelerators they have free."""

    def __init__(self, capacity: Sequence[MachineCapacity], running: Iterable[Holding], now: datetime) -> None:
        self.machines = [Machine(rank, given) for rank, given in enumerate(sorted(capacity, key=lambda c: c.name))]
        by_name = {machine.name: machine for machine in self.machines}
        for holding in sorted(running, key=lambda h: h.run_id):
            machine = by_name.get(holding.machine)
            if machine is not None:
                machine.releases.append(release_of(holding, now))
        self._shelves: dict[tuple[str | None, bool], dict[int, list[_Entry]]] = {}
        for machine in self.machines:
            machine.count_whole()
            if not machine.draining:
                self._shelve(machine)

    def best(self, shape: Shape) -> Machine | None:
        """The open machine that this fits on best: fewest accelerators left over, then fewest vCPUs. None when none.

        Runs without an accelerator take machines that have none free; failing that, the one with most vCPUs to spare.
        """
        cpu, memory, kind, count = shape
        if kind is not None:
            for simulated in (False, True):
                shelf = self._shelves.get((kind, simulated), {})
                for free in sorted(free for free in shelf if free >= count):
                    found = _tightest(shelf[free], cpu, memory)
                    if found is not None:
                        return self.machines[found]
            return None
        real, simulated_ones = self._shelves.get((None, False), {}), self._shelves.get((None, True), {})
        for free in sorted({*real, *simulated_ones}):
            choose = _tightest if free == 0 else _widest
            for shelf in (real, simulated_ones):
                found = choose(shelf.get(free, []), cpu, memory)
                if found is not None:
                    return self.machines[found]
        return None

    def close(self, machine: Machine) -> None:
        """Take a machine out of the index: from now on it is only used by asking for it."""
        self._unshelve(machine)

    def take(self, machine: Machine, shape: Shape, release: Release, *, indexed: bool) -> tuple[str, ...]:
        """Take the shape from the machine and return the device ids. It must fit."""
        if indexed:
            self._unshelve(machine)
        cpu, memory, kind, count = shape
        machine.cpu -= cpu
        machine.memory -= memory
        taken: tuple[str, ...] = ()
        if kind is not None:
            taken = tuple(machine.devices[kind][:count])
            del machine.devices[kind][:count]
        machine.releases.append(release)
        if indexed:
            self._shelve(machine)
        return taken

    def _places(self, machine: Machine) -> list[tuple[str | None, int]]:
        places: list[tuple[str | None, int]] = [(None, machine.free_accelerators())]
        places += [(kind, len(ids)) for kind, ids in machine.devices.items() if ids]
        return places

    def _shelve(self, machine: Machine) -> None:
        entry = (machine.cpu, machine.memory, machine.rank)
        for kind, free in self._places(machine):
            insort(self._shelves.setdefault((kind, machine.simulated), {}).setdefault(free, []), entry)

    def _unshelve(self, machine: Machine) -> None:
        entry = (machine.cpu, machine.memory, machine.rank)
        for kind, free in self._places(machine):
            shelf = self._shelves[kind, machine.simulated]
            del shelf[free][bisect_left(shelf[free], entry)]
            if not shelf[free]:
                del shelf[free]


def _tightest(entries: list[_Entry], cpu: int, memory: int) -> int | None:
    for index in range(bisect_left(entries, (cpu, memory, -1)), len(entries)):
        if entries[index][1] >= memory:
            return entries[index][2]
    return None


def _widest(entries: list[_Entry], cpu: int, memory: int) -> int | None:
    for entry in reversed(entries):
        if entry[0] < cpu:
            return None
        if entry[1] >= memory:
            return entry[2]
    return None


def release_of(holding: Holding, now: datetime) -> Release:
    """When and what a running run gives back, counted from `now`."""
    shape = shape_of(holding.vcpu, holding.memory_bytes, holding.accelerator_kind, len(holding.devices))
    latest = math.inf if holding.max_end is None else max(0.0, (holding.max_end - now).total_seconds())
    expected = latest if holding.expected_end is None else (holding.expected_end - now).total_seconds()
    return Release(holding.run_id, shape, latest, max(_OVERDUE_SECONDS, expected))
