"""Volumes of teams and their snapshots."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class VolumeHolder:
    run: str
    title: str
    user: str


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Runs of members see it at `path`. `made_bytes` is how large it is now, `size_bytes` how large it is to be."""

    team: str
    path: str
    size_bytes: int
    made_bytes: int
    used_bytes: int
    measured_at: datetime | None
    restoring: str
    trouble: str
    deleting: bool
    holders: list[VolumeHolder]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """`state` is waiting, ready or failed."""

    id: str
    note: str
    state: str
    trouble: str
    size_bytes: int
    created_by: str
    created_at: datetime
    taken_at: datetime | None
