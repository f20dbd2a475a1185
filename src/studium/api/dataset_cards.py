"""Of a dataset's card what is more than text: its cover, and what columns of one file are."""

from django.http.response import HttpResponseBase
from ninja import Status

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.datasets import router, show
from studium.api.notebooks import RAW
from studium.api.serving import received, served
from studium.api.shapes.datasets import DatasetShape, SaidOfColumns
from studium.datasets import actions
from studium.datasets.access import dataset_for
from studium.datasets.covers import MOST_BYTES
from studium.errors import NotFound
from studium.lib import clock
from studium.storage import actions as storage

__all__ = ["router"]  # the one of all routes of datasets
_COVER = "/{dataset_id}/cover"


@router.get(
    _COVER,
    auth=allow(Scope.READ),
    summary="The cover of a dataset",
    openapi_extra={"responses": {200: {"description": "The picture", "content": {"application/octet-stream": RAW}}}},
)
def cover(request: ApiRequest, dataset_id: str) -> HttpResponseBase:
    """A PNG, JPEG or WebP."""
    found = dataset_for(request.auth.user, dataset_id)
    if not found.cover:
        raise NotFound("cover.none", "This dataset has no cover.", "`studium datasets cover` sets one.")
    content = storage.get(found.cover)
    return served(
        request,
        lambda start, length: iter([content[start : start + length]]),
        size=len(content),
        name=f"{found.slug}.{found.cover_kind}",
        etag=found.cover,
        changed_at=found.changed_at,
    )


@router.put(
    _COVER,
    response=DatasetShape,
    auth=allow(Scope.WRITE),
    summary="Set a dataset's cover",
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": RAW}}},
)
def set_cover(request: ApiRequest, dataset_id: str) -> DatasetShape:
    """The body is a PNG, JPEG or WebP of up to 4 MiB; what in it is no picture, as where it was taken, is left out."""
    user = request.auth.user
    found = dataset_for(user, dataset_id, change=True)
    return show([actions.set_cover(user, found, received(request, MOST_BYTES), now=clock.now())])[0]


@router.delete(_COVER, response={204: None}, auth=allow(Scope.WRITE), summary="Take a dataset's cover away")
def remove_cover(request: ApiRequest, dataset_id: str) -> Status[None]:
    """Nothing happens where it has none."""
    user = request.auth.user
    actions.remove_cover(user, dataset_for(user, dataset_id, change=True), now=clock.now())
    return Status(204, None)


@router.patch(
    "/{dataset_id}/columns", response=DatasetShape, auth=allow(Scope.WRITE), summary="Say what columns of a dataset are"
)
def describe_columns(request: ApiRequest, dataset_id: str, body: SaidOfColumns) -> DatasetShape:
    """Of one file; what is said of others stays."""
    user = request.auth.user
    found = dataset_for(user, dataset_id, change=True)
    return show([actions.describe_columns(user, found, body.path, body.columns, now=clock.now())])[0]
