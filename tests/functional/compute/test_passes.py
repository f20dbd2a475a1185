"""The controller's passes over a fake engine: the normal way, bad days, two at once, and every limit by the clock."""

from datetime import timedelta

import pytest
from world import World, machine

from factories.accounts import make_team, make_user
from factories.compute import load_plans, make_run
from studium.accounts import actions as accounts
from studium.accounts.models import Team, User
from studium.compute import actions
from studium.compute.engines.base import Activity, Cause
from studium.compute.models import Accelerator, Allocation, Run
from studium.compute.reconcile import leases, machines, place, start, watch
from studium.compute.states import Reason, State
from studium.compute.transitions import move
from studium.errors import NotYet, Refused
from studium.events.models import Event
from studium.operations import backup
from studium.plans import actions as plan_actions
from studium.plans.models import Claim, LedgerEntry

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def user() -> User:
    load_plans("open", "kaggle", "gradient")
    return make_user()


@pytest.fixture
def world(user: User) -> World:
    return World(machines=[machine(P100=1)])


def on_plan(user: User, plan: str) -> Team:
    plan_actions.assign_plan(None, user.personal_team, plan, now=user.personal_team.created_at)
    return user.personal_team


def test_the_normal_way(world: World, user: User) -> None:
    run = make_run(user)
    world.until(run, State.RUNNING)
    assert world.engine.starts == [run.pk]
    world.tick(100)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    assert (run.reason, run.exit_code, run.machine_id) == (Reason.FINISHED, 0, "fake")
    kinds = list(Event.objects.filter(subject_id=run.pk).order_by("id").values_list("kind", flat=True))
    assert kinds == ["run.queued", "run.assigned", "run.starting", "run.running", "run.ended"]
    assert run.reclaimed_at is not None


def test_charged_only_while_running(world: World, user: User) -> None:
    on_plan(user, "kaggle")
    first = make_run(user, machine_type="p100")
    second = make_run(user, machine_type="p100", now=world.now + timedelta(seconds=1))
    world.until(first, State.RUNNING)
    world.tick(100)
    assert State(Run.objects.get(pk=second.pk).state) == State.QUEUED
    assert not Claim.objects.filter(holder=second.pk).exists()
    world.engine.finish(first.pk)
    world.until(first, State.ENDED)
    total = sum(LedgerEntry.objects.values_list("seconds", flat=True))
    assert total == int((first.ended_at - first.running_at).total_seconds()) > 90
    world.until(second, State.RUNNING)


def test_the_queue_says_place_and_expected_start(world: World, user: User) -> None:
    runs = [make_run(make_user(), machine_type="p100") for _ in range(3)]
    world.tick(3)
    waits = [Run.objects.get(pk=run.pk).wait for run in runs]
    assert sorted(wait["place"] for wait in waits if wait) == [1, 2]
    assert all(wait["expected_at"] <= wait["at_most_at"] for wait in waits if wait)
    assert Allocation.objects.count() == 1


@pytest.mark.parametrize("kind", ["session", "quota", "idle"])
def test_each_end_is_warned_of_at_five_minutes_and_one(world: World, user: User, kind: str) -> None:
    on_plan(user, "kaggle")
    run = make_run(user, machine_type="kaggle-cpu" if kind != "quota" else "p100")
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, activity=Activity(busy=kind != "idle", what="a kernel is busy"))
    if kind == "quota":
        used_up_elsewhere(user, 30 * HOUR - 2 * HOUR, world)
    lasts = {"session": 9 * HOUR, "quota": 2 * HOUR + 5, "idle": 20 * 60}[kind]
    world.tick(lasts - 600, step=120)
    world.tick(630, step=15)
    run.refresh_from_db()
    assert run.reason == {"session": Reason.TIME_LIMIT, "quota": Reason.QUOTA, "idle": Reason.IDLE}[kind]
    warnings = [e.data["kind"] for e in Event.objects.filter(subject_id=run.pk, kind="run.warning")]
    assert warnings.count({"session": "time", "quota": "quota", "idle": "idle"}[kind]) == 2


def used_up_elsewhere(user: User, seconds: int, world: World) -> None:
    """Another finished run of the team used so much of the week."""
    plan_actions.take_claim(
        "elsewhere", user.personal_team, user_id=None, machine_type="p100", resource="gpu", kind="P100", devices=100,
        price_micros_hour=0, hold_seconds=0, now=world.now,
    )  # fmt: skip
    began = world.now - timedelta(seconds=seconds / 100)
    plan_actions.begin_charging("elsewhere", since=began)
    plan_actions.settle("elsewhere", until=world.now, now=world.now)


