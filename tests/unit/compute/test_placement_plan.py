"""Single passes with known answers: order, packing, reservations, reasons and what people are told."""

from datetime import timedelta

import pytest

from studium.compute.placement import Holding, Placement, Policy, TypicalDurations, Wait, Waiting, plan
from unit.compute.placement_simulator import START, gpu_row, machine, row

HOUR = 3600.0


def run_pass(
    queue: list[Waiting], machines: list[object], running: list[Holding] | None = None, **kw: object
) -> Placement:
    headroom = kw.pop("headroom", {})
    return plan(queue, machines, running or [], headroom, START, expected=TypicalDurations(), **kw)  # type: ignore[arg-type]


def started(placed: Placement) -> list[str]:
    return [decision.run_id for decision in placed.decisions]


def wait_of(placed: Placement, run_id: str) -> Wait:
    return next(wait for wait in placed.waits if wait.run_id == run_id)


def held(
    run_id: str, on: str, *devices: str, vcpu: float = 2.0, max_hours: float | None = 1, expected_hours: float = 0.5
) -> Holding:
    return Holding(
        run_id=run_id, team_id="z", machine=on, vcpu=vcpu, memory_bytes=1 << 30,
        accelerator_kind="P100" if devices else None, devices=devices,
        max_end=None if max_hours is None else START + timedelta(hours=max_hours),
        expected_end=START + timedelta(hours=expected_hours),
    )  # fmt: skip


def test_an_empty_queue_gives_an_empty_placement() -> None:
    assert run_pass([], [machine("m")]) == Placement(decisions=(), waits=())


def test_the_team_that_used_less_goes_first() -> None:
    heavy, light = row("h", "heavy", recent_use=40000.0), row("l", "light", recent_use=10.0)
    placed = run_pass([heavy, light], [machine("m", vcpu=1)])
    assert started(placed) == ["l"]
    assert wait_of(placed, "h").reason == "capacity"


def test_priority_decides_between_equal_teams_then_age() -> None:
    old = row("old", "a", submitted_at=START - timedelta(minutes=5))
    paid = row("paid", "b", priority=10)
    young = row("young", "c", submitted_at=START - timedelta(minutes=1))
    assert started(run_pass([young, old, paid], [machine("m")])) == ["paid", "old", "young"]


def test_a_run_that_waited_long_enough_beats_any_newcomer() -> None:
    old = row("old", "heavy", recent_use=1e9, submitted_at=START - timedelta(days=4))
    new = row("new", "light", priority=100)
    assert started(run_pass([new, old], [machine("m", vcpu=1)])) == ["old"]


def test_use_is_updated_within_the_pass() -> None:
    queue = [row(f"{team}{n}", team) for n in range(4) for team in "ab"]
    placed = run_pass(queue, [machine("m", vcpu=4)], policy=Policy(band=0.001))
    assert sorted(run[0] for run in started(placed)) == ["a", "a", "b", "b"]


def test_running_runs_count_as_use_to_come() -> None:
    busy = Holding(
        run_id="r", team_id="a", machine="m", vcpu=8, memory_bytes=1, max_end=START + timedelta(hours=9),
        expected_end=START + timedelta(hours=9),
    )  # fmt: skip
    placed = run_pass(
        [row("a1", "a", submitted_at=START - timedelta(minutes=1)), row("b1", "b")], [machine("m", vcpu=1)], [busy]
    )
    assert started(placed) == ["b1"]


def test_runs_without_accelerator_keep_off_machines_with_free_ones() -> None:
    placed = run_pass([row("c", vcpu=4.0)], [machine("a-gpu", devices=2), machine("b-cpu")])
    assert placed.decisions[0].machine == "b-cpu"
    placed = run_pass([row("c", vcpu=4.0)], [machine("a-gpu", devices=2), machine("b-cpu", vcpu=2)])
    assert placed.decisions[0].machine == "a-gpu"


def test_a_machine_with_as_few_free_devices_as_possible_is_taken() -> None:
    machines = [machine("a", devices=4), machine("b", devices=1), machine("c", devices=2)]
    placed = run_pass([gpu_row("one")], machines)
    assert placed.decisions[0].machine == "b"
    assert placed.decisions[0].devices == ("b/0",)
    assert run_pass([gpu_row("two", count=2)], machines).decisions[0].machine == "c"


def test_devices_of_one_run_are_on_one_machine() -> None:
    placed = run_pass([gpu_row("four", count=4)], [machine("a", devices=2), machine("b", devices=2)])
    assert placed.waits == (Wait("four", "impossible", "P100", 0, None, None),)


def test_real_devices_go_before_simulated_ones_and_simulated_is_said() -> None:
    simulated = machine("a", devices=1, simulated=True)
    assert not run_pass([gpu_row("g")], [simulated, machine("b", devices=4)]).decisions[0].simulated
    assert run_pass([gpu_row("g")], [simulated]).decisions[0].simulated


def test_a_draining_machine_takes_nothing_but_is_not_impossible() -> None:
    placed = run_pass([row("r")], [machine("m", draining=True)])
    assert placed.decisions == ()
    assert placed.waits == (Wait("r", "draining", "cpu", 1, None, None),)


def test_own_headroom_blocks_only_its_owner() -> None:
    need = {"team:a:sessions": 1.0}
    queue = [row("a1", needs=need), row("a2", needs=need), row("a3", needs=need), row("b1", "b")]
    placed = run_pass(queue, [machine("m")], headroom={"team:a:sessions": 1.0})
    assert sorted(started(placed)) == ["a1", "b1"]
    assert placed.waits == (
        Wait("a2", "headroom:team:a:sessions", "team:a:sessions", 1, None, None),
        Wait("a3", "headroom:team:a:sessions", "team:a:sessions", 2, None, None),
    )


