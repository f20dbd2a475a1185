"""What people reported, and taking notebooks and datasets down: for operators. Others find nothing here."""

from typing import Annotated

from ninja import Query, Router

from studium.accounts.access import operator
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.datasets import show
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_notebook, show_notebooks
from studium.api.shapes.base import Page
from studium.api.shapes.community import Answer, ReportShape, TakeDown
from studium.api.shapes.datasets import DatasetShape
from studium.api.shapes.notebooks import NotebookShape
from studium.community.reports import actions, queries
from studium.datasets.access import dataset_for_operator
from studium.datasets.queries import taken_down as taken_down_datasets
from studium.datasets.takedowns import put_back as put_dataset_back
from studium.datasets.takedowns import take_down as take_dataset_down_for
from studium.lib import clock
from studium.notebooks.access import notebook_for_operator
from studium.notebooks.queries import taken_down
from studium.notebooks.takedowns import put_back, take_down

router = Router(tags=["admin"], auth=allow(Scope.ADMIN))


@router.get("/reports", response=Page[ReportShape], summary="What people reported")
def reports(
    request: ApiRequest,
    everything: Annotated[bool, Query(False, alias="all", description="Also those that are decided.")] = False,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[ReportShape]:
    """Reports that wait for a decision, the newest first."""
    operator(request.auth.user)
    rows = queries.reports(only_open=not everything)
    found, following = page(rows, cursor, limit, "created_at", lambda row: row.created_at)
    return Page(items=[ReportShape.of(row) for row in found], next_cursor=following)


@router.post("/reports/{report_id}/dismiss", response=ReportShape, summary="Leave what was reported where it is")
def dismiss(request: ApiRequest, report_id: str, body: Answer) -> ReportShape:
    """Who made the report is told, with the answer."""
    return ReportShape.of(actions.dismiss(request.auth.user, report_id, body.answer, now=clock.now()))


@router.get("/takedowns", response=Page[NotebookShape], summary="What is taken down")
def takedowns(request: ApiRequest, cursor: Cursor = "", limit: Limit = 50) -> Page[NotebookShape]:
    """Notebooks that only their teams read, the last taken down first."""
    user = operator(request.auth.user)
    found, following = page(taken_down(), cursor, limit, "taken_down_at", lambda row: row.taken_down_at or clock.now())
    return Page(items=show_notebooks(user, found, now=clock.now()), next_cursor=following)


@router.get("/takedowns/datasets", response=Page[DatasetShape], summary="Which datasets are taken down")
def dataset_takedowns(request: ApiRequest, cursor: Cursor = "", limit: Limit = 50) -> Page[DatasetShape]:
    """Datasets that only their teams read, the last taken down first."""
    operator(request.auth.user)
    rows = taken_down_datasets()
    found, following = page(rows, cursor, limit, "taken_down_at", lambda row: row.taken_down_at or clock.now())
    return Page(items=show(found), next_cursor=following)


@router.post("/datasets/{dataset_id}/takedown", response=DatasetShape, summary="Take a public dataset down")
def take_dataset_down(request: ApiRequest, dataset_id: str, body: TakeDown) -> DatasetShape:
    """Only its team reads it from now on, with the reason; open reports of it are upheld. Runs that read it go on."""
    user = request.auth.user
    found = take_dataset_down_for(user, dataset_for_operator(user, dataset_id), body.reason, now=clock.now())
    return show([found])[0]


@router.post("/datasets/{dataset_id}/restore", response=DatasetShape, summary="Put a dataset back")
def restore_dataset(request: ApiRequest, dataset_id: str) -> DatasetShape:
    """Its visibility counts again. Repeatable."""
    user = request.auth.user
    return show([put_dataset_back(user, dataset_for_operator(user, dataset_id), now=clock.now())])[0]


@router.post("/notebooks/{notebook_id}/takedown", response=NotebookShape, summary="Take a public notebook down")
def take_notebook_down(request: ApiRequest, notebook_id: str, body: TakeDown) -> NotebookShape:
    """Only its team reads it from now on, with the reason; open reports of it are upheld. Copies are not touched."""
    user, now = request.auth.user, clock.now()
    found = take_down(user, notebook_for_operator(user, notebook_id), body.reason, now=now)
    return show_notebook(user, found, now=now)


@router.post("/notebooks/{notebook_id}/restore", response=NotebookShape, summary="Put a notebook back")
def restore(request: ApiRequest, notebook_id: str) -> NotebookShape:
    """Its visibility counts again. Repeatable."""
    user, now = request.auth.user, clock.now()
    return show_notebook(user, put_back(user, notebook_for_operator(user, notebook_id), now=now), now=now)