def test_nine_hours_on_kaggle_and_six_on_gradient_free(user: User) -> None:
    world = World(machines=[machine(vcpu=16, P100=1, M4000=1)])
    other = make_user()
    on_plan(user, "kaggle")
    on_plan(other, "gradient-free")
    nine, six = make_run(user, machine_type="p100"), make_run(other, machine_type="free-gpu")
    for run in (nine, six):
        world.until(run, State.RUNNING)
        world.engine.observe(run.pk, activity=Activity(busy=True, what="a kernel is busy"))
    world.tick(9 * HOUR + 60, step=120)
    for run, hours in ((nine, 9), (six, 6)):
        run.refresh_from_db()
        assert run.reason == Reason.TIME_LIMIT
        assert hours * HOUR <= (run.ended_at - run.running_at).total_seconds() <= hours * HOUR + 120


def test_a_silent_busy_cell_outlives_twenty_idle_minutes(world: World, user: User) -> None:
    on_plan(user, "kaggle")
    run = make_run(user, machine_type="kaggle-cpu")
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, activity=Activity(busy=True, what="a kernel is busy"))
    world.tick(2 * HOUR, step=120)
    assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING
    world.engine.observe(run.pk, activity=Activity(busy=False))
    world.tick(20 * 60 + 40, step=10)
    run.refresh_from_db()
    assert run.reason == Reason.IDLE
    assert "20 minutes" in run.message


def test_a_cell_that_was_run_moves_the_idle_clock(world: World, user: User) -> None:
    on_plan(user, "kaggle")
    run = make_run(user, machine_type="kaggle-cpu")
    world.until(run, State.RUNNING)
    world.tick(19 * 60, step=10)
    actions.note_activity(run.pk, now=world.now)
    world.tick(19 * 60, step=10)
    assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING


def test_thirty_hours_a_week_are_enforced_while_running(world: World, user: User) -> None:
    on_plan(user, "kaggle")
    used_up_elsewhere(user, 30 * HOUR - 600, world)
    run = make_run(user, machine_type="p100")
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, activity=Activity(busy=True))
    world.tick(700, step=5)
    run.refresh_from_db()
    assert run.reason == Reason.QUOTA
    assert abs((run.ended_at - run.running_at).total_seconds() - 600) <= 15
    with pytest.raises(NotYet) as caught:
        make_run(user, machine_type="p100", now=world.now)
    assert caught.value.code == "plan.allowance_used"
    assert "30 h" in caught.value.message
    make_run(user, machine_type="kaggle-cpu", now=world.now)


def test_two_runs_share_what_is_left(user: User) -> None:
    world = World(machines=[machine(P100=2)])
    on_plan(user, "kaggle")
    used_up_elsewhere(user, 29 * HOUR, world)
    runs = [make_run(user, machine_type="p100") for _ in range(2)]
    world.tick(3)
    for run in Run.objects.filter(state=State.RUNNING):
        world.engine.observe(run.pk, activity=Activity(busy=True))
    world.tick(HOUR + 600, step=30)
    spent = sum(LedgerEntry.objects.filter(claim__holder__in=[r.pk for r in runs]).values_list("seconds", flat=True))
    assert spent <= HOUR + 60, "the last hour is not spent twice"


def test_one_running_notebook_on_gradient_free(user: User) -> None:
    world = World(machines=[machine(M4000=2)])
    on_plan(user, "gradient-free")
    first, second = (make_run(user, machine_type="free-gpu", now=world.now + timedelta(seconds=i)) for i in range(2))
    world.until(first, State.RUNNING)
    world.tick(10)
    second.refresh_from_db()
    assert State(second.state) == State.QUEUED
    assert second.wait["reason"].startswith("headroom:")
    world.engine.finish(first.pk)
    world.until(second, State.RUNNING)


def test_a_machine_outside_the_plan_is_refused_with_the_rule(world: World, user: User) -> None:
    on_plan(user, "gradient-free")
    with pytest.raises(Refused) as caught:
        make_run(user, machine_type="p100")
    assert caught.value.code == "plan.machine_not_allowed"


