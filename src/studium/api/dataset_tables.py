"""What was found in the files of datasets: columns, first rows of tables, what differs between versions."""

from typing import Annotated

from ninja import Query, Status

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.dataset_cards import router
from studium.api.datasets import Number
from studium.api.shapes.base import Line
from studium.api.shapes.datasets import DatasetDifference, DatasetProfile, TableRows
from studium.datasets.access import dataset_for, version_for
from studium.datasets.profiles import actions as profiles
from studium.datasets.profiles.comparing import tables_compared
from studium.datasets.profiles.queries import found_of, profile_of, rows_in
from studium.datasets.queries import difference, files_of
from studium.lib import clock

__all__ = ["router"]  # the one of all routes of datasets
_DATASET = "/{dataset_id}"
_VERSION = _DATASET + "/versions/{number}"


@router.get(
    _VERSION + "/profile", response=DatasetProfile, auth=allow(Scope.READ), summary="What is in a file of a dataset"
)
def profile(
    request: ApiRequest,
    dataset_id: str,
    number: Number,
    path: Annotated[str, Query(..., max_length=1024, description="The file.")],
) -> DatasetProfile:
    """Columns with types, missing and distinct values, ranges and histograms, first rows; found by a run of the team."""
    row = profile_of(version_for(request.auth.user, dataset_id, number))
    return DatasetProfile(
        path=path,
        state=row.state if row else "none",
        trouble=row.fault if row else "",
        found=found_of(row, path),
    )


@router.get(
    _VERSION + "/rows", response=TableRows, auth=allow(Scope.READ), summary="First rows of a table of a dataset"
)
def rows(
    request: ApiRequest,
    dataset_id: str,
    number: Number,
    path: Annotated[str, Query(..., max_length=1024, description="The file.")],
    table: Annotated[int, Query(0, ge=0, le=1000, description="Which of its tables, from 0.")] = 0,
    q: Annotated[Line, Query("", description="Words that a row has somewhere.")] = "",
    sort: Annotated[str, Query("", max_length=200, description="The name of a column to sort by.")] = "",
    descending: Annotated[bool, Query(False, description="The greatest first.")] = False,
    start: Annotated[int, Query(0, ge=0, le=100_000)] = 0,
    limit: Annotated[int, Query(100, ge=1, le=1000)] = 100,
) -> TableRows:
    """Searched and sorted among the up to 1,000 first rows that were kept when the file was looked into, not in all of it."""
    row = profile_of(version_for(request.auth.user, dataset_id, number))
    found = rows_in(row, path, table, search=q, sort=sort, descending=descending, start=start, limit=limit)
    return TableRows.of(found)


@router.post(
    _VERSION + "/profile", response={202: None}, auth=allow(Scope.WRITE), summary="Look into a dataset's files again"
)
def look_again(request: ApiRequest, dataset_id: str, number: Number) -> Status[None]:
    """Nothing happens while that is under way."""
    user = request.auth.user
    dataset_for(user, dataset_id, change=True)
    profiles.ask_again(user, version_for(user, dataset_id, number), now=clock.now())
    return Status(202, None)


@router.get(_DATASET + "/compare", response=DatasetDifference, auth=allow(Scope.READ), summary="Compare two versions")
def compare(
    request: ApiRequest,
    dataset_id: str,
    left: Annotated[int, Query(..., ge=1, le=999_999_999, description="The number of the version before.")],
    right: Annotated[int, Query(..., ge=1, le=999_999_999, description="The number of the version after.")],
) -> DatasetDifference:
    """Files that were added, removed and changed; of tables, columns and numbers of rows where both versions were looked into."""
    one, other = (version_for(request.auth.user, dataset_id, number) for number in (left, right))
    found = difference(files_of(one), files_of(other))
    return DatasetDifference.of(found, tables_compared(profile_of(one), profile_of(other), found.changed))
