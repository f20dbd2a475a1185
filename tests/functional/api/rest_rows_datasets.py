"""The routes of datasets."""

from rest_rows import ADMINS, ALL, CHANGERS, READERS, Parts, Row
from rest_world import World

from factories.accounts import make_user
from factories.pictures import picture_png
from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.accounts.states import Scope, SharedRole, Visibility
from studium.community import actions as community
from studium.datasets import actions
from studium.datasets.models import Dataset, Profile
from studium.datasets.profiles.packing import packed
from studium.datasets.sources import actions as imports
from studium.datasets.sources.models import Import
from studium.datasets.sources.naming import check_urls
from studium.datasets.sources.states import SourceKind
from studium.datasets.subjects import subject_of
from studium.lib import clock
from studium.lib.ids import new_id
from studium.storage import actions as storage


def _made(world: World) -> Dataset:
    """One of the owner that its team sees, with a version."""
    made = make_team_dataset(world.cast.owner, world.cast.team, f"Churn {new_id()}")
    make_dataset_version(made, {"a.csv": b"a,b\n1,2\n"})
    return made


def _dataset(world: World) -> Parts:
    return {"dataset_id": _made(world).pk, "number": 1, "path": "a.csv"}


def _looked_into(world: World) -> Parts:
    """One with what a run would have found in it."""
    made = _dataset(world)
    table = {"rows": 1, "rows_exact": True, "columns": [{"name": "a"}, {"name": "b"}], "head": [[1, 2]]}
    content = storage.put(packed({"a.csv": {"kind": "table", "tables": [table]}}), now=clock.now()).digest
    Profile.objects.filter(version__dataset=made["dataset_id"]).update(state="ready", content=content)
    return made


def _covered(world: World) -> Parts:
    made = _made(world)
    actions.set_cover(world.cast.owner, made, picture_png(), now=clock.now())
    return {"dataset_id": made.pk}


def _team(world: World) -> Parts:
    return {"slug": world.cast.team.slug}


def _shared(world: World) -> Parts:
    made, person = _made(world), make_user()
    actions.share(world.cast.owner, made, person, SharedRole.READER, now=clock.now())
    return {"dataset_id": made.pk, "username": person.username}


def _import(world: World) -> Parts:
    made = _made(world)
    begun = imports.begin(world.cast.owner, made, SourceKind.URL, check_urls([_URL]), now=clock.now())
    return {"dataset_id": made.pk, "import_id": begun.pk}


def _ended_import(world: World) -> Parts:
    parts = _import(world)
    found = Import.objects.get(pk=parts["import_id"])
    imports.cancel(world.cast.owner, found, now=clock.now())
    return parts


def _public(world: World) -> Parts:
    made = _made(world)
    actions.change_visibility(world.cast.owner, made, Visibility.PUBLIC, now=clock.now())
    return {"dataset_id": made.pk}


def _comment(world: World) -> Parts:
    """One of the teammate's."""
    made = _made(world)
    said = community.comment(world.cast.teammate, subject_of(made), "Which year?", now=clock.now())
    return {"dataset_id": made.pk, "comment_id": str(said.pk)}


def _upload(world: World) -> Parts:
    made = _made(world)
    begun = actions.begin_upload(world.cast.owner, made, "b.csv", 10, fingerprint="", now=clock.now())
    return {"dataset_id": made.pk, "upload_id": begun.pk}