def test_extending(world: World, user: User) -> None:
    run = make_run(user, max_seconds=600)
    with pytest.raises(NotYet):
        actions.extend_run(user, run, now=world.now)
    world.until(run, State.RUNNING)
    world.engine.observe(run.pk, activity=Activity(busy=True))
    world.tick(500)
    run.refresh_from_db()
    actions.extend_run(user, run, now=world.now)
    world.tick(1000, step=20)
    assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING


@pytest.mark.parametrize("state", [State.QUEUED, State.ASSIGNED, State.STARTING, State.RUNNING, State.STOPPING])
def test_stopping_from_every_state(world: World, user: User, state: State) -> None:
    run = make_run(user)
    world.engine.slow_start(30)
    if state == State.ASSIGNED:
        place.run_pass("c", world.now)
    elif state == State.STARTING:
        place.run_pass("c", world.now)
        start.run_pass(world.engines, world.now)
    elif state != State.QUEUED:
        world.engine.heal()
        world.until(run, State.RUNNING)
    run.refresh_from_db()
    actions.stop_run(user, run, now=world.now)
    if state == State.STOPPING:
        actions.stop_run(user, run, now=world.now)
    world.until(run, State.ENDED)
    assert run.reason == Reason.CANCELLED
    assert user.username in run.message
    assert not Allocation.objects.filter(run=run).exists()
    assert not Claim.objects.filter(holder=run.pk, released_at=None).exists()


def test_a_stop_that_is_ignored_is_forced(world: World, user: User) -> None:
    run = make_run(user)
    world.until(run, State.RUNNING)
    world.engine.stop_ignored(run.pk)
    actions.stop_run(user, run, now=world.now)
    world.tick(25)
    assert State(Run.objects.get(pk=run.pk).state) == State.STOPPING
    world.engine.heal()
    world.until(run, State.ENDED)


@pytest.mark.parametrize(
    ("cause", "code", "reason"),
    [
        (Cause.EXIT, 0, Reason.FINISHED),
        (Cause.EXIT, 1, Reason.FAILED),
        (Cause.OUT_OF_MEMORY, 137, Reason.OUT_OF_MEMORY),
        (Cause.DISK_FULL, 1, Reason.DISK_FULL),
        (Cause.COULD_NOT_START, None, Reason.COULD_NOT_START),
        (Cause.VANISHED, None, Reason.LOST),
        (Cause.STOPPED, None, Reason.CANCELLED),
    ],
)
def test_every_cause_becomes_a_reason_in_words(
    world: World, user: User, cause: Cause, code: int | None, reason: Reason
) -> None:
    run = make_run(user)
    world.until(run, State.RUNNING)
    world.engine.finish(run.pk, code, cause)
    world.until(run, State.ENDED)
    assert run.reason == reason
    assert run.message


def test_a_run_that_ends_before_it_was_seen_running_is_charged(world: World, user: User) -> None:
    run = make_run(user)
    place.run_pass("c", world.now)
    start.run_pass(world.engines, world.now)
    world.now += timedelta(seconds=7)
    world.engine.finish(run.pk, 0)
    world.work()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.ENDED, Reason.FINISHED)
    assert LedgerEntry.objects.get(claim__holder=run.pk).seconds == 7