def test_an_unnamed_bucket_is_empty() -> None:
    placed = run_pass([row("a1", needs={"team:a:gpu": 5.0})], [machine("m")])
    assert wait_of(placed, "a1").reason == "headroom:team:a:gpu"


def test_those_in_line_for_a_machine_count_against_headroom_for_places_only() -> None:
    need = {"s": 1.0}
    queue = [
        gpu_row("g1", needs=need),
        gpu_row("g2", needs=need, submitted_at=START + timedelta(seconds=1)),
        gpu_row("z1", "b", submitted_at=START + timedelta(seconds=2)),
    ]
    placed = run_pass(queue, [machine("m", devices=1)], [held("r", "m", "x")], headroom={"s": 1.0})
    free = run_pass(queue, [machine("m", devices=0)], [held("r", "m", "x")], headroom={"s": 1.0})
    assert started(placed) == ["g1"]
    assert wait_of(free, "g2").reason == "headroom:s"
    assert wait_of(free, "z1").place == 2


def test_backfill_never_takes_the_room_of_the_head() -> None:
    """The head wants both devices at the end of the hour: only what ends by then may use the free one."""
    machines = [machine("m", devices=1)]
    running = [held("r", "m", "m/9")]
    old = START - timedelta(minutes=50)
    queue = [
        gpu_row("head", count=2, submitted_at=old),
        gpu_row("long", "b", max_seconds=2 * HOUR),
        gpu_row("short", "c", max_seconds=0.9 * HOUR),
    ]
    placed = run_pass(queue, machines, running)
    assert started(placed) == ["short"]
    assert wait_of(placed, "head") == Wait("head", "capacity", "P100", 1, 1800.0, 3600.0)
    assert wait_of(placed, "long").place == 2


def test_what_is_left_beside_the_head_may_be_used_for_longer() -> None:
    machines = [machine("m", vcpu=6, devices=1)]
    queue = [
        gpu_row("head", count=2, submitted_at=START - timedelta(minutes=50)),
        row("cpu", "b", vcpu=4.0, max_seconds=9 * HOUR),
    ]
    placed = run_pass(queue, machines, [held("r", "m", "m/9")])
    assert started(placed) == ["cpu"]
    too_much = [queue[0], row("cpu", "b", vcpu=5.0, max_seconds=9 * HOUR)]
    assert started(run_pass(too_much, machines, [held("r", "m", "m/9")])) == []


def test_unlimited_runs_may_use_what_is_left_beside_the_head_too() -> None:
    head = gpu_row("head", count=2, submitted_at=START - timedelta(minutes=50))
    queue = [head, *(row(f"cpu{n}", "b", vcpu=1.0, max_seconds=None) for n in range(3))]
    placed = run_pass(queue, [machine("m", vcpu=4, devices=1)], [held("r", "m", "m/9")])
    assert started(placed) == ["cpu0", "cpu1"]


def test_places_and_starts_of_a_line_for_one_device() -> None:
    queue = [gpu_row(f"g{n}", f"t{n}", submitted_at=START - timedelta(seconds=9 - n)) for n in range(3)]
    placed = run_pass(queue, [machine("m", devices=0)], [held("r", "m", "m/0", max_hours=1, expected_hours=0.25)])
    assert placed.waits == (
        Wait("g0", "capacity", "P100", 1, 900.0, 3600.0),
        Wait("g1", "capacity", "P100", 2, 2700.0, 7200.0),
        Wait("g2", "capacity", "P100", 3, 4500.0, 10800.0),
    )


def test_the_line_is_in_the_order_in_which_it_will_be_served_not_in_that_of_arrival() -> None:
    """One team sent five runs before the other sent its one: by then the first has had its turn."""
    queue = [gpu_row(f"a{n}", "a", submitted_at=START - timedelta(seconds=60 - n)) for n in range(5)]
    placed = run_pass([*queue, gpu_row("b0", "b")], [machine("m", devices=0)], [held("r", "m", "m/0")])
    assert [wait.run_id for wait in placed.waits] == ["a0", "b0", "a1", "a2", "a3", "a4"]


def test_an_unlimited_run_ahead_makes_the_latest_start_unknowable() -> None:
    placed = run_pass([gpu_row("g")], [machine("m", devices=0)], [held("r", "m", "m/0", max_hours=None)])
    assert placed.waits == (Wait("g", "capacity", "P100", 1, 1800.0, None),)


def test_an_overdue_run_is_expected_to_end_soon_and_never_in_the_past() -> None:
    placed = run_pass([gpu_row("g")], [machine("m", devices=0)], [held("r", "m", "m/0", expected_hours=-2)])
    assert wait_of(placed, "g").expected_seconds == 60.0


def test_a_clock_that_went_back_harms_nothing() -> None:
    future = row("f", submitted_at=START + timedelta(hours=2))
    assert started(run_pass([future], [machine("m")])) == ["f"]


def test_a_lost_machine_is_ignored() -> None:
    assert started(run_pass([row("r")], [machine("m")], [held("x", "gone")])) == ["r"]


@pytest.mark.parametrize("known", [{}, {"cpu-small": 100.0}])
def test_typical_durations(known: dict[str, float]) -> None:
    guess = TypicalDurations(by_type=known)
    assert guess(row("r")) == (100.0 if known else 1800.0)
    assert TypicalDurations()(row("r", max_seconds=None)) == 4 * HOUR
