"""The routes of what a team stores."""

from rest_rows import CHANGERS, READERS, Parts, Row
from rest_world import World

from studium.accounts.states import Scope


def _team(world: World) -> Parts:
    return {"slug": world.cast.team.slug}


_ONE = "/teams/{slug}/storage"
STORAGE: dict[tuple[str, str], Row] = {
    ("get", _ONE): Row(Scope.READ, READERS, _team),
    ("get", f"{_ONE}/items"): Row(Scope.READ, READERS, _team, query="?kind=datasets"),
    ("get", f"{_ONE}/estimate"): Row(Scope.READ, READERS, _team, query="?bytes=1000"),
    ("post", f"{_ONE}/clean"): Row(Scope.WRITE, CHANGERS, _team, {"items": ["versions:x"]}),
    ("put", f"{_ONE}/cap"): Row(Scope.TEAM, (404, 403, 403, 200), _team, {}),
}
