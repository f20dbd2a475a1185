"""Profiles as the platform sees them: asked for with a version, one run of the team at a time, kept, failed, asked for again."""

import importlib
import itertools
import json
from typing import Any

import pytest
from django.apps import apps
from world import World

from factories.accounts import NOW, Cast
from factories.compute import load_plans
from factories.datasets import make_dataset, make_version, sha256
from factories.notebooks import make_environment
from studium.compute.actions import spec_of
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.states import State
from studium.datasets import actions as datasets
from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles import actions, reconcile
from studium.datasets.profiles.packing import packed
from studium.datasets.profiles.queries import found_in, profile_of
from studium.datasets.states import PROFILE_MOVES, ProfileState
from studium.errors import NotYet, Refused
from studium.storage.models import Hold

pytestmark = pytest.mark.django_db
ANSWER = {"files": {"a.csv": {"kind": "table", "tables": []}}, "complete": True, "reason": ""}


@pytest.fixture
def world(cast: Cast) -> World:
    make_environment()
    return World()


@pytest.fixture
def version(cast: Cast, world: World) -> DatasetVersion:
    return make_version(cast.owner, make_dataset(cast.owner, cast.team), {"a.csv": [b"a,b\n1,2\n"]}, now=world.now)


def row(version: DatasetVersion) -> Profile:
    found = profile_of(version)
    assert found is not None
    return found


def look(world: World) -> int:
    world.tick(1)
    return reconcile.run_pass(world.engines, world.now)


def begun(world: World, version: DatasetVersion) -> Run:
    look(world)
    run = row(version).run
    assert run is not None
    return world.until(run, State.RUNNING)


def ended(world: World, version: DatasetVersion, answer: Any, *, code: int = 0, cause: Cause = Cause.EXIT) -> Profile:
    run = begun(world, version)
    if answer is not None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        world.engine.write_file(actions.volume_of(row(version)), "profile.json", content, 10**9)
    world.engine.finish(run.pk, code, cause)
    world.until(run, State.ENDED)
    look(world)
    return row(version)


def test_a_version_is_looked_into_by_a_run_without_network(world: World, version: DatasetVersion, cast: Cast) -> None:
    assert row(version).state == ProfileState.WAITING
    run = begun(world, version)
    assert row(version).state == ProfileState.RUNNING
    spec = spec_of(run)
    assert (run.user, run.team, spec.network, spec.service) == (cast.owner, cast.team, "none", None)
    assert [(tree.manifest, tree.targets) for tree in spec.trees] == [(version.manifest, (actions.DATA,))]
    assert spec.secrets == ""
    assert not any(mount.writable for mount in spec.mounts)


def test_what_was_found_is_kept_as_long_as_the_version(world: World, version: DatasetVersion, cast: Cast) -> None:
    found = ended(world, version, ANSWER)
    assert (found.state, found.fault, found_in(found)) == (ProfileState.READY, "", ANSWER["files"])
    assert found.content == sha256(packed(ANSWER["files"]))
    assert world.engine.read_file(actions.volume_of(found), "profile.json", 100) is None, "the volume is gone"
    assert not Hold.objects.filter(holder__startswith="profile:").exists()
    datasets.delete_version(cast.owner, version, now=world.now)
    assert not Hold.objects.filter(blob_id=found.content).exists()


@pytest.mark.parametrize(
    ("answer", "code", "cause", "state", "words"),
    [
        (None, 0, Cause.EXIT, ProfileState.FAILED, "The run left no answer."),
        (b"{", 0, Cause.EXIT, ProfileState.FAILED, "The run left no answer."),
        (b'{"files": 3}', 0, Cause.EXIT, ProfileState.FAILED, "The run left no answer."),
        (None, 2, Cause.EXIT, ProfileState.FAILED, "exit code 2"),
        (None, 137, Cause.OUT_OF_MEMORY, ProfileState.FAILED, "memory"),
        (
            {**ANSWER, "complete": False, "reason": "The time was up."},
            0,
            Cause.EXIT,
            ProfileState.READY,
            "The time was up.",
        ),
        ({**ANSWER, "complete": False}, 137, Cause.OUT_OF_MEMORY, ProfileState.READY, "memory"),
    ],
)
def test_what_is_not_all_says_why(
    world: World, version: DatasetVersion, answer: Any, code: int, cause: Cause, state: ProfileState, words: str
) -> None:
    found = ended(world, version, answer, code=code, cause=cause)
    assert found.state == state
    assert words.lower() in found.fault.lower()


