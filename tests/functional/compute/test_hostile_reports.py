"""What a run reports of itself is anything: no report may keep it from being watched, limited, charged and ended."""

import json
from typing import Any

import pytest
from world import World, machine

from factories.accounts import make_user
from factories.compute import load_plans, make_run
from studium.accounts.models import User
from studium.compute.engines.base import Cause
from studium.compute.models import Allocation
from studium.compute.states import Reason, State
from studium.plans import actions as plan_actions

pytestmark = pytest.mark.django_db
DEEP: Any = json.loads("[" * 600 + "]" * 600)
HOSTILE: list[dict[str, Any]] = [
    {"cell": float("inf"), "of": 3},
    {"cell": 1, "note": float("nan")},
    {"note": "\ud800"},
    {"\udfff": 1},
    {"note": "a\0b"},
    {"cell": 10**400, "of": 10**401},
    {"deep": DEEP},
    {"error": {"cell": 2, "name": "\ud800Error", "message": "bad \udfff\0 end"}},
    {"error": {"cell": {"a": []}, "name": ["x"], "message": 1e400}},
    {"error": {"cell": 10**400, "name": None}},
]


@pytest.fixture
def user() -> User:
    load_plans("open", "kaggle")
    found = make_user()
    plan_actions.assign_plan(None, found.personal_team, "kaggle", now=found.personal_team.created_at)
    return found


@pytest.fixture
def world(user: User) -> World:
    return World(machines=[machine(P100=1)])


@pytest.mark.parametrize("report", HOSTILE, ids=range(len(HOSTILE)))
def test_a_run_is_watched_whatever_it_reports(world: World, user: User, report: dict[str, Any]) -> None:
    run = make_run(user, machine_type="p100")
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, progress=report)
    world.tick(5)
    run.refresh_from_db()
    assert (run.failures, run.progress is not None) == (0, True)
    world.tick(21 * 60, step=60)
    run.refresh_from_db()
    assert (run.state, run.stop_reason) == (State.ENDED, Reason.IDLE)


@pytest.mark.parametrize("report", HOSTILE, ids=range(len(HOSTILE)))
def test_a_run_that_ended_gives_its_device_back_whatever_it_reported(
    world: World, user: User, report: dict[str, Any]
) -> None:
    run = make_run(user, machine_type="p100")
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, progress=report)
    world.engine.finish(run.pk, 1, cause=Cause.EXIT, message="said \ud800 and \0")
    world.until(run, State.ENDED, seconds=5)
    assert run.reason == Reason.FAILED
    assert not Allocation.objects.exists()


def test_a_message_of_the_engine_can_be_stored(world: World, user: User) -> None:
    run = make_run(user, machine_type="p100")
    world.until(run, State.RUNNING)
    world.engine.finish(run.pk, 1, cause=Cause.COULD_NOT_START, message="bwrap: \ud800 \0 " + "x" * 5000)
    world.until(run, State.ENDED, seconds=5)
    assert run.message.startswith("bwrap: ")
    assert len(run.message) <= 500
    assert "\0" not in run.message
