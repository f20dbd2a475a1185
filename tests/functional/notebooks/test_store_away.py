"""What runs left waits in their workspaces while the store is away or full, and is kept afterwards as if nothing had been."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from test_versions import MIB, end, executed, passes, put, run_version, running
from world import World

from factories.accounts import Cast
from factories.datasets import seeded
from running.disks import home_on, needs_root, small_disk
from studium.compute.states import State
from studium.notebooks import actions, reconcile, taking
from studium.notebooks.launching import volume_of, volume_of_version
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import LaunchKind
from studium.notebooks.versions import queries
from studium.notebooks.versions import reconcile as versions
from studium.storage import actions as storage
from studium.storage import stores
from studium.storage.errors import StoreFailed

pytestmark = pytest.mark.django_db


@contextmanager
def store_away() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise StoreFailed("The object store did not do it: it is away")

    with ExitStack() as stack:
        for name in ("write", "write_all", "write_file"):
            stack.enter_context(mock.patch.object(stores, name, refuse))
        yield


def test_documents_and_files_of_a_version_are_kept_later(cast: Cast, notebook: Notebook, world: World) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, notebook.filename, executed("all of it"))
    put(world, version, "out/model.bin", seeded(100_000, 60))
    with store_away():
        version = end(world, version)
        assert (version.settled_at, version.fault) == (None, "")
        passes(world)
        versions.clean_volumes(world.engines, world.now)
    assert world.engine.read_file(volume_of_version(running(version).pk), "out/model.bin", MIB) is not None
    passes(world)
    version.refresh_from_db()
    assert version.settled_at is not None
    assert (version.fault, version.files_count) == ("", 1)
    assert b"all of it" in storage.get(version.document)
    file = queries.output_file(version, "out/model.bin")
    assert b"".join(file.pieces()) == seeded(100_000, 60)


@needs_root
def test_files_that_find_no_room_on_their_way_are_kept_later(
    cast: Cast, notebook: Notebook, world: World, tmp_path: Path
) -> None:
    version = run_version(world, cast, notebook)
    put(world, version, "out/model.bin", seeded(300_000, 61))
    with small_disk(tmp_path / "small") as disk, home_on(disk, taking):
        (disk.path / "collected").mkdir()
        disk.fill(leave=100_000)
        version = end(world, version)
        assert (version.settled_at, version.fault) == (None, "")
        assert list((disk.path / "collected").iterdir()) == []
        disk.make_room()
        passes(world)
    version.refresh_from_db()
    assert (version.fault, version.files_count) == ("", 1)


def test_the_last_state_of_a_session_is_taken_over_later(cast: Cast, notebook: Notebook, world: World) -> None:
    run = actions.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    world.until(run, State.RUNNING)
    world.engine.write_file(volume_of(notebook), notebook.filename, executed("edited at last"), MIB)
    with store_away():
        world.engine.finish(run.pk, 0)
        world.until(run, State.ENDED)
        passes(world)
        launch = Launch.objects.get(run=run)
        assert (launch.settled_at, launch.fault) == (None, "")
    passes(world)
    launch.refresh_from_db()
    notebook.refresh_from_db()
    assert (launch.settled_at is None, launch.fault) == (False, "")
    assert b"edited at last" in storage.get(notebook.document)


def test_pages_are_made_later(cast: Cast, world: World, notebook: Notebook) -> None:
    actions.replace_document(cast.owner, notebook, executed("to be rendered"), now=world.now)
    with store_away():
        assert reconcile.render_changed(world.now) == 0
        notebook.refresh_from_db()
        assert (notebook.rendered_of == notebook.document, notebook.render_error) == (False, "")
    assert reconcile.render_changed(world.now) == 1
    notebook.refresh_from_db()
    assert b"done" in storage.get(notebook.rendered)
