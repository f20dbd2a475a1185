"""Bringing files to a dataset: chunks that are not here yet, or whole files piece by piece; then a version of them."""

import json
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.dataset_tables import router
from studium.api.notebooks import RAW
from studium.api.serving import received
from studium.api.shapes.datasets import (
    ChunkList,
    DatasetVersionShape,
    MissingChunks,
    NewDatasetVersion,
    NewUpload,
    PackKept,
    UploadShape,
)
from studium.datasets import actions
from studium.datasets.access import dataset_for
from studium.datasets.files import Brought
from studium.datasets.models import Dataset
from studium.errors import BadInput
from studium.lib import clock
from studium.notebooks.queries import stored_before

_ONE = "/{dataset_id}"
_UPLOADS = _ONE + "/uploads"
_BYTES = {"requestBody": {"required": True, "content": {"application/octet-stream": RAW}}}
_LENGTH = 4
# Of a pack and its list, and of a piece of a file.
MOST_BYTES = 32 * 1024**2


def _changed(user: User, dataset_id: str) -> Dataset:
    return dataset_for(user, dataset_id, change=True)


@router.put(
    _ONE + "/missing", response=MissingChunks, auth=allow(Scope.WRITE), summary="Which chunks are still to be sent"
)
def missing(request: ApiRequest, dataset_id: str, body: ChunkList) -> MissingChunks:
    """Those of these chunks that the dataset's team has not brought. The others stay for eight days."""
    user = request.auth.user
    found = _changed(user, dataset_id)
    return MissingChunks(missing=actions.lacking(user, found, body.digests, now=clock.now()))


@router.put(_ONE + "/packs", response=PackKept, auth=allow(Scope.WRITE), summary="Send chunks", openapi_extra=_BYTES)
def bring(request: ApiRequest, dataset_id: str) -> PackKept:
    """Up to 20,000 chunks in at most 32 MiB. The body is the length of a list in 4 bytes, the highest first; the list, JSON of
    pairs of digest and size; and the chunks one behind the other. Sending it again changes nothing."""
    user = request.auth.user
    found = _changed(user, dataset_id)
    described, content = _pack(request)
    now = clock.now()
    used = stored_before(found.team, len(content), now=now)
    new = actions.bring(user, found, described, content, used=used, now=now)
    return PackKept(new_bytes=new)


def _pack(request: HttpRequest) -> tuple[list[tuple[str, int]], memoryview]:
    body = received(request, MOST_BYTES)
    end = _LENGTH + int.from_bytes(body[:_LENGTH], "big")
    try:
        listed = json.loads(body[_LENGTH:end])
        found = [(digest, size) for digest, size in listed]
        if not all(isinstance(digest, str) and type(size) is int for digest, size in found):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise BadInput(
            "dataset.pack", "The body does not begin with a list of chunks.", "docs/members/rest.md has the format."
        ) from None
    return found, memoryview(body)[end:]


@router.post(_ONE + "/versions", response={201: DatasetVersionShape}, auth=allow(Scope.WRITE), summary="Make a version")
def make_version(request: ApiRequest, dataset_id: str, body: NewDatasetVersion) -> Status[DatasetVersionShape]:
    """From files whose chunks were sent, uploads that are complete, and files of a version before."""
    user = request.auth.user
    made = actions.make_version_of(
        user,
        _changed(user, dataset_id),
        [Brought(each.path, each.size, each.digest, each.chunks) for each in body.files],
        now=clock.now(),
        listed=body.listed,
        uploads=body.uploads,
        base=body.base,
        remove=body.remove,
        note=body.note,
    )
    return Status(201, DatasetVersionShape.of(made))


@router.post(_UPLOADS, response=UploadShape, auth=allow(Scope.WRITE), summary="Begin to send a file, or go on")
def begin(request: ApiRequest, dataset_id: str, body: NewUpload) -> UploadShape:
    """One of the same path, size and fingerprint that was begun in the last week is gone on with."""
    user = request.auth.user
    found = _changed(user, dataset_id)
    return UploadShape.of(
        actions.begin_upload(user, found, body.path, body.size, fingerprint=body.fingerprint, now=clock.now())
    )


@router.get(_UPLOADS + "/{upload_id}", response=UploadShape, auth=allow(Scope.READ), summary="How far an upload is")
def upload(request: ApiRequest, dataset_id: str, upload_id: str) -> UploadShape:
    """The next piece begins at `received`."""
    user = request.auth.user
    return UploadShape.of(actions.upload_for(user, _changed(user, dataset_id), upload_id, now=clock.now()))


@router.put(
    _UPLOADS + "/{upload_id}",
    response=UploadShape,
    auth=allow(Scope.WRITE),
    summary="Send a piece of a file",
    openapi_extra=_BYTES,
)
def receive(
    request: ApiRequest,
    dataset_id: str,
    upload_id: str,
    offset: Annotated[int, Query(..., ge=0, description="Where in the file it begins.")],
) -> UploadShape:
    """At most 32 MiB at a time. A piece may be sent again; one that is not next is answered with where to go on."""
    user, now = request.auth.user, clock.now()
    found = _changed(user, dataset_id)
    row = actions.upload_for(user, found, upload_id, now=now)
    content = received(request, MOST_BYTES)
    used = stored_before(found.team, len(content), now=now)
    return UploadShape.of(actions.receive(user, found, row, offset, content, used=used, now=now))


@router.delete(_UPLOADS + "/{upload_id}", response={204: None}, auth=allow(Scope.WRITE), summary="Give up an upload")
def give_up(request: ApiRequest, dataset_id: str, upload_id: str) -> Status[None]:
    """What was sent is forgotten."""
    user, now = request.auth.user, clock.now()
    found = _changed(user, dataset_id)
    actions.end_upload(user, actions.upload_for(user, found, upload_id, now=now))
    return Status(204, None)