def test_one_version_of_a_team_at_a_time(world: World, version: DatasetVersion, cast: Cast) -> None:
    second = make_version(cast.owner, version.dataset, {"b.csv": [b"1"]}, now=world.now)
    other = make_version(cast.stranger, make_dataset(cast.stranger), {"c.csv": [b"2"]}, now=world.now)
    look(world)
    assert [row(each).state for each in (version, second, other)] == ["running", "waiting", "running"]
    ended(world, version, ANSWER)
    world.tick(40, step=10)
    look(world)
    assert row(second).state == ProfileState.RUNNING


def test_it_waits_while_the_plan_says_not_yet_and_fails_where_it_says_no(
    world: World, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([NotYet("queue.full", "The queue is full."), Refused("plan.no", "The plan says no.", "Change it.")])

    def refuse(*_: Any, **__: Any) -> Any:
        raise next(answers)

    monkeypatch.setattr(actions.compute, "submit_run", refuse)
    look(world)
    assert row(version).state == ProfileState.WAITING
    assert row(version).due_at > world.now
    look(world)
    assert row(version).state == ProfileState.WAITING, "not before it is due"
    world.tick(60, step=20)
    look(world)
    assert (row(version).state, row(version).fault) == (ProfileState.FAILED, "The plan says no. Change it.")


def test_it_can_be_asked_for_again_once_it_ended(world: World, version: DatasetVersion, cast: Cast) -> None:
    first = begun(world, version)
    actions.ask_again(cast.owner, version, now=world.now)
    assert (row(version).state, row(version).run) == (ProfileState.RUNNING, first)
    world.engine.finish(first.pk, 1)
    world.until(first, State.ENDED)
    look(world)
    assert row(version).state == ProfileState.FAILED
    actions.ask_again(cast.owner, version, now=world.now)
    assert (row(version).state, row(version).run, row(version).fault) == (ProfileState.WAITING, None, "")
    assert ended(world, version, ANSWER).state == ProfileState.READY


def test_deleted_versions_are_not_looked_into(world: World, version: DatasetVersion, cast: Cast) -> None:
    datasets.delete_version(cast.owner, version, now=world.now)
    look(world)
    assert (row(version).state, row(version).run) == (ProfileState.FAILED, None)
    assert not Run.objects.exists()


def test_two_at_once_ask_for_one_run(world: World, version: DatasetVersion) -> None:
    stale = row(version)
    assert actions.start(row(version), now=world.now)
    with pytest.raises(NotYet):  # the owner has a live run already
        actions.start(stale, now=world.now)
    assert Run.objects.count() == 1
    assert row(version).state == ProfileState.RUNNING


def test_two_at_once_keep_one_answer(world: World, version: DatasetVersion) -> None:
    begun(world, version)
    stale = row(version)
    assert actions.end(row(version), b'{"files": {}}', "", now=world.now)
    assert not actions.end(stale, b"", "It failed.", now=world.now)
    assert (row(version).state, row(version).fault) == (ProfileState.READY, "")


def test_a_crash_between_run_and_answer_is_made_up_for(
    world: World, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(world, version)
    world.engine.write_file(actions.volume_of(row(version)), "profile.json", json.dumps(ANSWER).encode(), 10**9)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(actions, "move", die)
        with pytest.raises(Killed):
            reconcile.run_pass(world.engines, world.now)
    assert row(version).state == ProfileState.RUNNING
    reconcile.run_pass(world.engines, world.now)
    assert (row(version).state, found_in(row(version))) == (ProfileState.READY, ANSWER["files"])


@pytest.mark.parametrize(("before", "after"), list(itertools.product(ProfileState, ProfileState)))
def test_only_legal_moves(version: DatasetVersion, before: ProfileState, after: ProfileState) -> None:
    Profile.objects.filter(version=version).update(state=before)
    moved = actions.move(row(version), after)
    assert moved == (after in PROFILE_MOVES[before])
    assert row(version).state == (after if moved else before)


def test_without_a_plan_that_has_a_machine_it_fails_with_words(world: World, version: DatasetVersion) -> None:
    from studium.compute.models import MachineType

    MachineType.objects.update(enabled=False)
    look(world)
    assert row(version).state == ProfileState.FAILED
    assert "no plan with a machine" in row(version).fault
    load_plans("open", now=NOW)


def test_what_was_kept_in_an_older_form_is_looked_for_anew(world: World, version: DatasetVersion) -> None:
    found = ended(world, version, ANSWER)
    migration = importlib.import_module("studium.datasets.migrations.0004_look")
    migration.look_anew(apps, None)
    again = row(version)
    assert (again.state, again.content, again.run, again.due_at) == (ProfileState.WAITING, "", None, found.asked_at)
    assert ended(world, version, ANSWER).state == ProfileState.READY
