"""A month's spending limit holds for what is started at once and for what is extended, not only for one run after the other."""

from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, make_user
from factories.compute import load_plans, make_run
from studium.accounts.models import User
from studium.compute import actions
from studium.compute.estimates import estimate
from studium.compute.models import MachineType
from studium.compute.states import State
from studium.errors import NotYet
from studium.plans import actions as plans
from studium.plans.rules import PlanRules

pytestmark = pytest.mark.django_db
HOUR = 3600
DOLLAR = 1_000_000


@pytest.fixture
def user() -> User:
    """Somebody with ten dollars a month and machines at a dollar an hour."""
    load_plans("open")
    MachineType.objects.filter(pk="cpu-small").update(price_micros_hour=DOLLAR)
    rules = {"overdraft": {"spend_micros_month": 10 * DOLLAR}, "session_seconds": "6h"}
    plans.load_plan("ten", "Ten", "", PlanRules.model_validate(rules), now=NOW)
    found = make_user()
    plans.assign_plan(None, found.personal_team, "ten", now=NOW)
    return found


def test_runs_started_at_once_count_together(user: User) -> None:
    make_run(user, max_seconds=5 * HOUR)
    make_run(user, max_seconds=5 * HOUR)
    kind = MachineType.objects.get(pk="cpu-small")
    with pytest.raises(NotYet, match="limit is"):
        estimate(user, user.personal_team, kind, now=NOW, interactive=True, max_seconds=HOUR)
    with pytest.raises(NotYet) as caught:
        make_run(user, max_seconds=HOUR)
    assert caught.value.code == "plan.spend_limit"
    assert caught.value.facts["spent"] == 10 * DOLLAR


def test_what_a_run_did_not_use_is_free_again(user: User) -> None:
    world = World()
    run = make_run(user, max_seconds=6 * HOUR)
    world.until(run, State.RUNNING)
    world.now += timedelta(hours=1)
    world.engine.finish(run.pk)
    world.until(run, State.ENDED)
    make_run(user, max_seconds=6 * HOUR, now=world.now)
    with pytest.raises(NotYet):
        make_run(user, max_seconds=4 * HOUR, now=world.now)


def test_more_time_costs_too(user: User) -> None:
    world = World()
    run = make_run(user, max_seconds=4 * HOUR)
    make_run(user, max_seconds=5 * HOUR)
    world.until(run, State.RUNNING)
    actions.extend_run(user, run, now=world.now, seconds=HOUR)
    world.now += timedelta(hours=3)
    with pytest.raises(NotYet) as caught:
        actions.extend_run(user, run, now=world.now, seconds=HOUR)
    assert caught.value.code == "plan.spend_limit"
