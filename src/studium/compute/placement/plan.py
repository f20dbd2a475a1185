"""One pass over the queue: who starts where now, and what everybody else waits for.

Cost: what runs alike have in common is worked out once. As long as one might start, runs are served one by one, at a heap
step and a look-up or two each; once none can, the others are answered at the price of sorting them. A start is a
bisection. Shapes come from machine types, so there are few of them.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count, islice

from studium.compute.placement.alike import Alike, Alikes
from studium.compute.placement.line import Line, waits_of
from studium.compute.placement.order import Lane, Order, Queued
from studium.compute.placement.reserve import Reservations
from studium.compute.placement.tail import note_plenty, short_of, spend, startable, turns_of
from studium.compute.placement.types import (
    Decision,
    DurationGuess,
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    Wait,
    Waiting,
)
from studium.compute.placement.yard import Machine, Release, Yard

_LOOK_EVERY = 128  # after so many runs it is looked whether any other can still start


def plan(
    queue: Sequence[Waiting],
    capacity: Sequence[MachineCapacity],
    running: Sequence[Holding],
    headroom: Mapping[str, float],
    now: datetime,
    *,
    expected: DurationGuess,
    policy: Policy | None = None,
) -> Placement:
    """Decide one pass. Pure and deterministic; the order of the arguments' items does not matter.

    A bucket that a run needs and `headroom` does not name counts as empty. Holdings on machines that are not in
    `capacity` are ignored. Run ids are unique. A long line ends only in waits, never in an error.
    """
    with _without_collection():
        return _Pass(queue, capacity, running, headroom, now, expected, policy or Policy()).result()


@contextmanager
def _without_collection() -> Iterator[None]:
    """Put off cyclic garbage collection: a pass makes no cycles, and one collection over a long queue takes 0.2 s."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Pass:
    def __init__(
        self,
        queue: Sequence[Waiting],
        capacity: Sequence[MachineCapacity],
        running: Sequence[Holding],
        headroom: Mapping[str, float],
        now: datetime,
        expected: DurationGuess,
        policy: Policy,
    ) -> None:
        self._yard = Yard(capacity, running, now)
        self._alikes = Alikes(self._yard, expected)
        self._order = Order(queue, self._alikes, running, self._yard, now, policy)
        self._reservations = Reservations(self._yard)
        self._left = dict(headroom)
        # What is left once everybody in line has started: who would exceed it waits for headroom, not in the line.
        self._left_after_line = dict(headroom)
        self._separate = note_plenty(self._order.teams.values(), headroom)
        self._policy = policy
        self._lines: dict[str, Line] = {}
        self._ranks = count(1)
        self._decisions: list[Decision] = []
        self._waits: list[Wait] = []
        self._places: dict[str, int] = {}

    def result(self) -> Placement:
        self._serve()
        lines = [self._lines[pool] for pool in sorted(self._lines)]
        waits = waits_of(lines, self._yard, self._longest(), self._policy.at_most_horizon)
        return Placement(decisions=tuple(self._decisions), waits=(*waits, *self._waits))

    def _longest(self) -> float:
        """The longest that anything queued or running can still take."""
        limits = [alike.limit for alike in self._alikes.by_common.values()]
        return max([0.0, *limits, *(r.latest for machine in self._yard.machines for r in machine.releases)])

    def _serve(self) -> None:
        """Answer everybody in turn: run by run as long as one might start, then all others at once."""
        candidates = startable(self._order, self._left)
        served = self._order.served(self._order.lanes)
        while self._one_might_start(candidates):
            for row, lane in islice(served, _LOOK_EVERY):
                self._consider(row, lane)
        if self._separate:
            for _, _, _, row, short in turns_of(self._order, self._left_after_line):
                line = row[4].size.line
                if line is None or short is not None:
                    self._answer(row, short)
                else:
                    line.join(next(self._ranks), row[2], row[4])
        else:
            for row, lane in served:
                self._consider(row, lane)

    def _one_might_start(self, candidates: Iterator[Queued]) -> bool:
        return any(self._room(row[4]) is not None for row in candidates)

    def _consider(self, row: Queued, lane: Lane) -> None:
        run, alike = row[3], row[4]
        short = None
        if alike.size.barred is None:
            plenty = lane.team.plenty
            short = None if plenty else short_of(run.needs, self._left_after_line)
            if short is None or short_of(run.needs, self._left) is None:
                machine = self._room(alike) if alike.open else None
                if machine is not None:
                    self._start(run, lane, alike, machine)
                    return
            if short is None:
                lane.owed += alike.charge
                if not plenty:
                    spend(run.needs, self._left_after_line)
        self._answer(row, short)

    def _room(self, alike: Alike) -> Machine | None:
        size = alike.size
        if not size.full:
            machine = self._yard.best(size.shape)
            if machine is not None:
                return machine
            size.full = True
        # Room on reserved machines only shrinks during a pass: longer runs of this size need not be tried again.
        if not alike.limit >= size.too_long:
            machine = self._reservations.best(size.shape, alike.limit)
            if machine is not None:
                return machine
            size.too_long = alike.limit
        alike.open = False
        return None

    def _start(self, run: Waiting, lane: Lane, alike: Alike, machine: Machine) -> None:
        shape = alike.size.shape
        reserved = self._reservations.covers(machine)
        if reserved:
            self._reservations.give(machine, shape, alike.limit)
        release = Release(run.run_id, shape, alike.limit, alike.guess)
        devices = self._yard.take(machine, shape, release, indexed=not reserved)
        spend(run.needs, self._left)
        spend(run.needs, self._left_after_line)
        lane.team.use += alike.charge
        self._decisions.append(Decision(run.run_id, machine.name, devices, machine.simulated))

    def _answer(self, row: Queued, short: str | None) -> None:
        """Tell a run that does not start what it waits for; `short` is the bucket that does not hold enough for it."""
        run_id, alike = row[2], row[4]
        barred = alike.size.barred
        if barred is not None:
            place = 0 if barred == "impossible" else self._next_place(f"{barred} {alike.pool}")
            self._waits.append(Wait(run_id, barred, alike.pool, place, None, None))
        elif short is not None:
            reason = f"headroom:{short}"
            self._waits.append(Wait(run_id, reason, short, self._next_place(reason), None, None))
        else:
            line = alike.size.line
            if line is None:
                line = alike.size.line = self._line(alike)
            line.join(next(self._ranks), run_id, alike)

    def _line(self, alike: Alike) -> Line:
        """The line that runs of this size join; the first who waits in it has room reserved."""
        shape = alike.size.shape
        line = self._lines.get(alike.pool)
        if line is None:
            line = self._lines[alike.pool] = Line(alike.pool, self._reservations.make(shape, alike.limit))
        line.shapes.add(shape)
        return line

    def _next_place(self, line: str) -> int:
        place = self._places[line] = self._places.get(line, 0) + 1
        return place