class TestBadDays:
    def test_a_refused_start_ends_with_the_engines_words(self, world: World, user: User) -> None:
        run = make_run(user)
        world.engine.start_fails()
        world.until(run, State.ENDED)
        assert run.reason == Reason.COULD_NOT_START
        assert "told to fail" in run.message

    def test_a_lost_answer_does_not_lose_the_run(self, world: World, user: User) -> None:
        run = make_run(user)
        world.engine.start_lies()
        world.until(run, State.RUNNING)
        assert world.engine.starts == [run.pk]

    def test_unknown_is_not_gone(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.engine.unknown_for(5)
        world.tick(60)
        assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING

    def test_unknown_for_long_on_a_living_machine_is_lost(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.engine.forget(run.pk)
        world.tick(80)
        assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING
        world.tick(60)
        run.refresh_from_db()
        assert (run.state, run.reason) == (State.ENDED, Reason.LOST)

    def test_a_crashing_poll_is_pushed_forward_and_others_go_on(self, world: World, user: User) -> None:
        bad, good = make_run(user), make_run(make_user())
        world.until(bad, State.RUNNING)
        world.until(good, State.RUNNING)
        world.engine.poll_raises(3, bad.pk)
        world.engine.finish(good.pk)
        world.tick(3)
        assert State(Run.objects.get(pk=good.pk).state) == State.ENDED
        bad.refresh_from_db()
        assert bad.failures > 0
        assert bad.due_at > world.now - timedelta(seconds=1)
        world.tick(30)
        bad.refresh_from_db()
        assert (bad.failures, bad.state) == (0, State.RUNNING)

    def test_a_fault_of_ours_at_the_start_ends_with_words(self, world: World, user: User) -> None:
        run = make_run(user)

        def broken(*_: object) -> None:
            raise KeyError("given")

        world.engine.start = broken  # type: ignore[method-assign]
        world.until(run, State.ENDED, seconds=300)
        assert run.reason == Reason.FAULT
        assert "could not start it" in run.message
        assert not Claim.objects.filter(released_at=None).exists()

    def test_a_restore_ends_what_ran_at_the_backup(self, world: World, user: User) -> None:
        running, queued = make_run(user), make_run(make_user(), machine_type="p100")
        world.until(running, State.RUNNING)
        Run.objects.filter(pk=queued.pk).update(state=State.QUEUED)
        at = running.running_at + timedelta(seconds=40)
        assert backup.end_placed(at) >= 1
        running.refresh_from_db()
        assert (running.reason, running.ended_at) == (Reason.LOST, at)
        assert LedgerEntry.objects.get(claim__holder=running.pk).seconds == 40
        assert State(Run.objects.get(pk=queued.pk).state) == State.QUEUED

    def test_dead_between_state_and_engine(self, world: World, user: User) -> None:
        """The controller died after it wrote `starting` and before it asked the engine."""
        run = make_run(user)
        place.run_pass("c", world.now)
        run.refresh_from_db()
        assert move(run, State.STARTING, now=world.now)
        assert world.engine.starts == []
        world.until(run, State.RUNNING)
        assert world.engine.starts == [run.pk]

    def test_a_stale_lease_runs_out(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.tick(5)
        Run.objects.filter(pk=run.pk).update(
            lease="dead", leased_until=world.now + timedelta(seconds=20), due_at=world.now
        )
        world.engine.finish(run.pk)
        world.tick(10)
        assert State(Run.objects.get(pk=run.pk).state) == State.RUNNING, "somebody else may be at it"
        world.tick(15)
        assert State(Run.objects.get(pk=run.pk).state) == State.ENDED

    def test_a_stale_token_writes_nothing(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.now += timedelta(seconds=10)
        (mine,) = leases.lease_due([State.RUNNING], now=world.now)
        Run.objects.filter(pk=run.pk).update(lease="another")
        assert not leases.give_back(mine, now=world.now, after=1, active_what="stale")
        assert not move(mine, State.STOPPING, now=world.now, lease=mine.lease)
        run.refresh_from_db()
        assert (run.state, run.active_what) != (State.RUNNING, "stale")

    def test_a_machine_that_vanished_before_the_start_gives_the_run_back(self, world: World, user: User) -> None:
        run = make_run(user)
        place.run_pass("c", world.now)
        world.engine.set_machines([machine("other")])
        machines.run_pass(world.engines, world.now)
        world.until(run, State.RUNNING)
        assert run.machine_id == "other"

    def test_the_clock_going_back_charges_nothing_negative(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.tick(100)
        world.now -= timedelta(hours=2)
        world.engine.finish(run.pk)
        Run.objects.filter(pk=run.pk).update(due_at=world.now)
        world.work()
        run.refresh_from_db()
        assert run.state == State.ENDED
        assert run.ended_at >= run.running_at
        assert all(e.seconds > 0 for e in LedgerEntry.objects.all())


class TestTwoControllers:
    def test_placement_is_done_by_one(self, world: World, user: User) -> None:
        make_run(user)
        assert leases.hold_pass("placement", "other", now=world.now)
        assert place.run_pass("me", world.now) == 0
        assert place.run_pass("me", world.now + timedelta(seconds=31)) == 1

    def test_a_leased_row_is_taken_once(self, world: World, user: User) -> None:
        make_run(user)
        place.run_pass("c", world.now)
        first = leases.lease_due([State.ASSIGNED], now=world.now)
        assert len(first) == 1
        assert leases.lease_due([State.ASSIGNED], now=world.now) == []

    def test_both_at_everything_do_each_thing_once(self, world: World, user: User) -> None:
        runs = [make_run(make_user()) for _ in range(5)]
        for _ in range(20):
            world.work("one")
            world.work("two")
            world.now += timedelta(seconds=1)
        assert sorted(world.engine.starts) == sorted(run.pk for run in runs)
        assert Event.objects.filter(kind="run.running").count() == 5

    def test_both_watching_one_end_settles_once(self, world: World, user: User) -> None:
        run = make_run(user)
        world.until(run, State.RUNNING)
        world.tick(50)
        world.engine.finish(run.pk)
        stale = Run.objects.select_related("machine", "machine_type", "team").get(pk=run.pk)
        world.tick(5)
        from studium.compute.reconcile.ending import finish_observed

        assert (
            not finish_observed(stale, world.engine.poll(run.pk), now=world.now) if run.reclaimed_at is None else True
        )
        assert Event.objects.filter(subject_id=run.pk, kind="run.ended").count() == 1


def test_an_end_is_seen_when_the_runner_speaks_and_not_at_the_next_look(world: World, user: User) -> None:
    run, other = make_run(user), make_run(make_user())
    for each in (run, other):
        world.until(each, State.RUNNING)
    world.tick(2)  # both were looked at just now
    for each in (run, other):
        Run.objects.filter(pk=each.pk).update(due_at=world.now + timedelta(seconds=2))
        world.engine.finish(each.pk)
    told = watch.Told()
    told.add(run.pk)
    told.add("no such run")
    assert watch.run_pass(world.engines, world.now, told.take()) == 1
    states = [State(Run.objects.get(pk=each.pk).state) for each in (run, other)]
    assert states == [State.ENDED, State.RUNNING]
    assert told.take() == set(), "said once, looked at once"


def test_nobody_else_asks_for_a_run_while_it_is_being_started(world: World, user: User) -> None:
    run = make_run(user)
    place.run_pass("c", world.now)
    asked, looks = world.engine.start, []

    def slow(*args: object, **more: object) -> None:
        looks.append(watch.run_pass(world.engines, world.now))
        asked(*args, **more)  # type: ignore[arg-type]

    world.engine.start = slow  # type: ignore[method-assign]
    start.run_pass(world.engines, world.now)
    assert looks == [0], "it is not taken for one that the engine does not know"
    run.refresh_from_db()
    assert (run.due_at, run.unknown_since) == (world.now, None)
    assert watch.run_pass(world.engines, world.now) == 1


def test_a_drained_machine_takes_nothing_new(world: World, user: User) -> None:
    operator = make_user(operator=True)
    running = make_run(user)
    world.until(running, State.RUNNING)
    actions.set_draining(operator, "fake", True, now=world.now)
    waiting = make_run(make_user())
    world.tick(10)
    assert State(Run.objects.get(pk=waiting.pk).state) == State.QUEUED
    assert State(Run.objects.get(pk=running.pk).state) == State.RUNNING
    actions.set_draining(operator, "fake", False, now=world.now)
    world.until(waiting, State.RUNNING)


def test_deactivating_a_person_stops_what_they_run(world: World, user: User) -> None:
    queued_on = make_team(user)
    running, queued = make_run(user), make_run(user, queued_on, machine_type="p100")
    world.until(running, State.RUNNING)
    accounts.set_active(make_user(operator=True), user, False, now=world.now)
    world.until(running, State.ENDED)
    world.until(queued, State.ENDED)
    assert {running.reason, queued.reason} == {Reason.OWNER_INACTIVE}


def test_found_devices_become_machine_types(user: User) -> None:
    World(machines=[machine(H200=2)])
    from studium.compute.models import MachineType

    assert set(MachineType.objects.filter(accelerator_kind="H200").values_list("slug", flat=True)) == {"h200", "h200x2"}
    assert Accelerator.objects.filter(kind="H200", simulated=True).count() == 2


def test_one_live_run_an_owner(world: World, user: User) -> None:
    make_run(user, owner_id="notebook-1")
    with pytest.raises(NotYet) as caught:
        make_run(user, owner_id="notebook-1")
    assert caught.value.code == "run.already_live"


def test_watch_pass_reads_and_writes_little(world: World, user: User, django_assert_max_num_queries: object) -> None:
    run = make_run(user)
    world.until(run, State.RUNNING)
    world.now += timedelta(seconds=5)
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        watch.run_pass(world.engines, world.now)
