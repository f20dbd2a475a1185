"""Datasets: list, make, change, share; their versions and files. Bringing files is in `dataset_uploads`."""

import json
from datetime import timedelta
from typing import Annotated, Literal

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.croissant import CROISSANT_TYPE, described
from studium.api.machines import TeamName, team_named
from studium.api.notebooks import RAW
from studium.api.paging import Cursor, Limit, page
from studium.api.serving import served, served_file
from studium.api.shapes.base import Line, Page
from studium.api.shapes.datasets import (
    DatasetChange,
    DatasetFile,
    DatasetLink,
    DatasetPerson,
    DatasetShape,
    DatasetShare,
    DatasetVersionShape,
    NewDataset,
    NewDatasetLink,
)
from studium.community.queries import favour
from studium.community.tag_names import tag_name
from studium.datasets import actions, archives, finding, links, queries
from studium.datasets.access import dataset_for, version_for
from studium.datasets.finding import FIELDS, Order, Sought, begins_a_download, note_download
from studium.datasets.models import Dataset
from studium.datasets.subjects import KIND
from studium.errors import NotFound
from studium.lib import clock
from studium.notebooks.sharing.queries import person_called

router = Router(tags=["datasets"])
Number = Annotated[int, Path(..., ge=1, le=999_999_999, description="The version's number.")]
_ONE = "/{dataset_id}"
_VERSION = _ONE + "/versions/{number}"
_PERSON = _ONE + "/people/{username}"


def show(rows: list[Dataset]) -> list[DatasetShape]:
    """Datasets with their newest versions, tags, votes and downloads, in five queries."""
    newest, tags = queries.newest_of(rows), queries.tags_of(rows)
    liked, taken = favour(KIND, [row.pk for row in rows]), finding.downloads(rows)
    return [
        DatasetShape.of(
            row,
            newest.get(row.pk),
            tags.get(row.pk, []),
            votes=liked[row.pk][0],
            downloads=taken.get(row.pk, 0),
        )
        for row in rows
    ]


