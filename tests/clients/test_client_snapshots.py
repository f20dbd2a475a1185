"""Snapshots of a notebook's workspace by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from factories.notebooks import make_notebook, notebook_json
from studium.client import ApiError
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook
from studium.notebooks.snapshots.models import WorkspaceSnapshot
from studium.notebooks.states import Visibility

pytestmark = pytest.mark.django_db
FIRST, SECOND = notebook_json("1", "2"), notebook_json("3")


@pytest.fixture
def notebook(world: World) -> Notebook:
    made = make_notebook(world.cast.owner, world.cast.team, "Kept", visibility=Visibility.TEAM)
    left(world, made, FIRST)
    return made


def left(world: World, notebook: Notebook, content: bytes) -> None:
    """What a session left in the workspace."""
    world.engine.write_file(volume_of(notebook), notebook.filename, content, 10**6)


def test_the_client_takes_puts_back_and_forgets(world: World, notebook: Notebook) -> None:
    with world.client(world.cast.teammate) as studium:
        snapshots = studium.notebooks.snapshots
        assert snapshots.all(notebook.pk).snapshots == []
        made = snapshots.take(notebook.pk, "as it was")
        assert (made.state, made.why, made.note) == ("waiting", "asked", "as it was")
        found = snapshots.all(notebook.pk)
        assert [(each.id, each.state, each.created_by) for each in found.snapshots] == [
            (made.id, "ready", world.cast.teammate.username)
        ]
        left(world, notebook, SECOND)
        assert snapshots.put_back(notebook.pk, made.id).restoring == made.id
        found = snapshots.all(notebook.pk)
        assert (found.restoring, found.trouble, found.bytes) == ("", "", len(FIRST))
        assert [each.why for each in found.snapshots] == ["put back", "asked"]
        assert world.engine.read_file(volume_of(notebook), notebook.filename, 10**6) == FIRST
        assert snapshots.cancel(notebook.pk).restoring == ""
        for each in found.snapshots:
            snapshots.forget(notebook.pk, each.id)
        with pytest.raises(ApiError) as caught:
            snapshots.put_back(notebook.pk, made.id)
        assert (caught.value.code, caught.value.status) == ("snapshot.unknown", 404)
    with world.client(world.cast.reader) as studium, pytest.raises(ApiError) as refused:
        studium.notebooks.snapshots.take(notebook.pk)
    assert refused.value.status == 403


def test_the_command_takes_lists_puts_back_and_forgets(world: World, cli: Cli, notebook: Notebook) -> None:
    assert "No snapshots: studium notebooks snapshot" in cli("notebooks", "snapshots", "kept").output
    taken = cli("notebooks", "snapshot", "kept", "--note", "as it was")
    assert taken.exit_code == 0, taken.output
    snapshot = taken.stdout.partition(":")[0]
    assert "kept." in taken.stdout
    rows = cli("notebooks", "snapshots", "kept").stdout
    assert "ready" in rows
    assert "as it was" in rows
    left(world, notebook, SECOND)
    assert cli("notebooks", "put-back", "kept", snapshot, input="n\n").exit_code != 0
    done = cli("notebooks", "put-back", "kept", snapshot, "--yes")
    assert "being put back" in done.stdout
    left_as = json.loads(cli("notebooks", "leave-as-is", "kept", "--json").stdout)
    assert (left_as["restoring"], len(left_as["snapshots"])) == ("", 2)
    assert world.engine.read_file(volume_of(notebook), notebook.filename, 10**6) == FIRST
    assert cli("notebooks", "forget", "kept", snapshot).exit_code == 0
    assert WorkspaceSnapshot.objects.count() == 1
    world.engine.delete_volume(volume_of(notebook))
    empty = cli("notebooks", "snapshot", "kept")
    assert empty.exit_code != 0
    assert "The workspace is empty" in empty.output


def test_a_workspace_is_emptied_with_a_snapshot(world: World, cli: Cli, notebook: Notebook) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=5000, emptying_at=None)
    item, team = f"workspaces:{notebook.pk}", world.cast.team.slug
    done = cli("storage", "clean", item, "--team", team, "--yes", "--snapshots")
    assert done.exit_code == 0, done.output
    assert WorkspaceSnapshot.objects.get().why == "emptied"
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=5000, emptying_at=None)
    with world.client(world.cast.owner) as studium:
        studium.storage.clean(team, [item])
    assert WorkspaceSnapshot.objects.count() == 1
