"""The queue over time, in the simulator: no starvation, fair shares, promises kept."""

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from studium.compute.placement import Policy
from unit.compute.placement_simulator import START, Job, Simulator, gpu_row, machine, row

HOUR = 3600.0


def job(number: int, team: str, at: float, takes: float, *, count: int = 1, limit: float | None = None) -> Job:
    given_row = gpu_row(
        f"{team}{number:05}", team, count, max_seconds=limit or takes, submitted_at=START + timedelta(seconds=at)
    )
    return Job(given_row, at, takes)


def test_a_big_run_of_a_heavy_team_is_not_starved_by_an_endless_stream_of_small_ones() -> None:
    """Each newcomer is a team of its own that never used anything; the big run needs every device at once.

    The stream alone is a little more than the machine can serve, so there is always a small run that would fit.
    """
    patience = 6 * HOUR
    stream = [job(n, f"new{n}-", at=n * 420.0, takes=HOUR / 2, limit=HOUR) for n in range(220)]
    big = job(0, "heavy", at=HOUR, takes=HOUR, count=4)
    sim = Simulator([machine("m", devices=4)], policy=Policy(patience_seconds=patience))
    sim.use["heavy"] = 1e7
    sim.run([big, *stream], until=25 * HOUR)
    assert big.started is not None
    assert big.started - big.arrives <= patience + 2 * HOUR
    assert big.started - big.arrives > HOUR, "the stream must have been strong enough to matter"


def test_two_teams_with_equal_demand_get_equal_shares() -> None:
    chance = random.Random(7)
    jobs = [job(n, team, at=0.0, takes=chance.uniform(600, 3000), limit=HOUR) for n in range(400) for team in "ab"]
    sim = Simulator([machine("m", vcpu=16, devices=4)])
    sim.run(jobs, until=24 * HOUR)
    used = {team: sum(j.takes for j in sim.done if j.row.team_id == team) for team in "ab"}
    assert abs(used["a"] - used["b"]) / (used["a"] + used["b"]) < 0.02


def test_a_flood_of_one_team_does_not_push_another_aside() -> None:
    flood = [job(n, "flood", at=0.0, takes=HOUR) for n in range(300)]
    light = [job(n, "light", at=4 * HOUR + n * 4 * HOUR, takes=HOUR) for n in range(4)]
    sim = Simulator([machine("m", devices=2)])
    sim.run([*flood, *light], until=24 * HOUR)
    waits = [j.started - j.arrives for j in light if j.started is not None]
    assert len(waits) == 4
    assert max(waits) <= HOUR


def test_equal_runs_of_one_team_start_in_the_order_they_were_sent() -> None:
    jobs = [job(n, "a", at=float(n), takes=100.0) for n in range(30)]
    Simulator([machine("m", devices=2)]).run(jobs)
    starts = [j.started for j in jobs]
    assert starts == sorted(starts, key=lambda at: at or 0.0)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((0, 1, 1, 2)),
            st.sampled_from((0.5, 1.0, 3.0)),
            st.sampled_from((600.0, 1800.0, 3600.0)),
            st.floats(0.01, 1.0),
        ),
        min_size=1,
        max_size=14,
    ),
    st.sampled_from(((1, 3.0), (2, 4.0), (3, 6.5))),
)
def test_nobody_starts_later_than_they_were_told(
    wanted: list[tuple[int, float, float, float]], size: tuple[int, float]
) -> None:
    """Everybody is in the queue from the start and nobody is charged, so the order stays what it was."""
    jobs = []
    for number, (count, vcpu, limit, share) in enumerate(wanted):
        since = START - timedelta(seconds=100 - number)
        if count:
            given_row = gpu_row(f"r{number:02}", count=count, vcpu=vcpu, max_seconds=limit, submitted_at=since)
        else:
            given_row = row(f"r{number:02}", vcpu=vcpu, max_seconds=limit, submitted_at=since)
        jobs.append(Job(given_row, 0.0, limit * share))
    devices, vcpu = size
    machines = [machine("m", vcpu=vcpu, devices=devices), machine("n", vcpu=vcpu, devices=2)]
    Simulator(machines, charge=False, policy=Policy(band=1e12)).run(jobs)
    for done in jobs:
        assert done.started is not None
        for said_at, latest in done.promises:
            assert done.started <= latest + 1e-6, f"{done.row.run_id}: told at {said_at}"


def test_what_is_expected_is_close_when_runs_take_what_they_usually_take() -> None:
    jobs = [job(n, f"t{n}", at=0.0, takes=HOUR / 2, limit=HOUR) for n in range(20)]
    told: dict[str, float] = {}

    def note(placed: object, at: float) -> None:
        for wait in placed.waits:  # type: ignore[attr-defined]
            if at == 0.0 and wait.expected_seconds is not None:
                told[wait.run_id] = wait.expected_seconds

    Simulator([machine("m", devices=2, vcpu=4)], watch=note).run(jobs)
    assert len(told) == 18
    assert all(j.started == told[j.row.run_id] for j in jobs if j.row.run_id in told)
