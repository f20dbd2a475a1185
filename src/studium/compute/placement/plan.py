"""One pass over the queue: who starts where now, and what everybody else waits for.

Cost: one heap step and one or two look-ups per run once its shape is known not to fit; a bisection per start. Shapes
come from machine types, so there are few of them.
"""

import gc
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count

from studium.compute.placement.line import Line, waits_of
from studium.compute.placement.order import Lane, Order
from studium.compute.placement.reserve import Reservations
from studium.compute.placement.types import (
    Decision,
    DurationGuess,
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    Wait,
    Waiting,
    use_weight,
)
from studium.compute.placement.yard import Machine, Shape, Yard, release_started, shape_of


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


class _Size:
    """What is known during a pass about runs of one size.

    `barred`: why no open machine can ever hold it. `full`: it fits on no unreserved machine any more. `too_long`: with
    this limit or a longer one it fits on no reserved machine either.
    """

    __slots__ = ("amount", "barred", "full", "line", "shape", "too_long", "weight")

    def __init__(self, shape: Shape, weight: float, barred: str | None) -> None:
        self.shape = shape
        self.weight = weight
        self.barred = barred
        self.amount = shape[3] or shape[0]
        self.full = False
        self.line: Line | None = None
        self.too_long = math.nan  # compares false with every limit: nothing was tried yet


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
        self._queue = queue
        self._yard = Yard(capacity, running, now)
        self._order = Order(queue, running, self._yard, now, policy)
        self._reservations = Reservations(self._yard)
        self._left = dict(headroom)
        # What is left once everybody in line has started: who would exceed it waits for headroom, not in the line.
        self._left_after_line = dict(headroom)
        self._expected = expected
        self._policy = policy
        self._sizes: dict[tuple[float, int, str | None, int], _Size] = {}
        self._lines: dict[str, Line] = {}
        self._ranks = count(1)
        self._decisions: list[Decision] = []
        self._waits: list[Wait] = []
        self._places: dict[str, int] = {}

    def result(self) -> Placement:
        for run, lane in self._order:
            self._consider(run, lane)
        lines = [self._lines[pool] for pool in sorted(self._lines)]
        waits = waits_of(lines, self._yard, self._longest(), self._policy.at_most_horizon)
        return Placement(decisions=tuple(self._decisions), waits=(*waits, *self._waits))

    def _longest(self) -> float:
        """The longest that anything queued or running can still take."""
        limits = [math.inf if run.max_seconds is None else run.max_seconds for run in self._queue]
        return max([0.0, *limits, *(r.latest for machine in self._yard.machines for r in machine.releases)])

    def _consider(self, run: Waiting, lane: Lane) -> None:
        size = self._sizes.get((run.vcpu, run.memory_bytes, run.accelerator_kind, run.accelerator_count))
        if size is None:
            size = self._new_size(run)
        if size.barred is not None:
            place = 0 if size.barred == "impossible" else self._next_place(f"{size.barred} {lane.pool}")
            self._waits.append(Wait(run.run_id, size.barred, lane.pool, place, None, None))
            return
        short = None
        left = self._left_after_line
        for bucket, amount in run.needs.items():
            if amount > left.get(bucket, 0.0):
                short = _short(run.needs, left)
                break
        if short is not None and _short(run.needs, self._left) is not None:
            self._wait_for_headroom(run, short)
            return
        limit = math.inf if run.max_seconds is None else run.max_seconds
        machine = None if size.full and limit >= size.too_long else self._room(size, limit)
        if machine is not None:
            self._start(run, lane, size, machine, limit)
        elif short is not None:
            self._wait_for_headroom(run, short)
        else:
            self._wait_in_line(run, lane, size, limit)

    def _new_size(self, run: Waiting) -> _Size:
        shape = shape_of(run.vcpu, run.memory_bytes, run.accelerator_kind, run.accelerator_count)
        holders = [machine for machine in self._yard.machines if machine.could_hold(shape)]
        barred = "impossible" if not holders else "draining" if all(m.draining for m in holders) else None
        size = _Size(shape, use_weight(run.vcpu, run.accelerator_count), barred)
        self._sizes[run.vcpu, run.memory_bytes, run.accelerator_kind, run.accelerator_count] = size
        return size

    def _room(self, size: _Size, limit: float) -> Machine | None:
        if not size.full:
            machine = self._yard.best(size.shape)
            if machine is not None:
                return machine
            size.full = True
        machine = self._reservations.best(size.shape, limit)
        if machine is None:
            # Room on reserved machines only shrinks during a pass: longer runs of this size need not be tried again.
            size.too_long = limit
        return machine

    def _start(self, run: Waiting, lane: Lane, size: _Size, machine: Machine, limit: float) -> None:
        guess = self._within(self._expected(run), limit)
        reserved = self._reservations.covers(machine)
        if reserved:
            self._reservations.give(machine, size.shape, limit)
        devices = self._yard.take(machine, size.shape, release_started(run, size.shape, guess), indexed=not reserved)
        _spend(run.needs, self._left)
        _spend(run.needs, self._left_after_line)
        lane.team.use += guess * size.weight
        self._decisions.append(Decision(run.run_id, machine.name, devices, machine.simulated))

    def _wait_in_line(self, run: Waiting, lane: Lane, size: _Size, limit: float) -> None:
        line = size.line
        if line is None:
            line = size.line = self._line(size, lane.pool, limit)
        guess = self._expected(run)
        if not 1.0 <= guess <= limit:
            guess = self._within(guess, limit)
        line.run_ids.append(run.run_id)
        line.amounts.append(size.amount)
        line.guesses.append(guess)
        line.limits.append(limit)
        line.ranks.append(next(self._ranks))
        left = self._left_after_line
        for bucket, amount in run.needs.items():
            left[bucket] = left.get(bucket, 0.0) - amount
        lane.owed += guess * size.weight

    def _line(self, size: _Size, pool: str, limit: float) -> Line:
        """The line that runs of this size join; the first who waits in it has room reserved."""
        line = self._lines.get(pool)
        if line is None:
            line = self._lines[pool] = Line(pool, self._reservations.make(size.shape, limit))
        line.shapes.add(size.shape)
        return line

    def _wait_for_headroom(self, run: Waiting, bucket: str) -> None:
        reason = f"headroom:{bucket}"
        self._waits.append(Wait(run.run_id, reason, bucket, self._next_place(reason), None, None))

    def _next_place(self, line: str) -> int:
        place = self._places[line] = self._places.get(line, 0) + 1
        return place

    @staticmethod
    def _within(guess: float, limit: float) -> float:
        return min(max(1.0, guess), limit)


def _short(needs: Mapping[str, float], left: Mapping[str, float]) -> str | None:
    """The first bucket, by name, that does not hold enough."""
    return min((bucket for bucket, amount in needs.items() if amount > left.get(bucket, 0.0)), default=None)


def _spend(needs: Mapping[str, float], left: dict[str, float]) -> None:
    for bucket, amount in needs.items():
        left[bucket] = left.get(bucket, 0.0) - amount
