"""Schedules: due once whatever happens, right across changes of the clock, by their policies, and told of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from world import World

from factories.accounts import NOW, Cast
from studium.accounts.actions import set_active
from studium.community.models import Notification
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.states import Reason, State
from studium.errors import BadInput, NotFound, Refused
from studium.notebooks.models import Notebook, Schedule, Turn, Version
from studium.notebooks.schedules import actions, queries, reconcile
from studium.notebooks.schedules.actions import Wanted
from studium.notebooks.schedules.times import check_cron, upcoming
from studium.notebooks.states import TURN_MOVES, Missed, Notify, Overlap, TurnState
from studium.notebooks.versions import actions as version_actions
from studium.notebooks.versions import reconcile as versions
from studium.plans import actions as plans

pytestmark = pytest.mark.django_db
HOURLY = "0 * * * *"


def schedule(cast: Cast, notebook: Notebook, cron: str = HOURLY, **more: Any) -> Schedule:
    return actions.create_schedule(cast.owner, notebook, Wanted(cron=cron, machine="cpu-small", **more), now=NOW)


def passes(now: datetime) -> None:
    reconcile.note_due(now)
    reconcile.see_ended(now)
    reconcile.start_due(now)
    reconcile.tell(now)


def at(world: World, when: datetime) -> None:
    """The world and the passes of schedules at a later moment."""
    world.now = when
    world.work()
    versions.settle_ended(world.engines, world.now)
    passes(world.now)


def turns(made: Schedule) -> list[tuple[str, str]]:
    return [(f"{turn.due_at:%d %H:%M}", turn.state) for turn in queries.turns_of(made).order_by("due_at")]


def run_of(turn: Turn) -> Run:
    turn.refresh_from_db()
    assert turn.version is not None
    assert turn.version.run is not None
    return turn.version.run


def finish(world: World, turn: Turn, code: int = 0) -> None:
    run = world.until(run_of(turn), State.RUNNING)
    world.engine.finish(run.pk, code, Cause.EXIT)
    world.until(run, State.ENDED)
    versions.settle_ended(world.engines, world.now)
    passes(world.now)
    turn.refresh_from_db()


def hour(n: int) -> datetime:
    return NOW.replace(minute=0, second=0) + timedelta(hours=n)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # Clocks go forward: half past two does not exist and is made up for at three.
        ("30 2 * * *", "2026-03-28T12:00", ["29 01:00", "30 00:30"]),
        # Clocks go back: half past two comes twice and is taken once; what runs every half hour takes both.
        ("30 2 * * *", "2026-10-24T12:00", ["25 00:30", "26 01:30"]),
        ("*/30 * * * *", "2026-10-24T23:45", ["25 00:00", "25 00:30", "25 01:00", "25 01:30"]),
        ("0 9 * * 1-5", "2026-10-23T12:00", ["26 08:00"]),
    ],
)
def test_times_across_changes_of_the_clock(cron: str, after: str, expected: list[str]) -> None:
    now = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = upcoming(cron, "Europe/Berlin", now=now, count=len(expected))
    assert [f"{time:%d %H:%M}" for time in found] == expected


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "@daily", "0 0 * * * *", "x" * 200, "0 0 * * 9"]
)
def test_what_is_no_cron_text_is_refused(cron: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_cron(cron, "UTC", now=NOW)
    assert caught.value.code == "schedule.cron"


def test_bad_schedules_are_refused_and_nothing_is_made(cast: Cast, notebook: Notebook) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"cron": "* * * * *"}, "schedule.too_often"),
        ({"cron": HOURLY, "zone": "Mars/Olympus"}, "schedule.zone"),
        ({"cron": HOURLY, "retries": 6}, "schedule.retries"),
        ({"cron": HOURLY, "keep_last": 0}, "schedule.keep_last"),
        ({"cron": HOURLY, "machine": "none"}, "machine.unknown"),
    ]
    for fields, code in bad:
        with pytest.raises(BadInput) as caught:
            actions.create_schedule(cast.owner, notebook, Wanted(**fields), now=NOW)
        assert caught.value.code == code
    plans.assign_plan(None, cast.team, "kaggle", now=NOW)
    with pytest.raises(Refused):
        schedule(cast, notebook)
    plans.assign_plan(None, cast.team, "open", now=NOW)
    for _ in range(actions.MOST_OF_A_NOTEBOOK):
        schedule(cast, notebook)
    with pytest.raises(BadInput):
        schedule(cast, notebook)
    with pytest.raises(NotFound):
        queries.schedule_of(notebook, "nowhere")


def test_a_time_is_run_once_as_its_maker_and_ends_well(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook, notify=Notify.ALWAYS)
    assert queries.next_times(made, now=NOW) == [hour(n) for n in range(1, 6)]
    at(world, hour(1) - timedelta(seconds=1))
    assert turns(made) == []
    at(world, hour(1))
    at(world, hour(1) + timedelta(seconds=5))
    turn = made.turns.get()
    assert (turn.state, Version.objects.count(), run_of(turn).user) == (TurnState.RUNNING, 1, cast.owner)
    finish(world, turn)
    assert (turn.state, turns(made)) == (TurnState.DONE, [(f"{hour(1):%d %H:%M}", "done")])
    assert [m.subject for m in mail.outbox] == ["A notebook: scheduled run finished"]
    passes(world.now)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("missed", "expected"), [(Missed.SKIP, []), (Missed.ONCE, [5]), (Missed.ALL, [1, 2, 3, 4, 5])])
def test_times_missed_while_the_platform_was_down(
    cast: Cast, notebook: Notebook, missed: Missed, expected: list[int]
) -> None:
    made = schedule(cast, notebook, missed=missed, overlap=Overlap.WAIT)
    reconcile.note_due(hour(5) + timedelta(minutes=30))
    assert [turn.due_at for turn in made.turns.order_by("due_at")] == [hour(n) for n in expected]
    made.refresh_from_db()
    assert made.next_at == hour(6)


def test_being_a_little_late_is_not_missing(cast: Cast, notebook: Notebook) -> None:
    made = schedule(cast, notebook, missed=Missed.SKIP)
    reconcile.note_due(hour(1) + timedelta(minutes=4))
    assert [turn.due_at for turn in made.turns.all()] == [hour(1)]


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_time_that_comes_while_the_one_before_is_run(
    cast: Cast, notebook: Notebook, world: World, overlap: Overlap
) -> None:
    made = schedule(cast, notebook, overlap=overlap)
    at(world, hour(1))
    first = made.turns.get()
    world.until(run_of(first), State.RUNNING)
    for step in range(20):
        at(world, hour(2) + timedelta(seconds=step))
    second = made.turns.get(due_at=hour(2))
    states = {
        Overlap.SKIP: (TurnState.RUNNING, TurnState.SKIPPED),
        Overlap.WAIT: (TurnState.RUNNING, TurnState.DUE),
        Overlap.REPLACE: (TurnState.FAILED, TurnState.RUNNING),
    }
    first.refresh_from_db()
    assert (first.state, second.state) == states[overlap]
    if overlap == Overlap.WAIT:
        finish(world, first)
        second.refresh_from_db()
        assert second.state == TurnState.RUNNING
    if overlap == Overlap.REPLACE:
        assert run_of(first).reason == Reason.CANCELLED


def test_failures_are_tried_again_later_and_later_and_then_told(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook, retries=1)
    at(world, hour(1))
    turn = made.turns.get()
    finish(world, turn, code=1)
    assert (turn.state, turn.tries, mail.outbox) == (TurnState.DUE, 1, [])
    assert turn.try_at == world.now + timedelta(minutes=1)
    at(world, turn.try_at)
    finish(world, turn, code=1)
    assert (turn.state, turn.tries, Version.objects.count()) == (TurnState.FAILED, 2, 2)
    assert ["failed" in m.subject and "versions/2/" in str(m.body) for m in mail.outbox] == [True]
    [told] = Notification.objects.filter(user=cast.owner)
    assert (told.kind, told.path.endswith("/versions/2/"), told.read_at) == ("run_failed", True, None)
    why = "The command ended with exit code 1."
    assert (turn.message, told.words, why in str(mail.outbox[0].body)) == (why, why, True)


def test_a_refusal_of_the_plan_is_told_with_its_reason(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook)
    plans.assign_plan(None, cast.team, "kaggle", now=NOW)
    at(world, hour(1))
    turn = made.turns.get()
    assert turn.state == TurnState.FAILED
    assert "does not include cpu-small" in turn.message
    assert "does not include cpu-small" in str(mail.outbox[0].body)


def test_who_may_no_longer_run_it_pauses_it(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook)
    set_active(cast.operator, cast.owner, False, now=NOW)
    at(world, hour(1))
    made.refresh_from_db()
    assert (made.paused, made.next_at, "may no longer" in made.trouble) == (True, None, True)
    assert turns(made) == [(f"{hour(1):%d %H:%M}", "failed")]
    assert not Version.objects.exists()


def test_pausing_misses_nothing_and_removing_ends_it(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook, missed=Missed.ALL)
    actions.pause(cast.owner, made, paused=True, now=NOW)
    at(world, hour(4))
    assert (turns(made), queries.next_times(made, now=world.now)) == ([], [])
    actions.pause(cast.teammate, made, paused=False, now=hour(4) + timedelta(minutes=1))
    at(world, hour(4) + timedelta(minutes=2))
    assert turns(made) == []
    assert made.created_by == cast.teammate
    actions.change_schedule(cast.teammate, made, Wanted(cron="30 * * * *", machine="cpu-small"), now=world.now)
    made.refresh_from_db()
    assert (made.next_at, made.created_by) == (hour(4) + timedelta(minutes=30), cast.teammate)
    actions.delete_schedule(cast.owner, made, now=world.now)
    at(world, hour(5))
    assert turns(made) == []


def test_only_the_last_ones_are_kept_and_pinned_ones_stay(cast: Cast, notebook: Notebook, world: World) -> None:
    made = schedule(cast, notebook, keep_last=1)
    for n in (1, 2, 3):
        at(world, hour(n))
        finish(world, made.turns.get(due_at=hour(n)))
        versions.clean_volumes(world.engines, world.now)
    by_hand = version_actions.save_quick(cast.owner, notebook, now=world.now)
    version_actions.update_version(cast.owner, Version.objects.get(number=1), now=world.now, pinned=True)
    assert reconcile.keep_last(world.now) == 1
    assert reconcile.keep_last(world.now) == 0
    assert sorted(Version.objects.values_list("number", flat=True)) == [1, 3, by_hand.number]
    assert [state for _, state in turns(made)] == ["done", "done", "done"]


def test_two_controllers_and_crashes_run_a_time_once(
    cast: Cast, notebook: Notebook, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = schedule(cast, notebook)

    class Killed(BaseException):
        """As `kill -9` between two lines."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Turn.objects, "get_or_create", dies)
        with pytest.raises(Killed):
            reconcile.note_due(hour(1))
    made.refresh_from_db()
    assert made.next_at == hour(1), "noting and moving on are one"
    stale = Schedule.objects.select_related("notebook").get(pk=made.pk)
    assert reconcile.note_due(hour(1)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "upcoming", upcoming)
        assert not Schedule.objects.filter(pk=stale.pk, next_at=stale.next_at).exists()
    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_move", dies)
        with pytest.raises(Killed):
            reconcile.start_due(hour(1))
    assert not Version.objects.exists(), "a version and the turn that it is for come together"
    turn = made.turns.select_related("schedule__notebook__team", "schedule__created_by").get()
    assert reconcile._start(turn, hour(1))
    again = made.turns.select_related("schedule__notebook__team", "schedule__created_by").get()
    again.state, again.tries = TurnState.DUE, 0  # what a second controller had read before
    assert not reconcile._start(again, hour(1))
    assert (Version.objects.count(), Run.objects.count()) == (1, 1)


@pytest.mark.parametrize("state", list(TurnState))
@pytest.mark.parametrize("to", list(TurnState))
def test_every_pair_of_states(cast: Cast, notebook: Notebook, state: TurnState, to: TurnState) -> None:
    made = schedule(cast, notebook)
    turn = Turn.objects.create(schedule=made, due_at=NOW, try_at=NOW, state=state)
    if to not in TURN_MOVES[state]:
        with pytest.raises(AssertionError):
            reconcile._move(turn, to, now=NOW)
        return
    assert reconcile._move(turn, to, now=NOW)
    assert not reconcile._move(turn, to, now=NOW), "a second controller finds it moved"
    turn.refresh_from_db()
    assert turn.state == to


def test_a_mail_that_cannot_be_sent_is_sent_later(
    cast: Cast, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = schedule(cast, notebook)
    Turn.objects.create(schedule=made, due_at=NOW, try_at=NOW, ended_at=NOW, state=TurnState.FAILED, message="why")

    def refuses(*_: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "send_mail", refuses)
        assert reconcile.tell(NOW) == 0
    assert reconcile.tell(NOW) == 1
    assert reconcile.tell(NOW) == 0
    assert "why" in str(mail.outbox[0].body)
