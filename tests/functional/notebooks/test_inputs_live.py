"""Inputs of a session that goes on: seen at once where whoever started it may see them; asked again until they are."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast
from factories.team_datasets import make_dataset_version, make_team_dataset
from functional.compute.test_crashes import Killed, die_once
from studium.accounts.models import User
from studium.accounts.states import Visibility
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.reconcile import trees as trees_pass
from studium.compute.states import LIVE, State
from studium.datasets.models import Dataset
from studium.notebooks import actions as notebooks
from studium.notebooks.inputs import actions, live
from studium.notebooks.inputs.queries import Sight
from studium.notebooks.models import Notebook
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import LaunchKind, SharedRole
from studium.storage import trees

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(cast: Cast) -> Dataset:
    made = make_team_dataset(cast.owner, cast.team, "Churn")
    make_dataset_version(made, {"a.csv": b"1"})
    return made


@pytest.fixture
def session(cast: Cast, world: World, notebook: Notebook) -> Run:
    return world.until(begin(world, cast.owner, notebook), State.RUNNING)


def begin(world: World, user: User, notebook: Notebook) -> Run:
    return notebooks.start(user, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)


def seen(world: World, run: Run) -> dict[str, bytes]:
    """What the session finds at each path for inputs, of files called a.csv."""
    found = world.engine.shown(run.pk).items()
    return {target: trees.Path(source, "a.csv").read_bytes() for target, source in found}


def sights(cast: Cast, notebook: Notebook) -> dict[str, Sight]:
    return {row.name: row.sight for row in live.shown(cast.owner, notebook)}


def test_added_changed_and_removed_while_it_runs(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, session: Run
) -> None:
    actions.add_input(cast.teammate, notebook, dataset, now=world.now)
    assert sights(cast, notebook) == {"churn": Sight.COMING}
    world.tick(1)
    assert seen(world, session) == {"/datasets/churn": b"1", "/kaggle/input/churn": b"1"}
    assert sights(cast, notebook) == {"churn": Sight.SEEN}
    make_dataset_version(dataset, {"a.csv": b"2"})
    assert sights(cast, notebook) == {"churn": Sight.NEXT}, "what is read is not exchanged by a newer version"
    actions.add_input(cast.owner, notebook, dataset, now=world.now, number=1, name="first")
    world.tick(1)
    assert seen(world, session)["/datasets/churn"] == b"1"
    actions.change_input(cast.owner, notebook, "churn", None, now=world.now)
    world.tick(1)
    assert seen(world, session) == {
        "/datasets/churn": b"2", "/kaggle/input/churn": b"2", "/datasets/first": b"1", "/kaggle/input/first": b"1",
    }  # fmt: skip
    actions.remove_input(cast.owner, notebook, "churn", now=world.now)
    world.tick(1)
    assert set(seen(world, session)) == {"/datasets/first", "/kaggle/input/first"}


def test_without_a_session_nothing_is_said_of_one(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset
) -> None:
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    assert sights(cast, notebook) == {"churn": Sight.NONE}
    run = world.until(begin(world, cast.owner, notebook), State.RUNNING)
    assert sights(cast, notebook) == {"churn": Sight.SEEN}
    compute.stop_run(cast.owner, run, now=world.now)
    world.until(run, State.ENDED)
    assert sights(cast, notebook) == {"churn": Sight.NONE}


@pytest.mark.parametrize("state", [state for state in LIVE if state != State.STOPPING])
def test_added_in_any_state_it_is_there_when_it_runs(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, state: State
) -> None:
    world.engine.slow_start(3)
    run = begin(world, cast.owner, notebook)
    for step in (State.QUEUED, State.ASSIGNED, State.STARTING, State.RUNNING):
        if step == state:
            break
        _one_further(world, run, step)
    run.refresh_from_db()
    assert run.state == state
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.until(run, State.RUNNING)
    world.tick(1)
    assert seen(world, run)["/datasets/churn"] == b"1"
    assert sights(cast, notebook) == {"churn": Sight.SEEN}


def _one_further(world: World, run: Run, state: State) -> None:
    """By the pass that takes a run on from this state, and no other."""
    from studium.compute.reconcile import place, start, watch

    if state == State.QUEUED:
        place.run_pass("c", world.now)
    elif state == State.ASSIGNED:
        start.run_pass(world.engines, world.now)
    else:
        world.now += timedelta(seconds=4)
        watch.run_pass(world.engines, world.now)


@pytest.mark.parametrize("who", ["owner", "teammate", "stranger"])
def test_a_session_is_shown_what_its_starter_may_read(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, who: str
) -> None:
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=NOW)
    run = world.until(begin(world, getattr(cast, who), notebook), State.RUNNING)
    Dataset.objects.filter(pk=dataset.pk).update(visibility=Visibility.TEAM)
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.tick(2)
    may = who != "stranger"
    assert ("/datasets/churn" in seen(world, run)) is may
    assert sights(cast, notebook) == {"churn": Sight.SEEN if may else Sight.NEXT}


def test_a_run_of_all_cells_keeps_what_it_began_with(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset
) -> None:
    run = world.until(
        notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now), State.RUNNING
    )
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.tick(2)
    assert seen(world, run) == {}


def test_a_runner_that_does_not_answer_is_asked_again_and_given_up_with_words(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, session: Run
) -> None:
    world.engine.show_fails(2)
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.tick(1)
    assert sights(cast, notebook) == {"churn": Sight.COMING}
    world.tick(2)
    assert sights(cast, notebook) == {"churn": Sight.SEEN}
    world.engine.show_fails(10_000)
    actions.remove_input(cast.owner, notebook, "churn", now=world.now)
    actions.add_input(cast.owner, notebook, dataset, now=world.now, name="other")
    world.tick(1)
    world.now += trees_pass.GIVE_UP_AFTER + timedelta(seconds=1)
    trees_pass.run_pass(world.engines, world.now)
    assert sights(cast, notebook) == {"other": Sight.FAILED}
    session.refresh_from_db()
    assert "told not to show" in session.trees_trouble
    world.engine.heal()
    actions.remove_input(cast.owner, notebook, "other", now=world.now)
    trees_pass.run_pass(world.engines, world.now)
    session.refresh_from_db()
    assert (session.trees_trouble, session.trees_changed_at) == ("", None)


def test_lost_files_are_said_and_the_session_goes_on(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, session: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(manifest: str, *, now: object) -> None:
        raise FileNotFoundError(manifest)

    monkeypatch.setattr(trees, "is_down", lambda manifest: False)
    monkeypatch.setattr(trees, "lay_down", lost)
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.tick(2)
    assert sights(cast, notebook) == {"churn": Sight.FAILED}
    session.refresh_from_db()
    assert (session.state, session.trees_trouble) == (State.RUNNING, "Files of an input are no longer kept.")


@pytest.mark.parametrize("after", [False, True])
def test_killed_around_the_asking_it_is_asked_again(
    cast: Cast,
    world: World,
    notebook: Notebook,
    dataset: Dataset,
    session: Run,
    monkeypatch: pytest.MonkeyPatch,
    after: bool,
) -> None:
    monkeypatch.setattr(world.engine, "show", die_once(world.engine.show, lambda *_: True, after=after))
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    with pytest.raises(Killed):
        trees_pass.run_pass(world.engines, world.now)
    assert sights(cast, notebook) == {"churn": Sight.COMING}
    assert trees_pass.run_pass(world.engines, world.now) == 1
    assert seen(world, session)["/datasets/churn"] == b"1"


def test_a_change_while_the_pass_works_is_not_taken_for_done(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, session: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    real: Callable[..., None] = world.engine.show
    left = [True]

    def changed_meanwhile(run_id: str, mounts: object) -> None:
        real(run_id, mounts)
        if left.pop() if left else False:
            actions.remove_input(cast.owner, notebook, "churn", now=world.now + timedelta(milliseconds=1))

    monkeypatch.setattr(world.engine, "show", changed_meanwhile)
    trees_pass.run_pass(world.engines, world.now)
    session.refresh_from_db()
    assert session.trees_changed_at is not None
    world.tick(1)
    assert seen(world, session) == {}
    # Two controllers at once ask for the same.
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    trees_pass.run_pass(world.engines, world.now)
    trees_pass.run_pass(world.engines, world.now)
    assert seen(world, session)["/datasets/churn"] == b"1"


def test_a_tree_that_a_session_is_shown_is_not_collected(
    cast: Cast, world: World, notebook: Notebook, dataset: Dataset, session: Run
) -> None:
    actions.add_input(cast.owner, notebook, dataset, now=world.now)
    world.tick(1)
    long_after = world.now + trees.UNUSED_FOR * 2
    trees_pass.collect(long_after)
    assert seen(world, session)["/datasets/churn"] == b"1"
