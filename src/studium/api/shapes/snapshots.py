"""Snapshots of a notebook's workspace."""

from studium.api.shapes.base import Shape
from studium.api.shapes.volumes import SnapshotShape
from studium.compute.volumes.states import SnapshotState
from studium.notebooks.models import Notebook
from studium.notebooks.snapshots.models import WorkspaceSnapshot
from studium.notebooks.snapshots.queries import care_of, snapshots_of
from studium.notebooks.snapshots.states import Why


class WorkspaceSnapshotShape(SnapshotShape):
    """What was in a workspace at `taken_at`. `why` is asked where a person wanted it, else before what the platform took it."""

    why: Why

    @classmethod
    def of_workspace(cls, row: WorkspaceSnapshot) -> "WorkspaceSnapshotShape":
        return cls(
            id=row.pk,
            note=row.note,
            state=SnapshotState(row.state),
            trouble=row.trouble,
            size_bytes=row.size_bytes,
            created_by=row.created_by.username if row.created_by else "",
            created_at=row.created_at,
            taken_at=row.taken_at,
            why=Why(row.why),
        )


class WorkspaceShape(Shape):
    """A notebook's workspace, which takes `bytes` as a run last saw it, and its snapshots, newest first.

    `restoring` is the snapshot that is being put back, and no run starts until then; `trouble` says what that waits for, or
    why something was not done.
    """

    notebook: str
    bytes: int
    restoring: str
    trouble: str
    snapshots: list[WorkspaceSnapshotShape]

    @classmethod
    def of(cls, notebook: Notebook) -> "WorkspaceShape":
        care = care_of(notebook)
        return cls(
            notebook=f"{notebook.team.slug}/{notebook.slug}",
            bytes=notebook.workspace_bytes,
            restoring=care.restoring.pk if care.restoring else "",
            trouble=care.trouble,
            snapshots=[WorkspaceSnapshotShape.of_workspace(row) for row in snapshots_of(notebook)],
        )
