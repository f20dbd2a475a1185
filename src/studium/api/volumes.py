"""Volumes of teams: make, size, delete; snapshots: take, put back, delete."""

from ninja import Router, Status

from studium.accounts.access import team_for
from studium.accounts.models import User
from studium.accounts.states import Role, Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.base import Slug
from studium.api.shapes.volumes import NewSnapshot, NewVolume, SnapshotShape, VolumeShape
from studium.compute.volumes import actions, queries
from studium.compute.volumes.access import snapshot_for, volume_for
from studium.compute.volumes.models import TeamVolume
from studium.lib import clock
from studium.notebooks.access import holders_shown
from studium.notebooks.queries import stored_bytes

router = Router(tags=["volumes"])
_ONE = "/{slug}"
_SNAPSHOTS = _ONE + "/snapshots"
_SNAPSHOT = _SNAPSHOTS + "/{snapshot_id}"


def _shown(user: User, volume: TeamVolume) -> VolumeShape:
    return VolumeShape.of(volume, holders_shown(user, volume))


@router.get("", response=list[VolumeShape], auth=allow(Scope.READ), summary="List volumes")
def volumes(request: ApiRequest) -> list[VolumeShape]:
    """Those of your teams."""
    user = request.auth.user
    return [_shown(user, volume) for volume in queries.volumes_of(user)]


@router.get(_ONE, response=VolumeShape, auth=allow(Scope.READ), summary="The volume of a team")
def volume(request: ApiRequest, slug: Slug) -> VolumeShape:
    """Its size and use, what it waits for, and which runs have it."""
    return _shown(request.auth.user, volume_for(request.auth.user, slug))


@router.post(_ONE, response={201: VolumeShape}, auth=allow(Scope.TEAM), summary="Give a team a volume")
def create(request: ApiRequest, slug: Slug, body: NewVolume) -> Status[VolumeShape]:
    """Runs of its members that start from now on have it at `/storage`, all at the same time."""
    user = request.auth.user
    team = team_for(user, slug, Role.ADMIN)
    made = actions.create_volume(user, team, body.size_bytes, used=stored_bytes(team), now=clock.now())
    return Status(201, _shown(user, made))


@router.patch(_ONE, response=VolumeShape, auth=allow(Scope.TEAM), summary="Change the size of a volume")
def resize(request: ApiRequest, slug: Slug, body: NewVolume) -> VolumeShape:
    """Larger at once, also while runs have it where the machine can; smaller once no run has it."""
    user = request.auth.user
    found = volume_for(user, slug, Role.ADMIN)
    used = stored_bytes(found.team)
    return _shown(user, actions.resize_volume(user, found, body.size_bytes, used=used, now=clock.now()))


@router.post(_ONE + "/cancel", response=VolumeShape, auth=allow(Scope.TEAM), summary="Give up what a volume waits for")
def cancel(request: ApiRequest, slug: Slug) -> VolumeShape:
    """A smaller size, or putting a snapshot back, that waits for runs to end."""
    user = request.auth.user
    return _shown(user, actions.cancel(user, volume_for(user, slug, Role.ADMIN), now=clock.now()))


@router.delete(_ONE, response={204: None}, auth=allow(Scope.TEAM), summary="Delete a volume")
def delete(request: ApiRequest, slug: Slug) -> Status[None]:
    """With all its files and snapshots, once no run has it."""
    user = request.auth.user
    actions.delete_volume(user, volume_for(user, slug, Role.ADMIN), now=clock.now())
    return Status(204, None)


@router.get(_SNAPSHOTS, response=list[SnapshotShape], auth=allow(Scope.READ), summary="Snapshots of a volume")
def snapshots(request: ApiRequest, slug: Slug) -> list[SnapshotShape]:
    """Newest first."""
    team = volume_for(request.auth.user, slug).team
    return [SnapshotShape.of(row) for row in queries.snapshots_of(team)]


@router.post(_SNAPSHOTS, response={201: SnapshotShape}, auth=allow(Scope.WRITE), summary="Take a snapshot")
def take(request: ApiRequest, slug: Slug, body: NewSnapshot) -> Status[SnapshotShape]:
    """Keep what is in the volume now; runs go on meanwhile."""
    user = request.auth.user
    found = volume_for(user, slug, Role.MEMBER)
    return Status(201, SnapshotShape.of(actions.take_snapshot(user, found, now=clock.now(), note=body.note)))


@router.delete(_SNAPSHOT, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a snapshot")
def forget(request: ApiRequest, slug: Slug, snapshot_id: Slug) -> Status[None]:
    """Its content goes, except what other snapshots share."""
    user = request.auth.user
    actions.delete_snapshot(user, snapshot_for(user, slug, snapshot_id, Role.MEMBER), now=clock.now())
    return Status(204, None)


@router.post(_SNAPSHOT + "/restore", response=VolumeShape, auth=allow(Scope.TEAM), summary="Put a snapshot back")
def restore(request: ApiRequest, slug: Slug, snapshot_id: Slug) -> VolumeShape:
    """Once no run has the volume its contents are the snapshot's; what was in it is kept as another snapshot first."""
    user, now = request.auth.user, clock.now()
    found = volume_for(user, slug, Role.ADMIN)
    snapshot = snapshot_for(user, slug, snapshot_id, Role.ADMIN)
    return _shown(user, actions.restore_snapshot(user, found, snapshot, now=now))
