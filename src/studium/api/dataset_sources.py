"""Bring files to datasets from elsewhere; what versions are made from, what reads them."""

from typing import Annotated

from ninja import Path, Query, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.paging import Cursor, Limit, page
from studium.api.shapes.base import Page
from studium.api.shapes.dataset_sources import DatasetImportShape, DatasetSourceShape, DatasetUseShape, NewImport
from studium.datasets.access import dataset_for, version_for
from studium.datasets.models import Dataset
from studium.datasets.sources import actions
from studium.datasets.sources.models import Import
from studium.datasets.sources.naming import check_git, check_urls
from studium.datasets.sources.provided import wanted
from studium.datasets.sources.states import SourceKind
from studium.errors import BadInput
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.bringing import bring_again, from_notebook
from studium.notebooks.lineage import made_from, used_by

router = Router(tags=["datasets"])
_IMPORTS = "/{dataset_id}/imports"
_IMPORT = _IMPORTS + "/{import_id}"
Number = Annotated[int, Path(..., ge=1, le=999_999_999, description="The version's number.")]


@router.post(
    _IMPORTS, response={202: DatasetImportShape}, auth=allow(Scope.WRITE), summary="Bring files from elsewhere"
)
def begin(request: ApiRequest, dataset_id: str, body: NewImport) -> Status[DatasetImportShape]:
    """A version is made of them once they are all there. One import of a dataset at a time."""
    user = request.auth.user
    made = begun(user, dataset_for(user, dataset_id, change=True), body)
    return Status(202, DatasetImportShape.of(made))


def begun(user: User, dataset: Dataset, body: NewImport) -> Import:
    """Have it brought. Raises BadInput where no source or more than one is named, and as beginning does."""
    named = [name for name in ("urls", "git", "notebook", "provider") if getattr(body, name)]
    if len(named) > 1:
        raise BadInput("import.sources", "Several kinds of sources are named.", "Bring from one at a time.")
    now, note, adds = clock.now(), body.note, body.add
    if body.urls:
        asked = check_urls(body.urls, unpack=body.unpack)
        return actions.begin(user, dataset, SourceKind.URL, asked, now=now, note=note, adds=adds)
    if body.git:
        asked = check_git(body.git, ref=body.ref, folder=body.folder, secret=body.secret, username=body.username)
        return actions.begin(user, dataset, SourceKind.GIT, asked, now=now, note=note, adds=adds)
    if body.notebook:
        return from_notebook(
            user, dataset, notebook_for(user, body.notebook), body.number, now=now, note=note, adds=adds
        )
    if body.provider:
        asked = wanted(user, dataset, body.provider, body.folder)
        return actions.begin(user, dataset, SourceKind.PROVIDER, asked, now=now, note=note, adds=adds)
    raise actions.no_source()


@router.get(
    _IMPORTS, response=Page[DatasetImportShape], auth=allow(Scope.READ), summary="What was brought from elsewhere"
)
def imports(request: ApiRequest, dataset_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[DatasetImportShape]:
    """Newest first. For those who may change the dataset."""
    found = dataset_for(request.auth.user, dataset_id, change=True)
    rows = Import.objects.filter(dataset=found).select_related("run", "created_by", "version")
    shown, following = page(rows, cursor, limit, "created_at", lambda row: row.created_at)
    return Page(items=[DatasetImportShape.of(row) for row in shown], next_cursor=following)


@router.get(_IMPORT, response=DatasetImportShape, auth=allow(Scope.READ), summary="How far an import is")
def one(request: ApiRequest, dataset_id: str, import_id: str) -> DatasetImportShape:
    """For those who may change the dataset."""
    return DatasetImportShape.of(actions.import_of(dataset_for(request.auth.user, dataset_id, change=True), import_id))


@router.post(_IMPORT + "/cancel", response=DatasetImportShape, auth=allow(Scope.WRITE), summary="Call an import off")
def cancel(request: ApiRequest, dataset_id: str, import_id: str) -> DatasetImportShape:
    """What has come is forgotten."""
    user = request.auth.user
    row = actions.import_of(dataset_for(user, dataset_id, change=True), import_id)
    return DatasetImportShape.of(actions.cancel(user, row, now=clock.now()))


@router.post(
    _IMPORT + "/again", response={202: DatasetImportShape}, auth=allow(Scope.WRITE), summary="Bring the same again"
)
def again(request: ApiRequest, dataset_id: str, import_id: str) -> Status[DatasetImportShape]:
    """One that failed goes on where it was; of one that is done there is a new one, and a version where something is new."""
    user = request.auth.user
    row = actions.import_of(dataset_for(user, dataset_id, change=True), import_id)
    return Status(202, DatasetImportShape.of(bring_again(user, row, now=clock.now())))


@router.get(
    "/{dataset_id}/versions/{number}/source",
    response=DatasetSourceShape,
    auth=allow(Scope.READ),
    summary="What a version of a dataset is made from",
)
def source(request: ApiRequest, dataset_id: str, number: Number) -> DatasetSourceShape:
    """A URL, a commit, or a version of a notebook with what that was given."""
    user = request.auth.user
    return DatasetSourceShape.of(made_from(user, version_for(user, dataset_id, number)))


@router.get(
    "/{dataset_id}/uses",
    response=list[DatasetUseShape],
    auth=allow(Scope.READ),
    summary="Notebooks that read a dataset",
)
def uses(
    request: ApiRequest,
    dataset_id: str,
    version: Annotated[
        int | None, Query(None, ge=1, le=999_999_999, description="Only those that read this one.")
    ] = None,
) -> list[DatasetUseShape]:
    """Those that you may read, 50 at most, the last changed first."""
    user = request.auth.user
    found = used_by(user, dataset_for(user, dataset_id), number=version)
    return [DatasetUseShape.of(each) for each in found]
