"""Versions of a notebook: save, run, read, compare, restore; and copies of it."""

from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query, Router, Status

from studium.accounts.access import project_for
from studium.accounts.models import User
from studium.accounts.states import Role, Scope
from studium.api.auth import ApiRequest, allow
from studium.api.machines import team_named
from studium.api.notebooks import NOTEBOOK_TYPE, RAW, never_a_page, notebook_file
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_notebook, show_version, show_versions
from studium.api.serving import served_file
from studium.api.shapes.base import Page
from studium.api.shapes.notebooks import NotebookShape
from studium.api.shapes.versions import (
    Comparison,
    Fork,
    NewVersion,
    RunAgain,
    VersionChange,
    VersionFiles,
    VersionShape,
)
from studium.errors import BadInput, Forbidden, Refused
from studium.lib import clock
from studium.notebooks.access import may_see_runs, notebook_for
from studium.notebooks.models import Version
from studium.notebooks.states import RunOptions
from studium.notebooks.versions import actions, queries
from studium.notebooks.versions.comparing import CompareError, compare
from studium.storage import actions as storage

router = Router(tags=["versions"])
MOST = 999_999_999
Number = Annotated[int, Path(..., ge=1, le=MOST, description="The version's number.")]
_VERSIONS = "/{notebook_id}/versions"
_ONE = _VERSIONS + "/{number}"


def _version(user: User, notebook_id: str, number: int, *, change: bool = False) -> Version:
    """The version, fetched as the user, with the notebook it is of."""
    notebook = notebook_for(user, notebook_id, change=change)
    found = queries.version_of(notebook, number)
    found.notebook = notebook
    return found


