"""Snapshots of workspaces on bad days: deaths at every step, two controllers, engines that fail, full disks; and a real engine."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kept import asked, begin, care, files, fill, fresh, kept, put_back, stop, work
from test_crashes import Killed, die_once
from world import World

from factories.accounts import Cast
from factories.notebooks import notebook_json
from functional.crashes import crashed
from studium.accounts.models import User
from studium.compute.engines.base import EngineError
from studium.compute.engines.local import LocalEngine
from studium.compute.models import Run
from studium.compute.states import State
from studium.compute.volumes import streaming
from studium.compute.volumes.states import SnapshotState
from studium.lib.units import MIB
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook
from studium.notebooks.reconcile import clean_deleted
from studium.notebooks.snapshots import queries, reconcile
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.states import Why
from studium.notebooks.states import LaunchKind
from studium.notebooks.stored import cleaning, emptying
from studium.operations.verifying import verified
from studium.storage import stores
from studium.storage.models import Block, Hold

pytestmark = pytest.mark.django_db
FIRST, SECOND = notebook_json("1", "2"), notebook_json("3")
ENGINE_CALLS = ["measure_volume", "save_volume", "load_volume", "read_file"]


def two_states(world: World, user: User, notebook: Notebook) -> WorkspaceSnapshot:
    """A snapshot of one state, and another one that a session left since."""
    run = begin(world, user, notebook)
    fill(world, notebook, {"notebook.ipynb": FIRST, "a": b"kept"})
    stop(world, run)
    snapshot = kept(world, user, notebook)
    run = begin(world, user, notebook)
    fill(world, notebook, {"notebook.ipynb": SECOND, "a": b"changed"})
    stop(world, run)
    return snapshot


def check_put_back(world: World, notebook: Notebook) -> None:
    assert files(world, notebook) == {"notebook.ipynb": FIRST, "a": b"kept"}
    now = fresh(notebook)
    assert (now.cells, now.document, care(notebook).trouble) == (2, now.volume_document, "")
    assert care(notebook).restoring is None
    assert [each.state for each in queries.snapshots_of(notebook)] == ["ready", "ready"]


@pytest.mark.parametrize("call", ENGINE_CALLS)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_of_the_engine_it_is_put_back(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, call: str, after: bool
) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    put_back(world, cast.owner, notebook, snapshot)
    deaths = 0
    dying = die_once(getattr(world.engine, call), lambda *_, **__: True, after=after)

    def in_thread_too(*args: Any, **kwargs: Any) -> Any:
        """A process that is gone takes its threads along: what reads or writes beside them sees the end of the pipe."""
        nonlocal deaths
        try:
            return dying(*args, **kwargs)
        except Killed:
            deaths += 1
            raise

    monkeypatch.setattr(world.engine, call, in_thread_too)
    for _ in range(3):
        try:
            work(world, 601)
        except Killed:
            continue
    assert deaths == 1
    check_put_back(world, notebook)


def test_killed_at_any_step_it_is_put_back(cast: Cast, world: World, notebook: Notebook) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    step = 0
    while True:
        put_back(world, cast.owner, notebook, snapshot)
        died = crashed(lambda: work(world, 601), step)
        for _ in range(2):
            work(world, 601)
        check_put_back(world, notebook)
        if not died:
            break
        mine = queries.snapshots_of(notebook).get(created_by=None)
        put_back(world, cast.owner, notebook, mine)
        work(world)
        assert files(world, notebook)["a"] == b"changed", "and what was there is kept"
        mine.refresh_from_db()
        queries.snapshots_of(notebook).filter(why=Why.BEFORE_PUT_BACK).delete()
        step += 1
    assert step > 40


def test_two_controllers_do_it_once_and_a_stale_lease_runs_out(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    calls = list[str]()

    def meanwhile(name: str) -> None:
        real = getattr(streaming, name)

        def done(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            assert reconcile.run_pass(world.engines, world.now) == 0, "another controller in the middle of it"
            return real(*args, **kwargs)

        monkeypatch.setattr(streaming, name, done)

    meanwhile("keep")
    meanwhile("put_back")
    put_back(world, cast.owner, notebook, snapshot)
    WorkspaceCare.objects.update(lease="dead", leased_until=world.now + timedelta(minutes=10))
    assert work(world, 300) == 0
    assert work(world, 301) == 1
    assert calls == ["keep", "put_back"]
    check_put_back(world, notebook)


@pytest.mark.parametrize("at", ["keep", "put_back"])
def test_a_controller_that_lost_its_lease_changes_nothing(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It was stopped for so long that another one is at it: that one does it."""
    snapshot = two_states(world, cast.owner, notebook)
    put_back(world, cast.owner, notebook, snapshot)
    real = getattr(streaming, at)

    def late(*args: Any, beat: Callable[[], None], **kwargs: Any) -> Any:
        def beaten() -> None:
            raise streaming.LeaseLost("another controller sees to it by now")

        WorkspaceCare.objects.update(lease="another", leased_until=world.now + timedelta(minutes=10))
        return real(*args, beat=beaten, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(streaming, at, late)
        work(world)
    assert (care(notebook).lease, care(notebook).restoring, care(notebook).trouble) == ("another", snapshot, "")
    assert not WorkspaceSnapshot.objects.filter(state=SnapshotState.FAILED).exists()
    assert files(world, notebook)["a"] == b"changed"
    work(world, 601)
    check_put_back(world, notebook)


def test_a_run_that_starts_is_not_held_up_and_the_snapshot_is_taken_beside_it(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_states(world, cast.owner, notebook)
    snapshot = asked(world, cast.owner, notebook)
    run = notebooks.start(cast.owner, fresh(notebook), LaunchKind.SESSION, "cpu-small", now=world.now)
    real = streaming.keep

    def keep(*args: Any, **kwargs: Any) -> Any:
        Run.objects.filter(pk=run.pk).update(state=State.ASSIGNED)
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(streaming, "keep", keep)
        work(world, 1)
    Run.objects.filter(pk=run.pk).update(state=State.QUEUED)
    snapshot.refresh_from_db()
    assert (snapshot.state, care(notebook).trouble) == (
        SnapshotState.WAITING, "It waits for a run that is just starting or ending.",
    )  # fmt: skip
    world.until(run, State.RUNNING)
    work(world, 5)
    snapshot.refresh_from_db()
    assert snapshot.state == SnapshotState.READY


def test_an_engine_that_fails_is_told_of_and_loses_nothing(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = two_states(world, cast.owner, notebook)

    def fails(*_: object, **__: object) -> None:
        raise EngineError("the disk is broken")

    for call, told in (
        ("load_volume", "The snapshot was not put back (the disk is broken), and the workspace is as it was."),
        ("save_volume", ""),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(world.engine, call, fails)
            put_back(world, cast.owner, notebook, snapshot)
            work(world)
        assert (care(notebook).restoring, care(notebook).trouble) == (None, told)
        assert files(world, notebook)["a"] == b"changed"
    failed = queries.snapshots_of(notebook).first()
    assert failed is not None
    assert (failed.state, failed.trouble) == (SnapshotState.FAILED, "the disk is broken.")
    begin(world, cast.owner, notebook)


def test_a_page_that_ends_to_watch_has_seen_the_last_words(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a page shows last is shown until it is loaded again."""
    snapshot = two_states(world, cast.owner, notebook)
    seen = list[tuple[bool, str]]()
    real = streaming.see_to_due

    def see_to_due(rows: Any, see_to: Callable[[Any], Any], *args: Any, **kwargs: Any) -> int:
        def and_look(row: Any) -> Any:
            try:
                return see_to(row)
            finally:
                found = queries.care_of(notebook)
                seen.append((found.restoring is not None, found.trouble))

        return real(rows, and_look, *args, **kwargs)

    monkeypatch.setattr(streaming, "see_to_due", see_to_due)
    put_back(world, cast.owner, notebook, snapshot)
    WorkspaceCare.objects.update(trouble="It waits.")

    def fails(*_: object, **__: object) -> None:
        raise EngineError("no")

    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "load_volume", fails)
        work(world)
    put_back(world, cast.owner, notebook, snapshot)
    WorkspaceCare.objects.update(trouble="It waits.")
    work(world)
    assert seen == [(False, "The snapshot was not put back (no), and the workspace is as it was."), (False, "")]


def test_a_lost_block_is_said_and_nothing_replaced(cast: Cast, world: World, notebook: Notebook) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    for block in Block.objects.all():
        stores.remove_block(block.pk)
    name = f"snapshot {snapshot.pk} of {cast.team.slug}/{notebook.slug}"
    assert [hurt.who for hurt in verified()] == [[name]]
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert care(notebook).restoring is None
    assert care(notebook).trouble
    assert files(world, notebook)["a"] == b"changed"


def test_of_a_notebook_that_is_deleted_meanwhile_nothing_comes_into_being_again(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    put_back(world, cast.owner, notebook, snapshot)
    real = streaming.keep

    def keep(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        notebooks.delete_notebook(cast.owner, fresh(notebook), now=world.now)
        clean_deleted(world.engines, world.now)
        return found

    monkeypatch.setattr(streaming, "keep", keep)
    work(world)
    assert volume_of(notebook) not in world.engine._state["volumes"]
    assert not WorkspaceSnapshot.objects.exists()
    assert not Hold.objects.filter(holder__contains=notebook.pk).exists()
    WorkspaceCare.objects.create(notebook=notebook, due_at=world.now)
    work(world)
    assert not WorkspaceCare.objects.exists()


def test_emptied_with_a_snapshot_first(cast: Cast, world: World, notebook: Notebook) -> None:
    two_states(world, cast.owner, notebook)
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=70_000)
    ids = [f"workspaces:{notebook.pk}"]
    cleaning.clean(cast.owner, cast.team, ids, now=world.now, keep=True)
    assert emptying.empty_asked("me", world.engines, world.now) == 0, "not before it is kept"
    work(world)
    assert emptying.empty_asked("me", world.engines, world.now) == 1
    assert volume_of(notebook) not in world.engine._state["volumes"]
    mine = queries.snapshots_of(notebook).get(created_by=None)
    assert (mine.state, mine.note) == (SnapshotState.READY, "Before the workspace was emptied")
    put_back(world, cast.owner, notebook, mine)
    work(world)
    assert files(world, notebook)["a"] == b"changed"
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=70_000)
    cleaning.clean(cast.owner, cast.team, ids, now=world.now)
    assert emptying.empty_asked("me", world.engines, world.now) == 1
    assert queries.snapshots_of(notebook).filter(created_by=None).count() == 1, "not unless it is asked for"


def test_what_cannot_be_kept_is_not_emptied_nor_what_is_put_back(
    cast: Cast, world: World, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = two_states(world, cast.owner, notebook)
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=70_000)
    ids = [f"workspaces:{notebook.pk}"]

    def fails(*_: object, **__: object) -> None:
        raise EngineError("the disk is broken")

    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "save_volume", fails)
        cleaning.clean(cast.owner, cast.team, ids, now=world.now, keep=True)
        work(world)
    assert fresh(notebook).emptying_at is None
    assert emptying.empty_asked("me", world.engines, world.now) == 0
    put_back(world, cast.owner, notebook, snapshot)
    staying = cleaning.clean(cast.owner, cast.team, ids, now=world.now).staying
    assert staying[0].kept == "A snapshot is just being put back."
    emptying.ask_to_empty(cast.owner, cast.team, [notebook.pk], world.now)
    assert fresh(notebook).emptying_at is None
    assert files(world, notebook)["a"] == b"changed"


def test_on_a_real_engine_the_files_are_really_there_again(
    cast: Cast, world: World, notebook: Notebook, tmp_path: Path
) -> None:
    engine = LocalEngine(tmp_path / "h")
    world.engines = {"local": engine}
    name = volume_of(notebook)

    def write(path: str, content: bytes) -> None:
        engine.write_file(name, path, content, 64 * MIB)

    big = os.urandom(3 * MIB)
    write("notebook.ipynb", FIRST)
    write("deep/data", big)
    snapshot = kept(world, cast.owner, notebook)
    write("notebook.ipynb", SECOND)
    write("deep/data", b"x")
    write("new", b"y")
    put_back(world, cast.owner, notebook, snapshot)
    work(world)
    assert (care(notebook).restoring, care(notebook).trouble) == (None, "")
    assert engine.read_file(name, "deep/data", 4 * MIB) == big
    assert engine.read_file(name, "new", 10) is None
    assert fresh(notebook).cells == 2
    use = engine.measure_volume(name)
    assert use is not None
    assert fresh(notebook).workspace_bytes == use.used_bytes > 3 * MIB
    mine = queries.snapshots_of(notebook).get(created_by=None)
    put_back(world, cast.owner, notebook, mine)
    work(world)
    assert engine.read_file(name, "new", 10) == b"y"
    with pytest.MonkeyPatch.context() as patched:  # its plan leaves it less than the files take
        patched.setattr(reconcile, "room_of", lambda *_: 2 * MIB if os.geteuid() else 8 * MIB)
        Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=0)
        write("larger", os.urandom(12 * MIB))
        larger = kept(world, cast.owner, notebook)
        put_back(world, cast.owner, notebook, larger)
        work(world)
    if os.geteuid() == 0:
        assert "cannot be given its contents" in care(notebook).trouble
    assert engine.read_file(name, "new", 10) == b"y"
    engine.delete_volume(name)
