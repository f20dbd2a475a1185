"""The routes of what a team stores, of its volume, and of snapshots of workspaces."""

from rest_rows import CHANGERS, READERS, Parts, Row
from rest_world import World

from studium.accounts.states import Scope
from studium.compute.volumes.actions import create_volume
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.lib import clock
from studium.lib.units import GIB
from studium.notebooks.snapshots.models import WorkspaceSnapshot


def _team(world: World) -> Parts:
    return {"slug": world.cast.team.slug}


def _volume(world: World) -> Parts:
    """As it was made, whatever was asked of it before."""
    now = clock.now()
    TeamVolume.objects.filter(team=world.cast.team).delete()
    create_volume(world.cast.owner, world.cast.team, GIB, used=0, now=now)
    Snapshot.objects.filter(team=world.cast.team).delete()
    made = Snapshot.objects.create(team=world.cast.team, state="ready", created_at=now, size_bytes=10)
    return {"slug": world.cast.team.slug, "snapshot_id": made.pk}


def _workspace(world: World) -> Parts:
    """A notebook with a snapshot."""
    made = WorkspaceSnapshot.objects.create(
        notebook=world.notebook(), state="ready", created_at=clock.now(), size_bytes=10
    )
    return {"notebook_id": made.notebook_id, "snapshot_id": made.pk}


_SIZE = {"size_bytes": 2 * GIB}
_VOLUME = "/volumes/{slug}"
_WORKSPACE = "/notebooks/{notebook_id}/snapshots"
_ONE = "/teams/{slug}/storage"
STORAGE: dict[tuple[str, str], Row] = {
    ("get", _ONE): Row(Scope.READ, READERS, _team),
    ("get", f"{_ONE}/items"): Row(Scope.READ, READERS, _team, query="?kind=datasets"),
    ("get", f"{_ONE}/estimate"): Row(Scope.READ, READERS, _team, query="?bytes=1000"),
    ("post", f"{_ONE}/clean"): Row(Scope.WRITE, CHANGERS, _team, {"items": ["versions:x"]}),
    ("put", f"{_ONE}/cap"): Row(Scope.TEAM, (404, 403, 403, 200), _team, {}),
    ("get", "/volumes"): Row(Scope.READ, (200, 200, 200, 200), _volume),
    ("get", _VOLUME): Row(Scope.READ, READERS, _volume),
    ("post", _VOLUME): Row(Scope.TEAM, (404, 403, 403, 409), _volume, _SIZE),
    ("patch", _VOLUME): Row(Scope.TEAM, (404, 403, 403, 200), _volume, _SIZE),
    ("delete", _VOLUME): Row(Scope.TEAM, (404, 403, 403, 204), _volume),
    ("post", f"{_VOLUME}/cancel"): Row(Scope.TEAM, (404, 403, 403, 200), _volume),
    ("get", f"{_VOLUME}/snapshots"): Row(Scope.READ, READERS, _volume),
    ("post", f"{_VOLUME}/snapshots"): Row(Scope.WRITE, (404, 403, 201, 201), _volume, {"note": "x"}),
    ("delete", f"{_VOLUME}/snapshots/{{snapshot_id}}"): Row(Scope.WRITE, (404, 403, 204, 204), _volume),
    ("post", f"{_VOLUME}/snapshots/{{snapshot_id}}/restore"): Row(Scope.TEAM, (404, 403, 403, 200), _volume),
    ("get", _WORKSPACE): Row(Scope.READ, READERS, _workspace),
    ("post", _WORKSPACE): Row(Scope.WRITE, (404, 403, 201, 201), _workspace, {"note": "x"}),
    ("post", f"{_WORKSPACE}/cancel"): Row(Scope.WRITE, CHANGERS, _workspace),
    ("delete", f"{_WORKSPACE}/{{snapshot_id}}"): Row(Scope.WRITE, (404, 403, 204, 204), _workspace),
    ("post", f"{_WORKSPACE}/{{snapshot_id}}/restore"): Row(Scope.WRITE, CHANGERS, _workspace),
}
