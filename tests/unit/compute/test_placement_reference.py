"""The planner answers a long queue all at once where it can; a slow, plain planner must say the same to the last run."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

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
from unit.compute.placement_reference import Reference
from unit.compute.placement_simulator import START
from unit.compute.test_placement_properties import headrooms, holdings, machines, queues

GUESS = TypicalDurations(by_type={"short": 40.0})


def check(
    queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding], left: dict[str, float], policy: Policy
) -> Placement:
    plain = Reference(queue, open_, held, left, START, GUESS, policy).result()
    placed = plan(queue, open_, held, left, START, expected=GUESS, policy=policy)
    assert placed == plain
    return placed


@settings(max_examples=300, deadline=None)
@given(queues(), machines(), holdings(), headrooms)
def test_a_short_queue_is_answered_as_the_plain_planner_does(
    queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding], left: dict[str, float]
) -> None:
    check(queue, open_, held, left, Policy())


def long_queue(chance: random.Random, length: int) -> list[Waiting]:
    """Four teams' runs of several types. What they need is their own team's, some of it scarce."""
    made = []
    use = {team: chance.expovariate(1 / 5000) for team in "abcd"}
    limits = chance.choice(((600.0, 3600.0, 7200.0), (3600.0, None)))
    for number in range(length):
        team = chance.choice("aabcd")
        kind = chance.choice((None, "P100", "T4"))
        count = chance.choice((1, 2, 9)) if kind and chance.random() < 0.97 else int(kind is not None)
        vcpu = chance.choice((0.5, 1.0, 2.0))
        needs = {f"{team}:runs": 1.0}
        if kind:
            needs[f"{team}:gpu"] = 600.0 * count
        made.append(
            Waiting(
                run_id=f"q{number:04}", team_id=team, recent_use=use[team], priority=chance.choice((0, 0, 10)),
                submitted_at=START - timedelta(seconds=chance.choice((0, 60, chance.randrange(300_000)))), vcpu=vcpu,
                memory_bytes=int(vcpu) << 30, max_seconds=chance.choice(limits),
                type_key=chance.choice(("short", "t")), accelerator_kind=kind, accelerator_count=count, needs=needs,
            )
        )  # fmt: skip
    return made


def yard(chance: random.Random) -> list[MachineCapacity]:
    return [
        MachineCapacity(
            name=f"m{number}", free_vcpu=chance.choice((0.0, 2.0, 8.0)), free_memory_bytes=64 << 30,
            free_devices={kind: tuple(f"{number}/{n}" for n in range(chance.choice((0, 1, 4))))},
            draining=chance.random() < 0.1, simulated=chance.random() < 0.3,
        )
        for number, kind in enumerate(chance.choices(("P100", "T4"), k=6))
    ]  # fmt: skip


def held_by(chance: random.Random) -> list[Holding]:
    return [
        Holding(
            run_id=f"h{number}", team_id=chance.choice("abcd"), machine=f"m{number % 6}", vcpu=2.0, memory_bytes=4 << 30,
            accelerator_kind="P100", devices=(f"h{number}",), max_end=START + timedelta(seconds=chance.randrange(9000)),
            expected_end=START + timedelta(seconds=chance.randrange(9000)),
        )
        for number in range(9)
    ]  # fmt: skip


def allowances(chance: random.Random) -> dict[str, float]:
    """Of each team: plenty, just enough for some, or nothing."""
    return {
        f"{team}:{what}": chance.choice((float("inf"), 1e9, 100.0 * much, 7.0 * much, 0.0))
        for team in "abcd"
        for what, much in (("runs", 1.0), ("gpu", 600.0))
    }


@pytest.mark.parametrize("seed", range(40))
def test_a_long_queue_is_answered_as_the_plain_planner_does(seed: int) -> None:
    chance = random.Random(seed)
    queue = long_queue(chance, 420)
    policy = Policy(band=chance.choice((0.01, 1e-4, 1e9)))
    placed = check(queue, yard(chance), held_by(chance), allowances(chance), policy)
    assert len(placed.waits) > 300


def test_teams_that_draw_on_one_bucket_are_served_run_by_run() -> None:
    chance = random.Random(5)
    queue = [replace(run, needs={**run.needs, "site:runs": 1.0}) for run in long_queue(chance, 420)]
    left = dict.fromkeys((f"{team}:{what}" for team in "abcd" for what in ("runs", "gpu")), 1e9)
    placed = check(queue, yard(chance), held_by(chance), {**left, "site:runs": 130.0}, Policy())
    assert Counter(wait.reason for wait in placed.waits)["headroom:site:runs"] > 100


def test_the_plain_planner_weighs_use_as_the_planner_does() -> None:
    """One more run of a team's past use can turn the order: both must see it at the same run."""
    chance = random.Random(6)
    queue = long_queue(chance, 420)
    weights = {use_weight(run.vcpu, run.accelerator_count) for run in queue}
    assert len(weights) > 3
    for use in (0.0, 100.0, 10_000.0, 1e7):
        check([replace(run, recent_use=use if run.team_id == "a" else 50.0) for run in queue], yard(random.Random(6)),
              [], {f"{team}:{what}": 1e9 for team in "abcd" for what in ("runs", "gpu")}, Policy(band=0.001))  # fmt: skip
