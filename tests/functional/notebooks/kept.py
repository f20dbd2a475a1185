"""Workspaces with files in them, sessions in them, and the pass that keeps them and puts them back."""

from datetime import timedelta

from world import World

from studium.accounts.models import User
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.states import State
from studium.compute.volumes.states import SnapshotState
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.reconcile import settle_ended
from studium.notebooks.snapshots import actions, reconcile
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.states import LaunchKind


def work(world: World, seconds: float = 61) -> int:
    """The pass, after a while."""
    world.now += timedelta(seconds=seconds)
    return reconcile.run_pass(world.engines, world.now)


def begin(world: World, user: User, notebook: Notebook) -> Run:
    run = notebooks.start(user, fresh(notebook), LaunchKind.SESSION, "cpu-small", now=world.now)
    return world.until(run, State.RUNNING)


def stop(world: World, run: Run) -> None:
    compute.stop_run(None, run, now=world.now)
    world.until(run, State.ENDED)
    settle_ended(world.engines, world.now)


def files(world: World, notebook: Notebook) -> dict[str, bytes]:
    """What is in the workspace."""
    return {name: text.encode("latin-1") for name, text in world.engine._state["volumes"][volume_of(notebook)].items()}


def fill(world: World, notebook: Notebook, content: dict[str, bytes]) -> None:
    """Have the workspace hold this and nothing else, as what ran in it would leave it."""
    held = world.engine._state["volumes"].setdefault(volume_of(notebook), {})
    held.clear()
    held.update({name: data.decode("latin-1") for name, data in content.items()})


def asked(world: World, user: User, notebook: Notebook, note: str = "") -> WorkspaceSnapshot:
    return actions.take(user, notebook, stored=stored_bytes(notebook.team), now=world.now, note=note)


def kept(world: World, user: User, notebook: Notebook, note: str = "as it was") -> WorkspaceSnapshot:
    """A snapshot that is taken."""
    made = asked(world, user, notebook, note)
    work(world)
    made.refresh_from_db()
    assert made.state == SnapshotState.READY, made.trouble
    return made


def put_back(world: World, user: User, notebook: Notebook, snapshot: WorkspaceSnapshot) -> None:
    actions.put_back(user, notebook, snapshot, stored=stored_bytes(notebook.team), now=world.now)


def care(notebook: Notebook) -> WorkspaceCare:
    return WorkspaceCare.objects.get(notebook=notebook)


def fresh(notebook: Notebook) -> Notebook:
    return Notebook.objects.get(pk=notebook.pk)