@router.get("", response=Page[DatasetShape], auth=allow(Scope.READ), summary="List datasets")
def datasets(
    request: ApiRequest,
    which: Annotated[
        Literal["mine", "team", "shared", "public"],
        Query("team", description="`mine`, those of your teams (`team`), those `shared` with you, or `public` ones."),
    ] = "team",
    team: TeamName = "",
    q: Annotated[Line, Query("", description="Words of title, subtitle, card or name.")] = "",
    tag: Annotated[Line, Query("", description="One that they have.")] = "",
    licence: Annotated[Line, Query("", description="As it is written, such as `CC-BY-4.0`.")] = "",
    ending: Annotated[Line, Query("", description="Of a file's name, such as `csv`.")] = "",
    smallest: Annotated[int | None, Query(None, ge=0, lt=2**62, description="Bytes of the newest version.")] = None,
    largest: Annotated[int | None, Query(None, ge=0, lt=2**62, description="Bytes of the newest version.")] = None,
    days: Annotated[int | None, Query(None, ge=1, le=36500, description="Changed within so many days.")] = None,
    votes: Annotated[int | None, Query(None, ge=0, le=10**9, description="At least so many.")] = None,
    by: Annotated[Line, Query("", description="The username of who made them.")] = "",
    sort: Annotated[
        Order, Query(Order.CHANGED, description="What comes first; docs/members/datasets.md says what is trending.")
    ] = Order.CHANGED,
    name: Annotated[Line, Query("", description="An id, `team/slug`, or a slug you may mean.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[DatasetShape]:
    """Datasets, last changed first, or as `sort` says."""
    user = request.auth.user
    if name:
        rows, field = queries.named(user, name), "changed_at"
    else:
        sought = Sought(
            words=q, tag=tag_name(tag) if tag else "", licence=licence, ending=ending, smallest=smallest, largest=largest,
            days=days, votes=votes, by=by,
        )  # fmt: skip
        of = team_named(user, team) if team else None
        rows, field = finding.found(user, which, sought, now=clock.now(), team=of), FIELDS[sort]
    found, following = page(rows, cursor, limit, field, lambda row: getattr(row, field))
    return Page(items=show(found), next_cursor=following)


@router.post("", response={201: DatasetShape}, auth=allow(Scope.WRITE), summary="Make a dataset")
def create(request: ApiRequest, body: NewDataset) -> Status[DatasetShape]:
    """A dataset without files; bring some and make a version of them."""
    user = request.auth.user
    made = actions.create_dataset(
        user,
        team_named(user, body.team),
        body.title,
        now=clock.now(),
        visibility=body.visibility,
        **body.given(),
    )
    return Status(201, show([made])[0])


@router.get(_ONE, response=DatasetShape, auth=allow(Scope.READ), summary="One dataset")
def dataset(request: ApiRequest, dataset_id: str) -> DatasetShape:
    """Its card, and what its newest version is."""
    return show([dataset_for(request.auth.user, dataset_id)])[0]


@router.patch(_ONE, response=DatasetShape, auth=allow(Scope.WRITE), summary="Change a dataset's card or visibility")
def change(request: ApiRequest, dataset_id: str, body: DatasetChange) -> DatasetShape:
    """Change what is given."""
    user, now = request.auth.user, clock.now()
    found = dataset_for(user, dataset_id, change=True, manage=body.visibility is not None)
    if body.visibility is not None:
        actions.change_visibility(user, found, body.visibility, now=now)
    if given := body.given():
        actions.change_card(user, found, now=now, **given)
    return show([found])[0]


@router.delete(_ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a dataset")
def delete(request: ApiRequest, dataset_id: str) -> Status[None]:
    """With all its versions. Their room is free within a few hours, less what other versions of the team share."""
    user = request.auth.user
    actions.delete_dataset(user, dataset_for(user, dataset_id, manage=True), now=clock.now())
    return Status(204, None)


@router.get(
    _ONE + "/versions", response=Page[DatasetVersionShape], auth=allow(Scope.READ), summary="Versions of a dataset"
)
def versions(request: ApiRequest, dataset_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[DatasetVersionShape]:
    """Newest first, deleted ones included."""
    rows = queries.versions_of(dataset_for(request.auth.user, dataset_id))
    found, following = page(rows, cursor, limit, "number", lambda row: row.number)
    return Page(items=[DatasetVersionShape.of(row) for row in found], next_cursor=following)


@router.get(_VERSION, response=DatasetVersionShape, auth=allow(Scope.READ), summary="One version of a dataset")
def version(request: ApiRequest, dataset_id: str, number: Number) -> DatasetVersionShape:
    """How many files it has, who made it and when."""
    return DatasetVersionShape.of(version_for(request.auth.user, dataset_id, number))


@router.delete(_VERSION, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a version of a dataset")
def delete_version(request: ApiRequest, dataset_id: str, number: Number) -> Status[None]:
    """Its files go, less those that other versions share. Its number is not used again."""
    user = request.auth.user
    dataset_for(user, dataset_id, manage=True)
    actions.delete_version(user, version_for(user, dataset_id, number), now=clock.now())
    return Status(204, None)


@router.get(
    _VERSION + "/files", response=Page[DatasetFile], auth=allow(Scope.READ), summary="Files of a version of a dataset"
)
def files(
    request: ApiRequest,
    dataset_id: str,
    number: Number,
    below: Annotated[str, Query("", max_length=1024, description="Only those in this folder.")] = "",
    after: Annotated[str, Query("", max_length=1024, description="`next_cursor` of the page before.")] = "",
    limit: Annotated[int, Query(1000, ge=1, le=10_000)] = 1000,
) -> Page[DatasetFile]:
    """By path."""
    inside = f"{below.rstrip('/')}/" if below else ""
    rows = queries.files_of(version_for(request.auth.user, dataset_id, number))
    found = [row for row in rows if row.path.startswith(inside) and row.path > after][: limit + 1]
    following = found[limit - 1].path if len(found) > limit else ""
    return Page(items=[DatasetFile.of(row) for row in found[:limit]], next_cursor=following)


@router.get(
    _VERSION + "/files/{path:path}",
    auth=allow(Scope.READ),
    summary="Download a file of a dataset",
    openapi_extra={"responses": {200: {"description": "The file", "content": {"application/octet-stream": RAW}}}},
)
def file(request: ApiRequest, dataset_id: str, number: Number, path: str) -> HttpResponseBase:
    """One file, or with `Range` a part of it. Its `ETag` is its digest."""
    found = version_for(request.auth.user, dataset_id, number)
    entry = queries.file_of(found, path)
    if entry is None:
        raise NotFound(
            "dataset.file_unknown",
            f"Version {number} has no file {path[:200]!r}.",
            f"`studium datasets files {found.dataset.team.slug}/{found.dataset.slug}` shows those there are.",
        )
    if begins_a_download(request.method, request.headers.get("Range", ""), entry.size):
        note_download(request.auth.user, found.dataset, now=clock.now())
    return served_file(request, entry, changed_at=found.created_at)


@router.get(
    _VERSION + "/archive",
    auth=allow(Scope.READ),
    summary="Download a version of a dataset as a zip archive",
    openapi_extra={"responses": {200: {"description": "The archive", "content": {"application/octet-stream": RAW}}}},
)
def archive(
    request: ApiRequest,
    dataset_id: str,
    number: Number,
    below: Annotated[str, Query("", max_length=1024, description="Only what is in this folder.")] = "",
) -> HttpResponseBase:
    """It starts at once, and with `Range` it is gone on with where it broke off."""
    found = version_for(request.auth.user, dataset_id, number)
    made = archives.archive_of(found, below)
    if begins_a_download(request.method, request.headers.get("Range", ""), made.size):
        note_download(request.auth.user, found.dataset, now=clock.now())
    return served(
        request,
        made.pieces,
        size=made.size,
        name=archives.name_of(found, below),
        etag=archives.etag_of(found, below),
        changed_at=found.created_at,
    )


@router.post(
    _VERSION + "/link",
    response={201: DatasetLink},
    auth=allow(Scope.READ),
    summary="Make a link to download from a dataset",
)
def link(request: ApiRequest, dataset_id: str, number: Number, body: NewDatasetLink) -> Status[DatasetLink]:
    """Whoever has it can download the file or archive without signing in, until it is over or you may not read the dataset."""
    user, now, lasts = request.auth.user, clock.now(), timedelta(seconds=body.seconds)
    found = version_for(user, dataset_id, number)
    token = links.make(user, found, body.path, archive=body.archive, lasts=lasts, now=now)
    return Status(201, DatasetLink(url=addresses.below(links.address(token)), expires_at=now + lasts))


@router.get(
    _VERSION + "/croissant",
    auth=allow(Scope.READ),
    summary="A version of a dataset as Croissant",
    openapi_extra={"responses": {200: {"description": "JSON-LD", "content": {CROISSANT_TYPE: {}}}}},
)
def croissant(request: ApiRequest, dataset_id: str, number: Number) -> HttpResponse:
    """JSON-LD of Croissant 1.1 that other tools load a dataset by: its card, the first 1,000 files, and columns of tables."""
    found = version_for(request.auth.user, dataset_id, number)
    return HttpResponse(json.dumps(described(found), ensure_ascii=False), content_type=CROISSANT_TYPE)


@router.get(
    _ONE + "/people", response=list[DatasetPerson], auth=allow(Scope.READ), summary="With whom a dataset is shared"
)
def people(request: ApiRequest, dataset_id: str) -> list[DatasetPerson]:
    """For those who manage it."""
    found = dataset_for(request.auth.user, dataset_id, manage=True)
    return [DatasetPerson.of(row) for row in queries.collaborators_of(found)]


def _person(user: User, username: str) -> User:
    return person_called(user, username, otherwise="Check the name; they must have an account here.")


@router.put(_PERSON, response=DatasetPerson, auth=allow(Scope.WRITE), summary="Share a dataset with somebody")
def share(request: ApiRequest, dataset_id: str, username: str, body: DatasetShare) -> DatasetPerson:
    """As reader or editor. An editor brings versions and changes the card."""
    user = request.auth.user
    found = dataset_for(user, dataset_id, manage=True)
    return DatasetPerson.of(actions.share(user, found, _person(user, username), body.role, now=clock.now()))


@router.delete(_PERSON, response={204: None}, auth=allow(Scope.WRITE), summary="Share a dataset no longer")
def unshare(request: ApiRequest, dataset_id: str, username: str) -> Status[None]:
    """With your own name, leave."""
    user = request.auth.user
    found = dataset_for(user, dataset_id, manage=username != user.username)
    actions.unshare(user, found, _person(user, username), now=clock.now())
    return Status(204, None)
