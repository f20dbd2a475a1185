"""Snapshots of a notebook's workspace: take, put back, delete."""

from ninja import Router, Status

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.base import Slug
from studium.api.shapes.snapshots import WorkspaceShape, WorkspaceSnapshotShape
from studium.api.shapes.volumes import NewSnapshot
from studium.lib import clock
from studium.notebooks.queries import stored_bytes
from studium.notebooks.snapshots import actions
from studium.notebooks.snapshots.access import notebook_with_snapshots, snapshot_of

router = Router(tags=["snapshots"])
_ALL = "/{notebook_id}/snapshots"
_ONE = _ALL + "/{snapshot_id}"


@router.get(_ALL, response=WorkspaceShape, auth=allow(Scope.READ), summary="A workspace and its snapshots")
def snapshots(request: ApiRequest, notebook_id: str) -> WorkspaceShape:
    """Newest first, with what is being put back. For those who see the notebook's runs."""
    return WorkspaceShape.of(notebook_with_snapshots(request.auth.user, notebook_id))


@router.post(
    _ALL, response={201: WorkspaceSnapshotShape}, auth=allow(Scope.WRITE), summary="Take a snapshot of a workspace"
)
def take(request: ApiRequest, notebook_id: str, body: NewSnapshot) -> Status[WorkspaceSnapshotShape]:
    """Keep what is in the workspace now; a session goes on meanwhile."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_with_snapshots(user, notebook_id, change=True)
    made = actions.take(user, notebook, stored=stored_bytes(notebook.team), now=now, note=body.note)
    return Status(201, WorkspaceSnapshotShape.of_workspace(made))


@router.post(
    _ALL + "/cancel", response=WorkspaceShape, auth=allow(Scope.WRITE), summary="Give up putting a snapshot back"
)
def give_up(request: ApiRequest, notebook_id: str) -> WorkspaceShape:
    """While it waits for a run to end. The workspace stays as it is."""
    user = request.auth.user
    notebook = notebook_with_snapshots(user, notebook_id, change=True)
    actions.give_up(user, notebook, now=clock.now())
    return WorkspaceShape.of(notebook)


@router.delete(_ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a snapshot of a workspace")
def forget(request: ApiRequest, notebook_id: str, snapshot_id: Slug) -> Status[None]:
    """Its content goes, except what other snapshots share."""
    user = request.auth.user
    notebook = notebook_with_snapshots(user, notebook_id, change=True)
    actions.delete(user, snapshot_of(notebook, snapshot_id), now=clock.now())
    return Status(204, None)


@router.post(
    _ONE + "/restore", response=WorkspaceShape, auth=allow(Scope.WRITE), summary="Put a snapshot of a workspace back"
)
def put_back(request: ApiRequest, notebook_id: str, snapshot_id: Slug) -> WorkspaceShape:
    """Once no run has it, workspace and document are the snapshot's; what was there is kept as another snapshot first."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_with_snapshots(user, notebook_id, change=True)
    found = snapshot_of(notebook, snapshot_id)
    actions.put_back(user, notebook, found, stored=stored_bytes(notebook.team), now=now)
    return WorkspaceShape.of(notebook)
