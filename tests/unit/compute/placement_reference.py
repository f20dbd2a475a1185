"""A slow, plain planner: it looks at everybody anew before each step, remembers nothing and sorts nothing ahead.

What is free on machines and what is reserved is asked of the planner's own parts; in what order runs are served, who
starts, who waits for what and until when is worked out here again.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from studium.compute.placement import (
    Decision,
    DurationGuess,
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    Wait,
    Waiting,
)
from studium.compute.placement.line import MOST_UNITS, _shape_slots, _unit_slots
from studium.compute.placement.reserve import Reservation, Reservations
from studium.compute.placement.types import use_weight
from studium.compute.placement.yard import Machine, Release, Shape, Yard, shape_of

Lane = tuple[str, str]


class Reference:
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
        self.queue = list(queue)
        self.now, self.expected, self.policy = now, expected, policy
        self.yard = Yard(capacity, running, now)
        self.reservations = Reservations(self.yard)
        self.left, self.after_line = dict(headroom), dict(headroom)
        self.use = {run.team_id: max(0.0, *(r.recent_use for r in queue if r.team_id == run.team_id)) for run in queue}
        self.owed: dict[Lane, float] = {}
        for holding in sorted(running, key=lambda h: h.run_id):
            end = holding.expected_end or holding.max_end
            if holding.team_id in self.use and end is not None:
                weight = use_weight(holding.vcpu, len(holding.devices))
                self.use[holding.team_id] += max(0.0, (end - now).total_seconds()) * weight
        machines = sum(use_weight(m.whole_cpu / 1000, sum(m.whole.values())) for m in self.yard.machines)
        self.per_band = 1.0 / ((math.fsum(self.use.values()) + max(1.0, machines) * 3600.0) * policy.band)
        self.heads: dict[str, Reservation] = {}
        self.lines: dict[str, list[tuple[int, Waiting]]] = {}
        self.decisions: list[Decision] = []
        self.others: list[Wait] = []

    def result(self) -> Placement:
        rows = list(self.queue)
        while rows:
            run = min(rows, key=self.standing)
            rows.remove(run)
            self.serve(run)
        waits = [wait for pool in sorted(self.lines) for wait in self.in_line(pool)]
        return Placement(decisions=tuple(self.decisions), waits=(*waits, *self.others))

    def lane(self, run: Waiting) -> Lane:
        return run.team_id, run.accelerator_kind if run.accelerator_kind and run.accelerator_count else "cpu"

    def shape(self, run: Waiting) -> Shape:
        return shape_of(run.vcpu, run.memory_bytes, run.accelerator_kind, run.accelerator_count)

    def limit(self, run: Waiting) -> float:
        return math.inf if run.max_seconds is None else run.max_seconds

    def guess(self, run: Waiting) -> float:
        return min(max(1.0, self.expected(run)), self.limit(run))

    def standing(self, run: Waiting) -> tuple[float, float, Lane, float, float, str]:
        """The lane's front run comes before the others of the lane, whatever its team is charged."""
        lane = self.lane(run)
        waited = (self.now - run.submitted_at).total_seconds()
        bands = int(waited / (self.policy.patience_seconds * self.policy.band)) if waited > 0 else 0
        own = -bands * 2**32 - run.priority
        band = int((self.use[run.team_id] + self.owed.get(lane, 0.0)) * self.per_band)
        return band * 2**32 + own, -waited, lane, own, -waited, run.run_id

    def serve(self, run: Waiting) -> None:
        lane, shape = self.lane(run), self.shape(run)
        holders = [machine for machine in self.yard.machines if machine.could_hold(shape)]
        if not holders:
            self.others.append(Wait(run.run_id, "impossible", lane[1], 0, None, None))
            return
        if all(machine.draining for machine in holders):
            self.wait_elsewhere(run, "draining", lane[1])
            return
        short = sorted(b for b, amount in run.needs.items() if amount > self.after_line.get(b, 0.0))
        short_now = [b for b, amount in run.needs.items() if amount > self.left.get(b, 0.0)]
        machine = None if short_now else self.yard.best(shape) or self.reservations.best(shape, self.limit(run))
        charge = self.guess(run) * use_weight(run.vcpu, run.accelerator_count)
        if machine is not None:
            self.start(run, shape, machine)
            self.use[run.team_id] += charge
        elif short:
            self.wait_elsewhere(run, f"headroom:{short[0]}", short[0])
        else:
            if lane[1] not in self.heads:
                self.heads[lane[1]] = self.reservations.make(shape, self.limit(run))
            ahead = sum(len(line) for line in self.lines.values())
            self.lines.setdefault(lane[1], []).append((ahead + 1, run))
            for bucket, amount in run.needs.items():
                self.after_line[bucket] = self.after_line.get(bucket, 0.0) - amount
            self.owed[lane] = self.owed.get(lane, 0.0) + charge

    def start(self, run: Waiting, shape: Shape, machine: Machine) -> None:
        reserved = self.reservations.covers(machine)
        if reserved:
            self.reservations.give(machine, shape, self.limit(run))
        release = Release(run.run_id, shape, self.limit(run), self.guess(run))
        devices = self.yard.take(machine, shape, release, indexed=not reserved)
        for left in (self.left, self.after_line):
            for bucket, amount in run.needs.items():
                left[bucket] = left.get(bucket, 0.0) - amount
        self.decisions.append(Decision(run.run_id, machine.name, devices, machine.simulated))

    def wait_elsewhere(self, run: Waiting, reason: str, what: str) -> None:
        place = 1 + sum(wait.reason == reason and wait.waits_for == what for wait in self.others)
        self.others.append(Wait(run.run_id, reason, what, place, None, None))

    def in_line(self, pool: str) -> list[Wait]:
        runs = [run for _, run in self.lines[pool]]
        waits = []
        for place, (about, most) in enumerate(zip(self.about(pool, runs), self.most(pool, runs), strict=True)):
            told = most if most <= self.policy.at_most_horizon else None
            likely = about if told is None else min(about, told)
            row = "capacity", pool, place + 1, None if likely == math.inf else likely, told
            waits.append(Wait(runs[place].run_id, *row))
        return waits

    def about(self, pool: str, runs: list[Waiting]) -> list[float]:
        kind = None if pool == "cpu" else pool
        amounts = [self.shape(run)[3] or self.shape(run)[0] for run in runs]
        unit = max(1, min(amounts), math.ceil(sum(amounts) / MOST_UNITS))
        floor = self.heads[pool].expected
        contended = {None if line == "cpu" else line for line in self.lines}
        slots = [
            at
            for machine in self.yard.machines
            if not machine.draining
            for at in _unit_slots(machine, kind, unit, floor, contended)
        ]
        return served(slots or [floor], [-(-a // unit) for a in amounts], [self.guess(r) for r in runs], floor)

    def most(self, pool: str, runs: list[Waiting]) -> list[float]:
        head, longest = self.heads[pool].latest, self.longest()
        if head == math.inf:
            return [math.inf] * len(runs)
        alone = not any(self.shares(pool, other) for other in self.lines if other != pool)
        shapes = {self.shape(run) for run in runs}
        if alone and len(shapes) == 1:
            slots = [at for m in self.yard.machines if not m.draining for at in _shape_slots(m, *shapes)]
            return served(slots, [1] * len(runs), [self.limit(run) for run in runs], 0.0)
        if alone:
            return [head + place * longest if place else head for place in range(len(runs))]
        return [head if rank == 1 else rank * longest for rank, _ in self.lines[pool]]

    def shares(self, pool: str, other: str) -> bool:
        return "cpu" in (pool, other) or any(pool in m.whole and other in m.whole for m in self.yard.machines)

    def longest(self) -> float:
        limits = [self.limit(run) for run in self.queue]
        return max([0.0, *limits, *(r.latest for machine in self.yard.machines for r in machine.releases)])


def served(slots: list[float], units: list[int], seconds: list[float], floor: float) -> list[float]:
    """Each run in turn takes the units that come free first and keeps them for its seconds."""
    starts = []
    for amount, duration in zip(units, seconds, strict=True):
        slots.sort()
        taken = slots[: min(amount, len(slots))]
        slots[: len(taken)] = [taken[-1] + duration] * len(taken)
        starts.append(max(taken[-1], floor))
    return starts
