"""Inputs: other notebooks' output files, for whom they are, which version a run gets, and what happens when they are gone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from world import World

from factories.accounts import NOW, Cast, make_team, project_of
from factories.files import give_files
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.compute.actions import spec_of
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.reconcile import trees as trees_pass
from studium.compute.reconcile.start import complete_spec
from studium.compute.states import Reason, State
from studium.config.options import options
from studium.errors import BadInput, NotFound, NotYet, Refused, StudiumError
from studium.lib.folders import remove
from studium.notebooks import actions as notebooks
from studium.notebooks.inputs import actions, queries
from studium.notebooks.models import Notebook, Version
from studium.notebooks.schedules import reconcile as schedules
from studium.notebooks.schedules.actions import Wanted, create_schedule
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import LaunchKind, SharedRole, TurnState, Visibility
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.reconcile import settle_ended
from studium.storage import stores, trees
from studium.storage.models import Hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, "The source", visibility=Visibility.TEAM)


def produce(world: World, user: User, source: Notebook, files: dict[str, bytes], *, code: int = 0) -> Version:
    """A version of the notebook that was run, ended with this code and left these files."""
    version = versions.save_and_run(user, source, "cpu-small", now=world.now)
    run = version.run
    assert run is not None
    world.until(run, State.RUNNING)
    world.engine.finish(run.pk, code, Cause.EXIT)
    world.until(run, State.ENDED)
    settle_ended(world.engines, world.now)
    return give_files(version, files)


def start(world: World, user: User, notebook: Notebook) -> Run:
    return notebooks.start(user, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now)


@pytest.fixture
def lay_down(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], int]:
    """The pass that lays inputs down, which the world leaves to the test."""
    remove(options().home / "trees")
    real = trees_pass.run_pass
    monkeypatch.setattr(trees_pass, "run_pass", lambda engines, now: 0)
    return partial(real, world.engines)


def shown(run: Run) -> dict[str, str]:
    return {tree.targets[0]: tree.manifest for tree in spec_of(run).trees}


def test_a_run_follows_the_newest_that_ended_well_or_stays(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    first = produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    actions.add_input(cast.teammate, notebook, source, now=NOW, number=1, name="first")
    second = produce(world, cast.owner, source, {"a.csv": b"2"})
    produce(world, cast.owner, source, {"a.csv": b"3"}, code=1)
    produce(world, cast.owner, source, {})
    versions.save_quick(cast.owner, source, now=NOW)
    assert shown(start(world, cast.teammate, notebook)) == {
        "/datasets/first": first.files,
        "/datasets/the-source": second.files,
    }
    one, other = queries.shown(cast.owner, notebook)
    assert (one.name, one.number, one.follows, one.newest, one.trouble) == ("first", 1, False, 2, "")
    assert (other.name, other.number, other.follows, other.files) == ("the-source", 2, True, 1)


def test_a_version_remembers_what_it_was_given_and_is_run_again_with_it(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    first = produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    made = produce(world, cast.owner, notebook, {})
    produce(world, cast.owner, source, {"a.csv": b"2"})
    actions.remove_input(cast.owner, notebook, "the-source", now=NOW)
    (given,) = queries.shown_of_version(cast.teammate, made)
    assert (given.name, given.number, given.title, given.source) == ("the-source", 1, "The source", source)
    again = versions.save_and_run(cast.owner, notebook, "", now=world.now, again=made)
    assert again.run is not None
    assert shown(again.run) == {"/datasets/the-source": first.files}
    assert [row.number for row in queries.shown_of_version(cast.owner, again)] == [1]
    first.delete()
    with pytest.raises(Refused, match="no longer kept"):
        versions.save_and_run(cast.owner, notebook, "", now=world.now, again=made)
    (gone,) = queries.shown_of_version(cast.owner, made)
    assert (gone.there, gone.title, gone.number) == (False, "", 1)


def test_a_quick_version_says_what_the_inputs_stood_for(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    saved = versions.save_quick(cast.owner, notebook, now=NOW)
    assert [(row.name, row.number) for row in queries.shown_of_version(cast.owner, saved)] == [("the-source", 1)]
    Version.objects.filter(notebook=source).delete()
    assert queries.shown_of_version(cast.owner, versions.save_quick(cast.owner, notebook, now=NOW)) == []


@pytest.mark.parametrize("who", ["owner", "teammate", "stranger"])
def test_a_run_is_given_only_what_its_starter_may_read(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, who: str
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=NOW)
    Notebook.objects.filter(pk=source.pk).update(visibility=Visibility.PRIVATE)
    person = getattr(cast, who)
    (row,) = queries.shown(person, notebook)
    if who == "owner":
        assert (row.source, row.trouble) == (source, "")
        assert len(shown(start(world, person, notebook))) == 1
        return
    assert (row.source, row.files) == (None, 0)
    assert "may not read" in row.trouble
    with pytest.raises(Refused) as caught:
        start(world, person, notebook)
    assert caught.value.code == "input.hidden"
    assert "source" not in caught.value.message.replace("the-source", "")
    assert not Run.objects.filter(owner_id=notebook.pk).exists()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"number": 7}, "input.no_files"),
        ({"number": 2}, "input.no_files"),
        ({"name": "../up"}, "input.name"),
        ({"name": ".hidden"}, "input.name"),
        ({"name": "a/b"}, "input.name"),
        ({"name": "x" * 81}, "input.name"),
        ({"name": "taken"}, "input.name_taken"),
    ],
)
def test_what_cannot_be_added_is_said(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, more: dict[str, object], code: str
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    versions.save_quick(cast.owner, source, now=NOW)  # version 2 has no files
    actions.add_input(cast.owner, notebook, source, now=NOW, name="taken")
    with pytest.raises(StudiumError) as caught:
        actions.add_input(cast.owner, notebook, source, now=NOW, **more)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert [row.name for row in queries.inputs_of(notebook)] == ["taken"]


def test_without_files_there_is_nothing_to_follow(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    with pytest.raises(NotYet, match="No version of"):
        actions.add_input(cast.owner, notebook, source, now=NOW)
    produce(world, cast.owner, source, {"a.csv": b"1"}, code=1)
    with pytest.raises(NotYet):
        actions.add_input(cast.owner, notebook, source, now=NOW)
    actions.add_input(cast.owner, notebook, source, now=NOW, number=1)  # one that failed may be asked for by its number
    with pytest.raises(NotYet):
        actions.change_input(cast.owner, notebook, "the-source", None, now=NOW)
    with pytest.raises(NotFound):
        actions.change_input(cast.owner, notebook, "other", 1, now=NOW)
    with pytest.raises(NotFound):
        actions.remove_input(cast.owner, notebook, "other", now=NOW)


def test_there_is_an_end_to_how_many(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    monkeypatch.setattr(actions, "MOST", 2)
    for name in ("a", "b"):
        actions.add_input(cast.owner, notebook, source, now=NOW, name=name)
    with pytest.raises(BadInput) as caught:
        actions.add_input(cast.owner, notebook, source, now=NOW, name="c")
    assert caught.value.code == "input.too_many"


def test_a_deleted_source_is_said_and_nothing_starts(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    notebooks.delete_notebook(cast.owner, source, now=NOW)
    with pytest.raises(Refused, match="was deleted"):
        start(world, cast.owner, notebook)
    (row,) = queries.shown(cast.owner, notebook)
    assert (row.source, "was deleted" in row.trouble) == (None, True)
    actions.remove_input(cast.owner, notebook, "the-source", now=NOW)
    assert shown(start(world, cast.owner, notebook)) == {}


def test_a_copy_has_what_its_maker_may_read(cast: Cast, world: World, notebook: Notebook, source: Notebook) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    inner = make_notebook(cast.owner, cast.team, "Inner", visibility=Visibility.TEAM)
    produce(world, cast.owner, inner, {"a.csv": b"1"})
    for each in (source, inner):
        actions.add_input(cast.owner, notebook, each, now=NOW)
    version = produce(world, cast.owner, notebook, {})
    for each in (notebook, source):
        Notebook.objects.filter(pk=each.pk).update(visibility=Visibility.PUBLIC)
    living = versions.copy(cast.stranger, notebook, project_of(make_team(cast.stranger)), now=NOW)
    assert [(row.name, row.number) for row in queries.inputs_of(living)] == [("the-source", None)]
    old = versions.copy(cast.teammate, notebook, project_of(cast.team), now=NOW, version=version)
    assert [(row.name, row.number) for row in queries.inputs_of(old)] == [("inner", 1), ("the-source", 1)]


def test_a_version_that_is_read_by_its_number_is_not_cleaned_away(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    made = create_schedule(
        cast.owner, source, Wanted(cron="0 * * * *", machine="cpu-small", keep_last=1), now=world.now
    )
    for n in (1, 2, 3):
        version = produce(world, cast.owner, source, {"a.csv": b"%d" % n})
        Version.objects.filter(pk=version.pk).update(volume_deleted_at=world.now)
        made.turns.create(
            due_at=NOW + timedelta(hours=n), try_at=NOW, state=TurnState.DONE, version=version, ended_at=NOW
        )
    actions.add_input(cast.owner, notebook, source, now=NOW, number=1)
    assert schedules.keep_last(world.now) == 1
    assert sorted(Version.objects.filter(notebook=source).values_list("number", flat=True)) == [1, 3]


def test_a_run_waits_on_its_machine_until_its_inputs_are_there(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, lay_down: Callable[[datetime], int]
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    run = start(world, cast.owner, notebook)
    (manifest,) = shown(run).values()
    world.tick(20)
    run.refresh_from_db()
    assert run.state == State.ASSIGNED
    assert lay_down(world.now) == 1
    assert trees.is_down(manifest)
    world.until(run, State.RUNNING)
    spec = complete_spec(run)
    mounts = {mount.target: mount for mount in spec.mounts}
    for target in ("/datasets/the-source", "/kaggle/input/the-source"):
        assert mounts[target].source == str(trees.folder_of(manifest))
        assert not mounts[target].writable
    assert spec.trees == ()
    assert trees_pass.collect(world.now + timedelta(days=30)) == 0, "a live run is shown it"
    world.engine.finish(run.pk, 0, Cause.EXIT)
    world.until(run, State.ENDED)
    assert trees_pass.collect(world.now + timedelta(days=30)) == 1


def test_a_run_whose_inputs_are_lost_ends_with_words(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, lay_down: Callable[[datetime], int]
) -> None:
    version = produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    run = start(world, cast.owner, notebook)
    world.tick(3)
    stores.remove(Hold.objects.get(holder=f"version:{version.pk}:files").blob_id)
    assert lay_down(world.now) == 0
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.ENDED, Reason.COULD_NOT_START)
    assert "no longer kept" in run.message


def test_a_full_disk_is_tried_again_and_given_up_in_the_end(
    cast: Cast,
    world: World,
    notebook: Notebook,
    source: Notebook,
    lay_down: Callable[[datetime], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW)
    run = start(world, cast.owner, notebook)
    world.tick(3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(stores, "place", full)
        assert lay_down(world.now) == 0
        run.refresh_from_db()
        assert run.state == State.ASSIGNED
    with monkeypatch.context() as patched:
        patched.setattr(stores, "place", full)
        lay_down(world.now + trees_pass.GIVE_UP_AFTER + timedelta(minutes=1))
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.ENDED, Reason.FAULT)


def test_an_editor_who_may_not_read_the_source_learns_nothing_of_it(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    actions.add_input(cast.owner, notebook, source, now=NOW, name="data")
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=NOW)
    for number in (1, 999, None):
        with pytest.raises(Refused) as caught:
            actions.change_input(cast.stranger, notebook, "data", number, now=NOW)
        assert (caught.value.code, source.slug in caught.value.message) == ("input.hidden", False)
    actions.remove_input(cast.stranger, notebook, "data", now=NOW)


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_is_none_is_refused(
    cast: Cast, world: World, notebook: Notebook, source: Notebook, number: int
) -> None:
    produce(world, cast.owner, source, {"a.csv": b"1"})
    with pytest.raises(BadInput):
        actions.add_input(cast.owner, notebook, source, now=NOW, number=number)


def test_inputs_of_other_teams_and_runs_that_ended_keep_nothing(
    cast: Cast, world: World, notebook: Notebook, source: Notebook
) -> None:
    Notebook.objects.filter(pk=source.pk).update(visibility=Visibility.PUBLIC)
    first = produce(world, cast.owner, source, {"a.csv": b"1"})
    elsewhere = make_notebook(cast.stranger, make_team(cast.stranger))
    actions.add_input(cast.stranger, elsewhere, source, now=NOW, number=1)
    kept = Version.objects.filter(queries.kept_for_others())
    assert not kept.all().exists()
    actions.add_input(cast.owner, notebook, source, now=NOW)
    waiting = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert list(kept.all()) == [first], "a run that waits is to find it"
    Version.objects.filter(pk=waiting.pk).update(settled_at=NOW)
    assert not kept.all().exists()
    actions.add_input(cast.owner, notebook, source, now=NOW, number=1, name="stays")
    assert list(kept.all()) == [first]


def test_a_store_that_does_not_answer_for_one_run_keeps_no_other_waiting(
    cast: Cast,
    world: World,
    notebook: Notebook,
    source: Notebook,
    lay_down: Callable[[datetime], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = make_notebook(cast.owner, cast.team, "Other", visibility=Visibility.TEAM)
    runs = []
    for reader, content in ((notebook, b"lost"), (other, b"there")):
        version = produce(world, cast.owner, source, {"a.csv": content})
        actions.add_input(cast.owner, reader, source, now=NOW, number=version.number)
        runs.append(start(world, cast.owner, reader))
    world.tick(3)
    (bad,), (good,) = (list(shown(run).values()) for run in runs)
    real = trees.lay_down

    def flaky(manifest: str, *, now: datetime) -> None:
        if manifest == bad:
            raise RuntimeError("the bucket does not answer")
        real(manifest, now=now)

    monkeypatch.setattr(trees, "lay_down", flaky)
    assert lay_down(world.now) == 1
    assert (trees.is_down(bad), trees.is_down(good)) == (False, True)
    lay_down(world.now + trees_pass.GIVE_UP_AFTER + timedelta(minutes=1))
    runs[0].refresh_from_db()
    assert (runs[0].state, runs[0].reason) == (State.ENDED, Reason.FAULT)
