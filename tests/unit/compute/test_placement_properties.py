"""Properties that hold for every queue: nothing given twice or overdrawn, same answer in any order, head first."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from studium.compute.placement import (
    Decision,
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    TypicalDurations,
    Waiting,
    plan,
)
from unit.compute.placement_simulator import START

KINDS = ("P100", "T4")
TEAMS = ("a", "b", "c")


@st.composite
def machines(draw: st.DrawFn) -> list[MachineCapacity]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        devices = {
            kind: tuple(f"{number}/{kind}/{n}" for n in range(draw(st.integers(0, 4))))
            for kind in draw(st.sets(st.sampled_from(KINDS)))
        }
        made.append(
            MachineCapacity(
                name=f"m{number}", free_vcpu=draw(st.sampled_from((0.0, 0.5, 2.0, 4.0, 8.5))),
                free_memory_bytes=draw(st.integers(0, 16)) << 30, free_devices=devices,
                draining=draw(st.integers(0, 9)) == 0, simulated=draw(st.booleans()),
            )
        )  # fmt: skip
    return made


@st.composite
def holdings(draw: st.DrawFn) -> list[Holding]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from((None, *KINDS)))
        count = draw(st.integers(1, 3)) if kind else 0
        limit = draw(st.sampled_from((None, 60, 600, 3600, 9000)))
        made.append(
            Holding(
                run_id=f"h{number}", team_id=draw(st.sampled_from(TEAMS)), machine=f"m{draw(st.integers(0, 5))}",
                vcpu=draw(st.sampled_from((0.5, 1.0, 4.0))), memory_bytes=draw(st.integers(1, 8)) << 30,
                accelerator_kind=kind, devices=tuple(f"h{number}/{n}" for n in range(count)),
                max_end=None if limit is None else START + timedelta(seconds=limit),
                expected_end=START + timedelta(seconds=draw(st.integers(-100, 4000))),
            )
        )  # fmt: skip
    return made


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting]:
    use = {team: draw(st.floats(0, 1e6)) for team in TEAMS}
    made = []
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from((None, *KINDS)))
        team = draw(st.sampled_from(TEAMS))
        needs = {f"{team}:s": 1.0, f"{team}:g": 600.5} if draw(st.booleans()) else {}
        made.append(
            Waiting(
                run_id=f"q{number:02}", team_id=team, recent_use=use[team], priority=draw(st.sampled_from((0, 10))),
                submitted_at=START - timedelta(seconds=draw(st.sampled_from((0, 0, 5)) | st.integers(-60, 300_000))),
                vcpu=draw(st.sampled_from((0.1, 0.5, 1.0, 2.0, 8.0))), memory_bytes=draw(st.integers(0, 8)) << 30,
                max_seconds=draw(st.sampled_from((None, 60.0, 600.0, 3600.0, 7200.0))), type_key="t",
                accelerator_kind=kind, accelerator_count=draw(st.integers(1, 3)) if kind else 0, needs=needs,
            )
        )  # fmt: skip
    return made


headrooms = st.dictionaries(
    st.sampled_from([f"{team}:{what}" for team in TEAMS for what in "sg"]), st.sampled_from((0.0, 1.0, 600.5, 5000.0))
)


def place(queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding], left: dict[str, float]) -> Placement:
    return plan(queue, open_, held, left, START, expected=TypicalDurations())


@settings(max_examples=300, deadline=None)
@given(queues(), machines(), holdings(), headrooms)
def test_nothing_is_given_twice_and_nothing_is_overdrawn(
    queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding], left: dict[str, float]
) -> None:
    placed = place(queue, open_, held, left)
    rows = {run.run_id: run for run in queue}
    by_name = {machine.name: machine for machine in open_}
    cpu, memory, spent = Counter[str](), Counter[str](), Counter[str]()
    devices = [device for decision in placed.decisions for device in decision.devices]
    assert len(devices) == len(set(devices))
    for decision in placed.decisions:
        run, machine = rows[decision.run_id], by_name[decision.machine]
        assert not machine.draining
        assert decision.simulated == machine.simulated
        assert len(decision.devices) == run.accelerator_count
        assert set(decision.devices) <= set(machine.free_devices.get(run.accelerator_kind or "", ()))
        cpu[machine.name] += round(run.vcpu * 1000)
        memory[machine.name] += run.memory_bytes
        spent.update(run.needs)
    assert all(cpu[name] <= by_name[name].free_vcpu * 1000 for name in cpu)
    assert all(memory[name] <= by_name[name].free_memory_bytes for name in memory)
    assert all(amount <= left.get(bucket, 0.0) for bucket, amount in spent.items())


@settings(max_examples=300, deadline=None)
@given(queues(), machines(), holdings(), headrooms)
def test_everybody_gets_exactly_one_answer_that_makes_sense(
    queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding], left: dict[str, float]
) -> None:
    placed = place(queue, open_, held, left)
    answered = [decision.run_id for decision in placed.decisions] + [wait.run_id for wait in placed.waits]
    assert sorted(answered) == sorted(run.run_id for run in queue)
    places: dict[tuple[str, str], list[int]] = {}
    for wait in placed.waits:
        if wait.reason == "impossible":
            assert wait.place == 0
            continue
        places.setdefault((wait.reason, wait.waits_for), []).append(wait.place)
        if wait.expected_seconds is not None:
            assert wait.expected_seconds >= 0
            assert wait.at_most_seconds is None or wait.at_most_seconds >= wait.expected_seconds
        if wait.reason != "capacity":
            assert wait.reason in ("draining", f"headroom:{wait.waits_for}")
            assert wait.expected_seconds is None
    assert all(sorted(line) == list(range(1, len(line) + 1)) for line in places.values())


@settings(max_examples=200, deadline=None)
@given(queues(), machines(), holdings(), headrooms, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    queue: list[Waiting],
    open_: list[MachineCapacity],
    held: list[Holding],
    left: dict[str, float],
    chance: random.Random,
) -> None:
    first = place(queue, open_, held, left)
    assert place(queue, open_, held, left) == first
    mixed = [
        replace(
            machine, free_devices=dict(reversed([(k, tuple(reversed(v))) for k, v in machine.free_devices.items()]))
        )
        for machine in open_
    ]
    for things in (queue, mixed, held):
        chance.shuffle(things)  # type: ignore[arg-type]
    assert place(queue, mixed, held, dict(reversed(left.items()))) == first


@settings(max_examples=300, deadline=None)
@given(queues(), machines(), holdings())
def test_backfill_never_delays_the_head_of_any_line(
    queue: list[Waiting], open_: list[MachineCapacity], held: list[Holding]
) -> None:
    """The first that waits could start no earlier if nobody behind it had been placed.

    With one wide band the order is by priority and age alone, so the test knows who is behind.
    """
    queue = [replace(run, needs={}) for run in queue]
    placed = plan(
        queue, open_, held, {}, START, expected=TypicalDurations(), policy=Policy(band=1e12, patience_seconds=1e12)
    )
    rows = {run.run_id: run for run in queue}
    in_line = [rows[wait.run_id] for wait in placed.waits if wait.reason == "capacity"]
    if not in_line:
        return
    first = min(in_line, key=standing)
    ahead = [d for d in placed.decisions if standing(rows[d.run_id]) < standing(first)]
    without = guaranteed(first, open_, held, ahead, rows)
    assert guaranteed(first, open_, held, list(placed.decisions), rows) <= without
    told = next(wait for wait in placed.waits if wait.run_id == first.run_id).at_most_seconds
    assert told == (without if without < float("inf") else None)


def standing(run: Waiting) -> tuple[int, object, str, str, str]:
    """Priority, age; ties of different lanes by team and pool, within a lane by id."""
    return -run.priority, run.submitted_at, run.team_id, run.accelerator_kind or "cpu", run.run_id


def guaranteed(
    run: Waiting, open_: list[MachineCapacity], held: list[Holding], placed: list[Decision], rows: dict[str, Waiting]
) -> float:
    """The earliest instant at which some machine holds the run if everything on it runs to its limit."""
    best = float("inf")
    for machine in open_:
        if machine.draining:
            continue
        kind = run.accelerator_kind
        cpu, memory = machine.free_vcpu, machine.free_memory_bytes
        count = len(machine.free_devices.get(kind or "", ()))
        ends: list[tuple[float, float, int, int]] = []
        for h in held:
            if h.machine == machine.name:
                end = float("inf") if h.max_end is None else max(0.0, (h.max_end - START).total_seconds())
                ends.append((end, h.vcpu, h.memory_bytes, len(h.devices) if h.accelerator_kind == kind else 0))
        for decision in placed:
            if decision.machine == machine.name:
                other = rows[decision.run_id]
                mine = other.accelerator_count if other.accelerator_kind == kind else 0
                cpu, memory, count = cpu - other.vcpu, memory - other.memory_bytes, count - mine
                limit = float("inf") if other.max_seconds is None else other.max_seconds
                ends.append((limit, other.vcpu, other.memory_bytes, mine))
        for end, c, m, n in [(0.0, 0.0, 0, 0), *sorted(ends)]:
            cpu, memory, count = cpu + c, memory + m, count + n
            if cpu + 1e-6 >= run.vcpu and memory >= run.memory_bytes and (not kind or count >= run.accelerator_count):
                best = min(best, end)
                break
    return best
