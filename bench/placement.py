"""How long one full placement pass takes on 10,000 devices with 100,000 queued runs, over a simulated stretch of work.

The queue is kept at 100,000: between passes runs end and as many new ones arrive. The first pass fills empty machines,
the others place what fits into the gaps. Every pass also works out place, expected and latest start of all who wait.
"""

import gc
import heapq
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from report import figure
from studium.compute.placement import Holding, MachineCapacity, Placement, Policy, TypicalDurations, Waiting, plan

MACHINES, DEVICES_EACH, QUEUED, TEAMS, PASSES = 2500, 4, 100_000, 500, 8
STEP = timedelta(minutes=10)
KINDS = ("P100", "A6000", "A100", "H200")
GIB = 1024**3
Inputs = tuple[list[Waiting], list[MachineCapacity], list[Holding], dict[str, float], datetime]
START = datetime(2026, 3, 7, tzinfo=UTC)


@dataclass
class Cluster:
    """The state between passes: free amounts by machine, who runs where, who waits."""

    chance: random.Random
    now: datetime = START
    free: dict[str, list[float]] = field(default_factory=dict)
    devices: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    queue: dict[str, Waiting] = field(default_factory=dict)
    running: dict[str, Holding] = field(default_factory=dict)
    ends: list[tuple[datetime, str]] = field(default_factory=list)
    use: dict[str, float] = field(default_factory=dict)
    made: int = 0

    def build(self) -> None:
        for number in range(MACHINES):
            name, kind = f"m{number:05}", KINDS[number % len(KINDS)]
            self.free[name] = [34.0, 160.0]
            self.devices[name] = kind, {f"{name}/{n}" for n in range(DEVICES_EACH)}
        self.use = {f"team{n}": self.chance.expovariate(1 / 50_000) for n in range(TEAMS)}
        self.arrive()

    def arrive(self) -> None:
        """New runs until the queue is full again: four of five want accelerators, half of those more than one."""
        while len(self.queue) < QUEUED:
            self.made += 1
            team = f"team{self.chance.randrange(TEAMS)}"
            count = self.chance.choice((0, 1, 1, 2, 4))
            vcpu = 8.0 * count or self.chance.choice((1.0, 2.0, 4.0))
            run_id = f"r{self.made:07}"
            self.queue[run_id] = Waiting(
                run_id=run_id, team_id=team, recent_use=0.0, priority=self.chance.choice((0, 10, 20)),
                submitted_at=self.now - timedelta(seconds=self.chance.randrange(200_000)), vcpu=vcpu,
                memory_bytes=int(vcpu * 5 * GIB), max_seconds=self.chance.choice((3600.0, 21_600.0, 32_400.0)),
                type_key=f"type{count}", accelerator_kind=self.chance.choice(KINDS) if count else None,
                accelerator_count=count, needs={f"{team}:runs": 1.0, f"{team}:gpu": 3600.0 * count},
            )  # fmt: skip

    def inputs(self) -> Inputs:
        capacity = [
            MachineCapacity(
                name=name, free_vcpu=vcpu, free_memory_bytes=int(gib * GIB),
                free_devices={self.devices[name][0]: tuple(self.devices[name][1])},
            )
            for name, (vcpu, gib) in self.free.items()
        ]  # fmt: skip
        headroom = {f"{team}:{what}": 1e12 for team in self.use for what in ("runs", "gpu")}
        queue = [with_use(run, self.use[run.team_id]) for run in self.queue.values()]
        return queue, capacity, list(self.running.values()), headroom, self.now

    def apply(self, placed: Placement) -> None:
        for decision in placed.decisions:
            run = self.queue.pop(decision.run_id)
            self._move(run.vcpu, decision.machine, decision.devices, -1)
            limit = run.max_seconds or 0.0
            self.running[run.run_id] = Holding(
                run_id=run.run_id, team_id=run.team_id, machine=decision.machine, vcpu=run.vcpu,
                memory_bytes=run.memory_bytes, accelerator_kind=run.accelerator_kind, devices=decision.devices,
                max_end=self.now + timedelta(seconds=limit), expected_end=self.now + timedelta(seconds=limit / 2),
            )  # fmt: skip
            takes = timedelta(seconds=limit * self.chance.uniform(0.02, 1.0))
            heapq.heappush(self.ends, (self.now + takes, run.run_id))
            self.use[run.team_id] += takes.total_seconds() * max(run.accelerator_count, run.vcpu / 8)

    def advance(self) -> None:
        self.now += STEP
        while self.ends and self.ends[0][0] <= self.now:
            ended = self.running.pop(heapq.heappop(self.ends)[1])
            self._move(ended.vcpu, ended.machine, ended.devices, 1)
        self.arrive()

    def _move(self, vcpu: float, machine: str, devices: tuple[str, ...], sign: int) -> None:
        self.free[machine][0] += sign * vcpu
        self.free[machine][1] += sign * vcpu * 5
        (self.devices[machine][1].update if sign > 0 else self.devices[machine][1].difference_update)(devices)


def with_use(run: Waiting, use: float) -> Waiting:
    return Waiting(
        run_id=run.run_id, team_id=run.team_id, recent_use=use, priority=run.priority, submitted_at=run.submitted_at,
        vcpu=run.vcpu, memory_bytes=run.memory_bytes, max_seconds=run.max_seconds, type_key=run.type_key,
        accelerator_kind=run.accelerator_kind, accelerator_count=run.accelerator_count, needs=run.needs,
    )  # fmt: skip


def timed(inputs: Inputs) -> tuple[Placement, float]:
    """A pass and its time, the median of three: a pass is a pure function, so it can be run again."""
    times = []
    for _ in range(3):
        before = time.perf_counter()
        placed = plan(*inputs, expected=TypicalDurations(), policy=Policy())
        times.append(time.perf_counter() - before)
    return placed, statistics.median(times)


def main() -> int:
    cluster = Cluster(random.Random(20260307))
    cluster.build()
    seconds: list[float] = []
    starts: list[int] = []
    for _ in range(PASSES):
        inputs = cluster.inputs()
        gc.collect()
        placed, took = timed(inputs)
        seconds.append(took)
        starts.append(len(placed.decisions))
        if len(placed.decisions) + len(placed.waits) != QUEUED:
            raise SystemExit("a run got no answer")
        cluster.apply(placed)
        cluster.advance()
    longest = max(seconds)
    conditions = (
        f"{MACHINES * DEVICES_EACH} devices on {MACHINES} machines, {QUEUED} queued runs of {TEAMS} teams, simulated; "
        f"{PASSES} passes, each the median of 3 runs of it, the longest quoted, median of all {statistics.median(seconds):.2f} s"
    )
    figure("placement", "pass_seconds", round(longest, 3), "s", goal="< 1", ok=longest < 1.0, conditions=conditions)
    filling = f"the first pass, which fills empty machines with {starts[0]} runs and answers the other queued ones too"
    figure("placement", "decisions_per_s", round(starts[0] / seconds[0]), "1/s", conditions=f"{filling}; {conditions}")
    return 0 if longest < 1.0 else 1


if __name__ == "__main__":
    sys.exit(main())
