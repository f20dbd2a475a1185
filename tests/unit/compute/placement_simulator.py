"""A small event simulator: drives `plan` over time on given machines, starting what it decides and ending runs.

A pass follows every arrival and every end. Use is charged to teams as it happens and decays with a half-life.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from studium.compute.placement import (
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    TypicalDurations,
    Waiting,
    plan,
    use_weight,
)

START = datetime(2026, 3, 7, tzinfo=UTC)


@dataclass
class Job:
    """A run to simulate: the row it queues with, and how long it really takes."""

    row: Waiting
    arrives: float
    takes: float
    started: float | None = None
    ended: float | None = None
    machine: str = ""
    devices: tuple[str, ...] = ()
    promises: list[tuple[float, float]] = field(default_factory=list)  # (said at, at the latest)


class Simulator:
    def __init__(
        self,
        machines: list[MachineCapacity],
        *,
        half_life: float = 86400.0,
        charge: bool = True,
        policy: Policy | None = None,
        watch: Callable[[Placement, float], None] | None = None,
    ) -> None:
        self.machines = machines
        self.half_life = half_life
        self.charge = charge
        self.policy = policy or Policy()
        self.watch = watch
        self.waiting: dict[str, Job] = {}
        self.running: dict[str, Job] = {}
        self.done: list[Job] = []
        self.use: dict[str, float] = {}
        self.clock = 0.0

    def run(self, jobs: list[Job], until: float = math.inf) -> None:
        events = [(job.arrives, 0, number) for number, job in enumerate(jobs)]
        heapq.heapify(events)
        while events and events[0][0] <= until:
            at = events[0][0]
            self._advance(at)
            while events and events[0][0] == at:
                _, what, number = heapq.heappop(events)
                if what == 0:
                    self.waiting[jobs[number].row.run_id] = jobs[number]
                else:
                    self._end(jobs[number])
            for job in self._pass():
                number = next(n for n, other in enumerate(jobs) if other is job)
                heapq.heappush(events, (at + job.takes, 1, number))

    def _advance(self, at: float) -> None:
        passed = at - self.clock
        self.clock = at
        if self.charge:
            kept = 0.5 ** (passed / self.half_life)
            self.use = {team: amount * kept for team, amount in self.use.items()}
            for job in self.running.values():
                spent = passed * use_weight(job.row.vcpu, job.row.accelerator_count)
                self.use[job.row.team_id] = self.use.get(job.row.team_id, 0.0) + spent

    def _end(self, job: Job) -> None:
        job.ended = self.clock
        del self.running[job.row.run_id]
        self.done.append(job)

    def holdings(self) -> list[Holding]:
        return [holding_of(job) for job in self.running.values()]

    def _pass(self) -> list[Job]:
        now = START + timedelta(seconds=self.clock)
        queue = [
            replace(job.row, recent_use=self.use.get(job.row.team_id, job.row.recent_use))
            for job in self.waiting.values()
        ]
        capacity = [left_on(machine, self.running.values()) for machine in self.machines]
        placed = plan(queue, capacity, self.holdings(), {}, now, expected=TypicalDurations(), policy=self.policy)
        if self.watch:
            self.watch(placed, self.clock)
        for wait in placed.waits:
            if wait.at_most_seconds is not None:
                self.waiting[wait.run_id].promises.append((self.clock, self.clock + wait.at_most_seconds))
        started = []
        for decision in placed.decisions:
            job = self.waiting.pop(decision.run_id)
            job.started, job.machine, job.devices = self.clock, decision.machine, decision.devices
            self.running[decision.run_id] = job
            started.append(job)
        return started


def holding_of(job: Job) -> Holding:
    assert job.started is not None
    limit = job.row.max_seconds
    end = None if limit is None else START + timedelta(seconds=job.started + limit)
    half = None if limit is None else START + timedelta(seconds=job.started + limit / 2)
    return Holding(
        run_id=job.row.run_id, team_id=job.row.team_id, machine=job.machine, vcpu=job.row.vcpu,
        memory_bytes=job.row.memory_bytes, accelerator_kind=job.row.accelerator_kind, devices=job.devices,
        max_end=end, expected_end=half,
    )  # fmt: skip


def left_on(machine: MachineCapacity, jobs: object) -> MachineCapacity:
    """The machine less what these jobs hold on it."""
    held = [job for job in jobs if job.machine == machine.name]  # type: ignore[attr-defined]
    taken = {device for job in held for device in job.devices}
    return replace(
        machine,
        free_vcpu=machine.free_vcpu - sum(job.row.vcpu for job in held),
        free_memory_bytes=machine.free_memory_bytes - sum(job.row.memory_bytes for job in held),
        free_devices={k: tuple(d for d in ids if d not in taken) for k, ids in machine.free_devices.items()},
    )


def row(run_id: str, team: str = "a", **given: object) -> Waiting:
    """A queued run: one vCPU, one GiB, one hour at most, submitted at the start, unless given otherwise."""
    values: dict[str, object] = {
        "recent_use": 0.0, "priority": 0, "submitted_at": START, "vcpu": 1.0, "memory_bytes": 1 << 30,
        "max_seconds": 3600.0, "type_key": "cpu-small",
    }  # fmt: skip
    return Waiting(run_id=run_id, team_id=team, **(values | given))  # type: ignore[arg-type]


def gpu_row(run_id: str, team: str = "a", count: int = 1, **given: object) -> Waiting:
    values: dict[str, object] = {"vcpu": 2.0 * count, "accelerator_kind": "P100", "accelerator_count": count}
    return row(run_id, team, type_key=f"p100x{count}", **(values | given))


def machine(name: str, vcpu: float = 8.0, gib: int = 32, devices: int = 0, **given: object) -> MachineCapacity:
    free = {"P100": tuple(f"{name}/{n}" for n in range(devices))} if devices else {}
    values: dict[str, object] = {"free_devices": free}
    return MachineCapacity(
        name=name,
        free_vcpu=vcpu,
        free_memory_bytes=gib << 30,
        **(values | given),  # type: ignore[arg-type]
    )
