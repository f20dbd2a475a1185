"""`kill -9` of the controller at every state change: before the write, after it, and before and after each engine call.

A death is a BaseException thrown at that point: nothing catches it, open transactions roll back, and everything that
the process knew is gone. A new controller then goes on with what is in the rows and with the engine.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from world import World, machine

from factories.accounts import make_user
from factories.compute import load_plans, make_run
from studium.compute import actions, transitions
from studium.compute.models import Allocation, Run
from studium.compute.reconcile import ending, place, start, stop, watch
from studium.compute.states import Reason, State
from studium.events.models import Event
from studium.plans.models import Claim, LedgerEntry

pytestmark = pytest.mark.django_db(transaction=True)
MOVES = [State.ASSIGNED, State.STARTING, State.RUNNING, State.STOPPING, State.ENDED]


class Killed(BaseException):
    """The process is gone."""


def die_once(call: Callable[..., Any], when: Callable[..., bool], *, after: bool) -> Callable[..., Any]:
    """`call`, but the first time `when` its arguments say so, dying before or after it."""
    left = [True]

    def dying(*args: Any, **kwargs: Any) -> Any:
        strikes = left[0] and when(*args, **kwargs)
        if strikes:
            left[0] = False
            if not after:
                raise Killed
        result = call(*args, **kwargs)
        if strikes:
            raise Killed
        return result

    return dying


def work_and_survive(world: World) -> int:
    """One round; a death ends it and the leases of the dead run out. Returns how many deaths there were."""
    try:
        world.work(holder=f"controller at {world.now}")
    except Killed:
        world.now += timedelta(seconds=35)
        return 1
    return 0


def live_through(world: World, run: Run) -> int:
    """To running, a while of running, a stop, to the end; returns how often the controller died."""
    deaths = 0
    asked = False
    for _ in range(300):
        deaths += work_and_survive(world)
        world.now += timedelta(seconds=1)
        run.refresh_from_db()
        state = State(run.state)
        if (
            state == State.RUNNING
            and not asked
            and run.running_at
            and world.now - run.running_at > timedelta(seconds=60)
        ):
            try:
                actions.stop_run(run.user, run, now=world.now)
            except Killed:
                deaths += 1
                continue
            asked = True
        if state == State.ENDED and run.reclaimed_at:
            return deaths
    raise AssertionError(f"{run} did not come to its end")


def check_books(run: Run, world: World) -> None:
    """Started once, ended once with its reason, charged exactly its running time, nothing held."""
    assert world.engine.starts == [run.pk]
    assert run.reason == Reason.CANCELLED
    assert run.running_at is not None
    assert run.ended_at is not None
    wall = int((run.ended_at - run.running_at).total_seconds())
    entries = list(LedgerEntry.objects.order_by("first_second"))
    assert sum(e.seconds for e in entries) == wall > 50
    assert [e.first_second for e in entries[1:]] == [e.first_second + e.seconds for e in entries[:-1]], (
        "no gap, no overlap"
    )
    assert not Allocation.objects.exists()
    assert not Claim.objects.filter(released_at=None).exists()
    kinds = list(Event.objects.filter(subject_id=run.pk, kind__startswith="run.").values_list("kind", flat=True))
    assert len(kinds) == len(set(kinds)), f"each state change has one event: {kinds}"


@pytest.fixture
def run() -> Run:
    load_plans("open", "kaggle")
    return make_run(make_user(), machine_type="p100")


@pytest.fixture
def world(run: Run) -> World:
    return World(machines=[machine(P100=1)])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("target", MOVES)
def test_dead_at_a_state_change(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, target: State, after: bool
) -> None:
    dying = die_once(transitions.move, lambda _run, to, **_: to == target, after=after)
    for module in (transitions, place, start, watch, actions):
        monkeypatch.setattr(module, "move", dying)
    assert live_through(world, run) == 1
    check_books(run, world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "method", ["start", "poll", "stop", "read_log", "read_series", "reclaim", "endpoint", "inventory"]
)
def test_dead_at_an_engine_call(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, method: str, after: bool
) -> None:
    monkeypatch.setattr(
        world.engine, method, die_once(getattr(world.engine, method), lambda *_, **__: True, after=after)
    )
    assert live_through(world, run) == 1
    check_books(run, world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["take_claim", "begin_charging", "charge", "settle"])
def test_dead_at_a_step_of_the_ledger(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, call: str, after: bool
) -> None:
    from studium.plans import actions as plans

    monkeypatch.setattr(plans, call, die_once(getattr(plans, call), lambda *_, **__: True, after=after))
    assert live_through(world, run) == 1
    check_books(run, world)


def test_the_queue_keeps_its_order(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    later = [
        make_run(make_user(), machine_type="p100", now=world.now + timedelta(seconds=10 * (i + 1))) for i in range(3)
    ]
    dying = die_once(transitions.move, lambda _run, to, **_: to == State.ASSIGNED, after=False)
    monkeypatch.setattr(place, "move", dying)
    world.now += timedelta(seconds=60)
    for _ in range(120):
        work_and_survive(world)
        world.now += timedelta(seconds=5)
        for live in Run.objects.filter(state=State.RUNNING):
            world.engine.finish(live.pk)
    assert world.engine.starts == [r.pk for r in (run, *later)]


def test_every_way_to_die_was_tried() -> None:
    """The modules that can move a run are the ones these tests kill in."""
    users = {m.__name__ for m in (place, start, stop, watch, ending, actions, transitions) if hasattr(m, "move")}
    names = ("reconcile.place", "reconcile.start", "reconcile.watch", "actions", "transitions")
    assert users == {f"studium.compute.{name}" for name in names}