_URL = "https://files.example/a.csv"
_NOBODY = (403,) * 4  # only administrators
_BYTES = {"content_type": "application/octet-stream"}
_ONE, _VERSION = "/datasets/{dataset_id}", "/datasets/{dataset_id}/versions/{number}"
_COMMENTS, _COMMENT = f"{_ONE}/comments", f"{_ONE}/comments/{{comment_id}}"
DATASETS: dict[tuple[str, str], Row] = {
    ("get", "/datasets"): Row(Scope.READ, READERS, _team, query="?team={slug}"),
    ("post", "/datasets"): Row(
        Scope.WRITE, (404, 403, 201, 201), lambda w: {"body": {"title": "New", "team": w.cast.team.slug}}
    ),
    ("get", _ONE): Row(Scope.READ, READERS, _dataset),
    ("patch", _ONE): Row(Scope.WRITE, CHANGERS, _dataset, {"subtitle": "Other"}),
    ("delete", _ONE): Row(Scope.WRITE, (404, 403, 204, 204), _dataset),
    ("put", f"{_ONE}/missing"): Row(Scope.WRITE, CHANGERS, _dataset, {"digests": ["0" * 64]}),
    ("put", f"{_ONE}/packs"): Row(Scope.WRITE, (404, 403, 400, 400), _dataset, more=_BYTES),
    ("get", f"{_ONE}/versions"): Row(Scope.READ, READERS, _dataset),
    ("post", f"{_ONE}/versions"): Row(Scope.WRITE, (404, 403, 400, 400), _dataset, {}),
    ("get", _VERSION): Row(Scope.READ, READERS, _dataset),
    ("delete", _VERSION): Row(Scope.WRITE, (404, 403, 204, 204), _dataset),
    ("get", f"{_VERSION}/files"): Row(Scope.READ, READERS, _dataset),
    ("get", f"{_VERSION}/files/{{path}}"): Row(Scope.READ, READERS, _dataset),
    ("post", f"{_VERSION}/link"): Row(Scope.READ, (404, 201, 201, 201), _dataset, {"path": "a.csv"}),
    ("get", f"{_VERSION}/archive"): Row(Scope.READ, READERS, _dataset),
    ("get", f"{_VERSION}/croissant"): Row(Scope.READ, READERS, _dataset),
    ("get", f"{_VERSION}/profile"): Row(Scope.READ, READERS, _dataset, query="?path=a.csv"),
    ("get", f"{_VERSION}/rows"): Row(Scope.READ, (404, 200, 200, 200), _looked_into, query="?path=a.csv&q=1&sort=b"),
    ("post", f"{_VERSION}/profile"): Row(Scope.WRITE, (404, 403, 202, 202), _dataset, {}),
    ("get", f"{_VERSION}/source"): Row(Scope.READ, READERS, _dataset),
    ("get", f"{_ONE}/uses"): Row(Scope.READ, READERS, _dataset),
    ("post", f"{_ONE}/report"): Row(Scope.WRITE, (201, 422, 422, 422), _public, {"why": "spam"}),
    ("get", f"{_ONE}/imports"): Row(Scope.READ, CHANGERS, _dataset),
    ("post", f"{_ONE}/imports"): Row(Scope.WRITE, (404, 403, 202, 202), _dataset, {"urls": [_URL]}),
    ("get", f"{_ONE}/imports/{{import_id}}"): Row(Scope.READ, CHANGERS, _import),
    ("post", f"{_ONE}/imports/{{import_id}}/cancel"): Row(Scope.WRITE, CHANGERS, _import, {}),
    ("post", f"{_ONE}/imports/{{import_id}}/again"): Row(Scope.WRITE, (404, 403, 202, 202), _ended_import, {}),
    ("get", _COMMENTS): Row(Scope.READ, READERS, _comment),
    ("post", _COMMENTS): Row(Scope.WRITE, (404, 201, 201, 201), _dataset, {"text": "Well"}),
    ("patch", _COMMENT): Row(Scope.WRITE, (404, 403, 200, 403), _comment, {"text": "Better"}),
    ("delete", _COMMENT): Row(Scope.WRITE, (404, 403, 204, 403), _comment),
    ("post", f"{_COMMENT}/hide"): Row(Scope.WRITE, ADMINS, _comment, {"reason": "Spam"}),
    ("post", f"{_COMMENT}/unhide"): Row(Scope.WRITE, ADMINS, _comment, {}),
    ("post", f"{_COMMENT}/vote"): Row(Scope.WRITE, (404, 200, 422, 200), _comment, {}),
    ("post", f"{_COMMENT}/unvote"): Row(Scope.WRITE, READERS, _comment, {}),
    ("post", f"{_ONE}/vote"): Row(Scope.WRITE, (404, 200, 200, 422), _dataset, {}),
    ("post", f"{_ONE}/unvote"): Row(Scope.WRITE, READERS, _dataset, {}),
    ("post", f"{_ONE}/bookmark"): Row(Scope.WRITE, READERS, _dataset, {}),
    ("get", "/bookmarks/datasets"): Row(Scope.READ, ALL),
    ("delete", "/bookmarks/datasets/{dataset_id}"): Row(Scope.WRITE, (204,) * 4, _dataset),
    ("get", "/admin/takedowns/datasets"): Row(Scope.ADMIN, _NOBODY),
    ("post", "/admin/datasets/{dataset_id}/takedown"): Row(Scope.ADMIN, _NOBODY, _public, {"reason": "Spam"}),
    ("post", "/admin/datasets/{dataset_id}/restore"): Row(Scope.ADMIN, _NOBODY, _public, {}),
    ("get", f"{_ONE}/compare"): Row(Scope.READ, READERS, _dataset, query="?left=1&right=1"),
    ("get", f"{_ONE}/cover"): Row(Scope.READ, READERS, _covered),
    ("put", f"{_ONE}/cover"): Row(Scope.WRITE, (404, 403, 400, 400), _dataset, more=_BYTES),
    ("delete", f"{_ONE}/cover"): Row(Scope.WRITE, (404, 403, 204, 204), _covered),
    ("patch", f"{_ONE}/columns"): Row(Scope.WRITE, CHANGERS, _dataset, {"path": "a.csv", "columns": {"a": "An a"}}),
    ("get", f"{_ONE}/people"): Row(Scope.READ, CHANGERS, _shared),
    ("put", f"{_ONE}/people/{{username}}"): Row(Scope.WRITE, CHANGERS, _shared, {"role": "editor"}),
    ("delete", f"{_ONE}/people/{{username}}"): Row(Scope.WRITE, (404, 403, 204, 204), _shared),
    ("post", f"{_ONE}/uploads"): Row(Scope.WRITE, CHANGERS, _dataset, {"path": "c.csv", "size": 3}),
    ("get", f"{_ONE}/uploads/{{upload_id}}"): Row(Scope.READ, CHANGERS, _upload),
    ("put", f"{_ONE}/uploads/{{upload_id}}"): Row(Scope.WRITE, CHANGERS, _upload, query="?offset=0", more=_BYTES),
    ("delete", f"{_ONE}/uploads/{{upload_id}}"): Row(Scope.WRITE, (404, 403, 204, 204), _upload),
}
