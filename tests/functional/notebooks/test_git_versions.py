"""What versions of a notebook from git begin with, and when it is let go of."""

import json
from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast
from factories.notebooks import notebook_json
from functional.notebooks.cloned import BOOK, COMMIT, end, made, ready, repo
from studium.compute.engines.base import Cause, EngineError
from studium.compute.models import Run
from studium.compute.states import State
from studium.errors import NotYet
from studium.notebooks import actions as notebooks
from studium.notebooks.actions import holder_of
from studium.notebooks.document import summarise
from studium.notebooks.git import actions, reconcile
from studium.notebooks.git.states import Cloned
from studium.notebooks.launching import volume_of_version
from studium.notebooks.models import Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.states import LaunchKind
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.queries import output_files
from studium.notebooks.versions.reconcile import settle_ended
from studium.storage import actions as storage
from studium.storage import reconcile as storage_passes
from studium.storage.models import Hold

pytestmark = pytest.mark.django_db


def test_a_version_begins_with_what_was_last_pulled_or_pushed(cast: Cast, world: World) -> None:
    notebook = made(cast)
    first = {"analysis/churn.ipynb": BOOK, "analysis/lib.py": b"x = 1", "data.csv": b"1,2"}
    end(world, notebook, files=first)
    version = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert (version.commit, version.begun_with) == (COMMIT, repo(notebook).files)
    run = world.until(Run.objects.get(pk=version.run_id), State.RUNNING)
    engine, volume = world.engine, volume_of_version(run.pk)
    assert engine.read_file(volume, "analysis/lib.py", 100) == b"x = 1"
    assert engine.read_file(volume, ".git/studium.json", 100) is None
    engine.write_file(volume, "data.csv", b"3,4", 10**9)
    engine.write_file(volume, "made.txt", b"made", 10**9)
    engine.finish(run.pk, 0, Cause.EXIT)
    world.until(run, State.ENDED)
    settle_ended(world.engines, world.now)
    version.refresh_from_db()
    assert [file.path for file in output_files(version).files] == ["data.csv", "made.txt"], (
        "what it began with is no output"
    )
    actions.pull(cast.owner, repo(notebook), now=world.now)
    moved = "9" * 40
    end(world, notebook, files={**first, "analysis/lib.py": b"x = 2"}, result={"commit": moved})
    later = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert (later.commit, later.begun_with != version.begun_with) == (moved, True)
    storage_passes.collect(world.now + timedelta(days=2))
    again = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now, again=version)
    assert (again.commit, again.begun_with) == (COMMIT, version.begun_with)
    run = world.until(Run.objects.get(pk=again.run_id), State.RUNNING)
    assert engine.read_file(volume_of_version(run.pk), "analysis/lib.py", 100) == b"x = 1"


def test_files_that_cannot_be_kept_do_not_undo_the_git_run(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = made(cast)

    def broken(*_: object, **__: object) -> None:
        raise EngineError("the workspace does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(reconcile, "take_files", broken)
        end(world, notebook, files={"churn.ipynb": BOOK})
    assert (repo(notebook).state, repo(notebook).files) == (Cloned.READY, "")
    assert versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now).begun_with == ""


def test_nothing_of_a_deleted_notebooks_repository_is_kept(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    held = Hold.objects.filter(holder__startswith=f"repository:{repo(notebook).pk}:")
    assert held.count() == 2  # the manifest and the one file
    actions.check_remote(cast.owner, repo(notebook), now=world.now)
    end(world, notebook)
    assert held.count() == 2, "a look changes nothing"
    notebooks.delete_notebook(cast.owner, notebook, now=world.now)
    assert not held.exists()
    other = made(cast)
    Notebook.objects.filter(pk=other.pk).update(deleted_at=world.now)
    end(world, other, files={"churn.ipynb": BOOK})
    assert not Hold.objects.filter(holder__startswith="repository:").exists()


def test_what_was_changed_or_is_new_in_the_workspace_is_not_the_repositorys(cast: Cast, world: World) -> None:
    notebook = made(cast)
    files = {"churn.ipynb": BOOK, "lib.py": b"x = 1", "mine.csv": b"new here"}
    end(world, notebook, files=files, dirty=("mine.csv", "lib.py"))
    assert sorted(entry["path"] for entry in json.loads(storage.get(repo(notebook).files))["files"]) == ["churn.ipynb"]


def test_what_runs_begin_with_counts_once_for_each_state_that_is_kept(cast: Cast, world: World) -> None:
    notebook = made(cast)
    large = {"churn.ipynb": BOOK, "data.bin": b"x" * 5_000_000}
    before = stored_bytes(cast.team)
    end(world, notebook, files=large)
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=0)
    held = stored_bytes(cast.team) - before
    assert 5_000_000 < held < 5_100_000
    versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert stored_bytes(cast.team) - before < held + 100_000


def test_until_a_git_run_is_taken_over_the_workspace_is_nobodys(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    work = actions.pull(cast.owner, repo(notebook), now=world.now)
    run = world.until(Run.objects.get(pk=work.run_id), State.RUNNING)
    world.engine.finish(run.pk, 0, Cause.EXIT)
    world.until(run, State.ENDED)
    for attempt in (
        lambda: notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now),
        lambda: notebooks.replace_document(cast.owner, notebook, notebook_json("mine"), now=world.now),
    ):
        with pytest.raises(NotYet) as caught:
            attempt()
        assert caught.value.code == "git.busy"
    reconcile.settle_ended(world.engines, world.now)
    notebooks.replace_document(cast.owner, notebook, notebook_json("mine"), now=world.now)


def test_a_document_that_was_put_in_place_meanwhile_stays(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    newer = storage.put(notebook_json("newer"), now=NOW)
    seen = Notebook.objects.get(pk=notebook.pk)
    Notebook.objects.filter(pk=notebook.pk).update(document=newer.digest)
    storage.hold(holder_of(notebook), newer.digest)
    found = summarise(BOOK)
    assert found is not None
    reconcile._take(seen, "churn.ipynb", storage.put(BOOK, now=NOW).digest, len(BOOK), found, NOW)
    notebook.refresh_from_db()
    assert notebook.document == newer.digest
    assert Hold.objects.get(holder=holder_of(notebook)).blob_id == newer.digest
