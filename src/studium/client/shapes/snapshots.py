"""A notebook's workspace and snapshots of it."""

from dataclasses import dataclass

from studium.client.shapes.volumes import Snapshot


@dataclass(frozen=True, kw_only=True)
class WorkspaceSnapshot(Snapshot):
    """`why` is asked, or before what the platform took it: put back or emptied."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """`restoring` is the snapshot that is being put back, empty where none; `trouble` what that waits for."""

    notebook: str
    bytes: int
    restoring: str
    trouble: str
    snapshots: list[WorkspaceSnapshot]
