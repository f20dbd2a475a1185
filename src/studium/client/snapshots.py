"""Snapshots of notebooks' workspaces."""

from studium.client.calls import Calls, part
from studium.client.shapes import Workspace, WorkspaceSnapshot


class Snapshots:
    """`/rest/notebooks/{notebook_id}/snapshots`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self, notebook_id: str) -> Workspace:
        """The workspace with its snapshots, newest first."""
        return self._calls.get(Workspace, f"/rest/notebooks/{part(notebook_id)}/snapshots")

    def take(self, notebook_id: str, note: str = "") -> WorkspaceSnapshot:
        """Have one taken; it is there once its `state` is ready."""
        return self._calls.post(WorkspaceSnapshot, f"/rest/notebooks/{part(notebook_id)}/snapshots", {"note": note})

    def put_back(self, notebook_id: str, snapshot_id: str) -> Workspace:
        """As soon as no run has the workspace; what is in it then is kept as a snapshot first."""
        where = f"/rest/notebooks/{part(notebook_id)}/snapshots/{part(snapshot_id)}/restore"
        return self._calls.post(Workspace, where, {})

    def cancel(self, notebook_id: str) -> Workspace:
        """Leave the workspace as it is where a snapshot waits to be put back."""
        return self._calls.post(Workspace, f"/rest/notebooks/{part(notebook_id)}/snapshots/cancel", {})

    def forget(self, notebook_id: str, snapshot_id: str) -> None:
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/snapshots/{part(snapshot_id)}")
