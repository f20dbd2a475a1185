"""The routes of storage providers. Their server is one that may not be called, so whoever comes so far is told that."""

from rest_rows import CHANGERS, Parts, Row
from rest_world import World

from studium.accounts.states import Scope
from studium.lib import clock
from studium.storage.providers.models import Provider

_WANTED = {"kind": "s3", "bucket": "b"}


def _team(world: World) -> Parts:
    return {"slug": world.cast.team.slug}


def _provider(world: World) -> Parts:
    owner, team, now = world.cast.owner, world.cast.team, clock.now()
    Provider.objects.update_or_create(
        team=team,
        name="lab",
        defaults={
            "kind": "s3",
            "bucket": "b",
            "endpoint": "http://127.0.0.1:9",
            "writable": True,
            "created_by": owner,
            "created_at": now,
            "changed_by": owner,
            "changed_at": now,
        },
    )
    return {**_team(world), "name": "lab", "path": "a/b"}


def _new(world: World) -> Parts:
    Provider.objects.filter(team=world.cast.team).delete()
    return _team(world)


_ALL, _ONE = "/teams/{slug}/providers", "/teams/{slug}/providers/{name}"
_BYTES = {"content_type": "application/octet-stream"}
_CLOSED = (404, 403, 422, 422)
PROVIDERS: dict[tuple[str, str], Row] = {
    ("get", _ALL): Row(Scope.READ, CHANGERS, _provider),
    ("post", _ALL): Row(Scope.TEAM, (404, 403, 201, 201), _new, {"name": "fresh", **_WANTED}),
    ("get", _ONE): Row(Scope.READ, CHANGERS, _provider),
    ("put", _ONE): Row(Scope.TEAM, CHANGERS, _provider, _WANTED),
    ("delete", _ONE): Row(Scope.TEAM, (404, 403, 204, 204), _provider),
    ("post", f"{_ONE}/test"): Row(Scope.WRITE, CHANGERS, _provider, {}),
    ("get", f"{_ONE}/files"): Row(Scope.READ, _CLOSED, _provider),
    ("get", f"{_ONE}/files/{{path}}"): Row(Scope.READ, _CLOSED, _provider),
    ("put", f"{_ONE}/files/{{path}}"): Row(Scope.WRITE, _CLOSED, _provider, more=_BYTES),
    ("delete", f"{_ONE}/files/{{path}}"): Row(Scope.WRITE, _CLOSED, _provider),
}
