"""Volumes of teams and their snapshots."""

from datetime import datetime

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.queries import PATH, Holder
from studium.compute.volumes.states import SnapshotState

_SIZE = Field(description="Bytes, 64 MiB to 16 TiB.", ge=1, le=2**60)


class VolumeHolderShape(Shape):
    """A run that has the volume now."""

    run: str
    title: str
    user: str


class VolumeShape(Shape):
    """A team's volume, seen by runs of its members at `path`. All of `size_bytes` counts against the plan.

    `made_bytes` is how large it is now; where it is larger than `size_bytes` it is made smaller once no run has it, as a snapshot,
    `restoring`, is put back then. `trouble` says why it is not as it was asked to be, `holders` which runs have it.
    """

    team: str
    path: str
    size_bytes: int
    made_bytes: int
    used_bytes: int
    measured_at: datetime | None
    restoring: str
    trouble: str
    deleting: bool
    holders: list[VolumeHolderShape]
    created_at: datetime

    @classmethod
    def of(cls, row: TeamVolume, holders: list[Holder]) -> "VolumeShape":
        return cls(
            team=row.team.slug,
            path=PATH,
            size_bytes=row.size_bytes,
            made_bytes=row.made_bytes,
            used_bytes=row.used_bytes,
            measured_at=row.measured_at,
            restoring=row.restoring_id or "",
            trouble=row.trouble,
            deleting=row.deleted_at is not None,
            holders=[VolumeHolderShape(run=each.run, title=each.title, user=each.user) for each in holders],
            created_at=row.created_at,
        )


class NewVolume(Asked):
    """The size of a volume."""

    size_bytes: int = _SIZE


class NewSnapshot(Asked):
    """What to keep a snapshot as."""

    note: Line = ""


class SnapshotShape(Shape):
    """What was in a volume at `taken_at`. `trouble` says why it could not be kept; without `created_by` the platform took it."""

    id: str
    note: str
    state: SnapshotState
    trouble: str
    size_bytes: int
    created_by: str
    created_at: datetime
    taken_at: datetime | None

    @classmethod
    def of(cls, row: Snapshot) -> "SnapshotShape":
        return cls(
            id=row.pk,
            note=row.note,
            state=SnapshotState(row.state),
            trouble=row.trouble,
            size_bytes=row.size_bytes,
            created_by=row.created_by.username if row.created_by else "",
            created_at=row.created_at,
            taken_at=row.taken_at,
        )