@router.get(_VERSIONS, response=Page[VersionShape], auth=allow(Scope.READ), summary="List versions")
def versions(request: ApiRequest, notebook_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[VersionShape]:
    """Versions of a notebook, newest first."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id)
    rows = queries.versions_of(notebook).select_related("again_of")
    found, following = page(rows, cursor, limit, "number", lambda row: row.number)
    return Page(items=show_versions(user, notebook, found, now=now), next_cursor=following)


@router.post(_VERSIONS, response={201: VersionShape}, auth=allow(Scope.WRITE), summary="Save a version")
def save(request: ApiRequest, notebook_id: str, body: NewVersion) -> Status[VersionShape]:
    """Save the notebook as it is; with `run` also run all of it in a fresh workspace, beside whatever else runs."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    if body.run:
        made = actions.save_and_run(
            user, notebook, body.machine, now=now, note=body.note, max_seconds=body.max_seconds, options=body.options
        )
    elif body.machine or body.max_seconds is not None or body.options != RunOptions():
        raise BadInput(
            "version.quick_runs_nothing",
            "A quick version runs nothing, so it takes no machine and nothing else that is about running.",
            "Send `run` as true to run all cells, or send only the note.",
        )
    else:
        made = actions.save_quick(user, notebook, now=now, note=body.note)
    return Status(201, show_version(user, made, now=now))


@router.get(_ONE, response=VersionShape, auth=allow(Scope.READ), summary="One version")
def version(request: ApiRequest, notebook_id: str, number: Number) -> VersionShape:
    """What was saved, and how its run is or went."""
    user, now = request.auth.user, clock.now()
    return show_version(user, _version(user, notebook_id, number), now=now)


@router.patch(_ONE, response=VersionShape, auth=allow(Scope.WRITE), summary="Change a version's note or pin")
def change(request: ApiRequest, notebook_id: str, number: Number, body: VersionChange) -> VersionShape:
    """Change what is given; all else of a version stays as it was saved."""
    user, now = request.auth.user, clock.now()
    found = _version(user, notebook_id, number, change=True)
    changed = actions.update_version(user, found, now=now, note=body.note, pinned=body.pinned)
    return show_version(user, changed, now=now)


@router.get(
    _ONE + "/content",
    auth=allow(Scope.READ),
    summary="Download a version",
    openapi_extra={"responses": {200: {"description": "The .ipynb file", "content": {NOTEBOOK_TYPE: RAW}}}},
)
def content(
    request: ApiRequest,
    notebook_id: str,
    number: Number,
    source: Annotated[bool, Query(False, description="As it was saved, before it was run.")] = False,
) -> HttpResponse:
    """The document with the outputs of its run; of a running one what has been saved so far."""
    found = _version(request.auth.user, notebook_id, number)
    return notebook_file(found.notebook, found.source if source else found.document, f"-v{found.number}")


@router.get(
    _ONE + "/log",
    auth=allow(Scope.READ),
    summary="What a version's run printed",
    openapi_extra={"responses": {200: {"description": "The log", "content": {"text/plain": RAW}}}},
)
def log(request: ApiRequest, notebook_id: str, number: Number) -> HttpResponse:
    """The whole log, empty for a quick version. What runs print is for those who may see the team's runs."""
    user = request.auth.user
    found = _version(user, notebook_id, number)
    if not may_see_runs(user, found.notebook):
        raise Forbidden(
            "version.log_of_team",
            "What a run printed is for its team to read.",
            "Read the version's document, which has the outputs of its cells.",
        )
    return never_a_page(HttpResponse(queries.log_of(found), content_type="text/plain; charset=utf-8"))


@router.get(_ONE + "/files", response=VersionFiles, auth=allow(Scope.READ), summary="A version's output files")
def files(request: ApiRequest, notebook_id: str, number: Number) -> VersionFiles:
    """What the version's run left in its workspace. Empty for a quick version and while it runs."""
    return VersionFiles.of(queries.output_files(_version(request.auth.user, notebook_id, number)))


@router.get(
    _ONE + "/files/{path:path}",
    auth=allow(Scope.READ),
    summary="Download an output file",
    openapi_extra={"responses": {200: {"description": "The file", "content": {"application/octet-stream": RAW}}}},
)
def file(request: ApiRequest, notebook_id: str, number: Number, path: str) -> HttpResponseBase:
    """One output file, or with `Range` a part of it. Its `ETag` is its digest."""
    version = _version(request.auth.user, notebook_id, number)
    found = queries.output_file(version, path)
    return served_file(request, found, changed_at=version.created_at)


@router.post(_ONE + "/restore", response=NotebookShape, auth=allow(Scope.WRITE), summary="Restore a version")
def restore(request: ApiRequest, notebook_id: str, number: Number) -> NotebookShape:
    """Make the version's document the notebook's, and save what it replaces as a version where none has it.

    Refused while a run holds the workspace or the version is being run.
    """
    user, now = request.auth.user, clock.now()
    found = _version(user, notebook_id, number, change=True)
    return show_notebook(user, actions.restore(user, found, now=now), now=now)


@router.post(_ONE + "/run", response={201: VersionShape}, auth=allow(Scope.WRITE), summary="Run a version again")
def run_again(request: ApiRequest, notebook_id: str, number: Number, body: RunAgain) -> Status[VersionShape]:
    """A new version from the same source in the same environment with the same options. Refused when that is gone."""
    user, now = request.auth.user, clock.now()
    found = _version(user, notebook_id, number, change=True)
    machine = body.machine or (found.run.machine_type_id if found.run else "")
    made = actions.save_and_run(
        user, found.notebook, machine, now=now, note=body.note, max_seconds=body.max_seconds, again=found
    )
    return Status(201, show_version(user, made, now=now))


@router.get("/{notebook_id}/compare", response=Comparison, auth=allow(Scope.READ), summary="Compare two versions")
def compared(
    request: ApiRequest,
    notebook_id: str,
    left: Annotated[int, Query(..., ge=1, le=MOST, description="The number of the version before.")],
    right: Annotated[int, Query(..., ge=1, le=MOST, description="The number of the version after.")],
) -> Comparison:
    """What changed from one version to another, cell by cell, in source and outputs."""
    user = request.auth.user
    one, other = (_version(user, notebook_id, number) for number in (left, right))
    try:
        found = compare(storage.get(one.document), storage.get(other.document))
    except CompareError as error:
        raise Refused("version.not_comparable", str(error), "Download both and compare them on your machine.") from None
    return Comparison.model_validate(found)


@router.post("/{notebook_id}/fork", response={201: NotebookShape}, auth=allow(Scope.WRITE), summary="Copy a notebook")
def fork(request: ApiRequest, notebook_id: str, body: Fork) -> Status[NotebookShape]:
    """A notebook of your own from the document or a version of one that you may read; it remembers where it came from."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id)
    found = queries.version_of(notebook, body.version) if body.version is not None else None
    project = project_for(user, team_named(user, body.team).slug, body.project, Role.MEMBER)
    return Status(201, show_notebook(user, actions.copy(user, notebook, project, now=now, version=found), now=now))
