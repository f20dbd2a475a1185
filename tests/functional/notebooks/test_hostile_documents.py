"""A document that breaks, or takes long, delays nobody else's: syncing, settling and rendering go on around it."""

from datetime import timedelta
from typing import Any

import pytest
from world import World

from factories.accounts import NOW, Cast, make_cast
from factories.compute import load_plans
from factories.notebooks import make_environment, make_notebook, notebook_json
from studium.compute.engines.base import EngineError
from studium.compute.models import Run
from studium.compute.states import State
from studium.lib.units import GIB
from studium.notebooks import actions, reconcile
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    load_plans("open")
    make_environment()
    return make_cast()


@pytest.fixture
def world(cast: Cast) -> World:
    return World()


def running(world: World, cast: Cast, title: str) -> tuple[Notebook, Run]:
    notebook = make_notebook(cast.owner, cast.team, title, visibility=Visibility.TEAM)
    run = actions.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    return notebook, world.until(run, State.RUNNING)


def save(world: World, notebook: Notebook, content: bytes) -> None:
    world.engine.write_file(volume_of(notebook), notebook.filename, content, GIB)


@pytest.mark.parametrize("error", [EngineError("10 TiB, too large"), ValueError("odd"), OSError("no room")])
def test_one_workspace_that_cannot_be_read_keeps_no_other_waiting(
    world: World, cast: Cast, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad, bad_run = running(world, cast, "Bad")
    good, good_run = running(world, cast, "Good")
    save(world, good, notebook_json("print('new')"))
    read = world.engine.read_file

    def failing(volume: str, path: str, limit: int) -> bytes | None:
        if volume == volume_of(bad):
            raise error
        return read(volume, path, limit)

    monkeypatch.setattr(world.engine, "read_file", failing)
    assert reconcile.sync_running(world.engines, world.now) == 1
    for run in (bad_run, good_run):
        world.engine.finish(run.pk, 0)
        world.until(run, State.ENDED)
    assert reconcile.settle_ended(world.engines, world.now) == 2
    assert str(error)[:5] in Launch.objects.get(run=bad_run).fault
    good.refresh_from_db()
    assert b"new" in storage.get(good.document)


def test_a_document_that_takes_long_is_read_less_often(
    world: World, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, run = running(world, cast, "Slow")
    monkeypatch.setattr(reconcile, "SLOW_SYNC_SECONDS", 0.0)
    monkeypatch.setattr(reconcile, "SLOW_SYNC_REST", 1e6)
    reads: list[str] = []
    read = world.engine.read_file
    monkeypatch.setattr(world.engine, "read_file", lambda v, p, n: reads.append(v) or read(v, p, n))  # type: ignore[func-returns-value]
    for _ in range(3):
        world.now += timedelta(seconds=6)
        reconcile.sync_running(world.engines, world.now)
    assert reads == [volume_of(slow)]
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    reconcile.settle_ended(world.engines, world.now)
    assert len(reads) == 3, "the end is read at once all the same, and what was installed"


def test_a_page_that_cannot_be_made_keeps_no_other_waiting(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = make_notebook(cast.owner, cast.team, "Bad")
    good = make_notebook(cast.owner, cast.team, "Good", content=notebook_json("2"), now=NOW + timedelta(seconds=1))

    def render(data: bytes) -> bytes:
        if data == storage.get(bad.document):
            raise UnicodeError("odd")
        return b"<p>page"

    monkeypatch.setattr(reconcile, "render_html", render)
    assert reconcile.render_changed(NOW) == 2
    rows: dict[str, Any] = {row.pk: row for row in Notebook.objects.all()}
    assert rows[bad.pk].render_error
    assert rows[good.pk].rendered


def test_a_restart_asked_for_by_somebody_who_left_does_not_happen(world: World, cast: Cast) -> None:
    notebook, run = running(world, cast, "Moved")
    actions.change_machine(cast.teammate, notebook, "cpu-medium", now=world.now)
    cast.team.memberships.filter(user=cast.teammate).delete()
    world.until(run, State.ENDED)
    reconcile.settle_ended(world.engines, world.now)
    assert reconcile.restart_moved(world.now) == 0
    assert actions.live_run(notebook) is None
