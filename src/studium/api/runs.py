"""Runs: how they are, what they printed, what they left; and stopping them."""

from typing import Annotated, Literal

from django.http import HttpResponse
from ninja import Query, Router

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.machines import TeamName, team_named
from studium.api.notebooks import NOTEBOOK_TYPE, notebook_file
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_run, show_runs
from studium.api.shapes.base import Page
from studium.api.shapes.runs import LogPart, RunShape, Stop
from studium.api.shapes.watching import LogHits, UseOverTime
from studium.compute import actions
from studium.compute.logsearch import LONGEST_TEXT, MOST_CONTEXT, MOST_HITS, search_log
from studium.compute.queries import is_simulated, read_log
from studium.compute.series import use_series
from studium.compute.states import LIVE, State
from studium.errors import NotFound, NotYet
from studium.lib import clock
from studium.notebooks.access import notebook_for, readable_runs, run_as
from studium.notebooks.models import Launch, Version

router = Router(tags=["runs"])
LOG_PART = 256 * 1024


@router.get("", response=Page[RunShape], auth=allow(Scope.READ), summary="List runs")
def runs(
    request: ApiRequest,
    team: TeamName = "",
    notebook: Annotated[str, Query("", max_length=40, description="A notebook's id.")] = "",
    state: Annotated[State | Literal["live", ""], Query("", description="A state, or `live` for all but ended.")] = "",
    mine: Annotated[bool, Query(False, description="Only runs you started.")] = False,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[RunShape]:
    """Runs of your teams, newest first."""
    user = request.auth.user
    rows = readable_runs(user).select_related("machine")
    if team:
        rows = rows.filter(team=team_named(user, team))
    if notebook:
        rows = rows.filter(launch__notebook=notebook_for(user, notebook))
    if state:
        rows = rows.filter(state__in=[s.value for s in LIVE] if state == "live" else [state])
    if mine:
        rows = rows.filter(user=user)
    found, following = page(rows, cursor, limit, "submitted_at", lambda row: row.submitted_at)
    return Page(items=show_runs(found, now=clock.now()), next_cursor=following)


@router.get("/{run_id}", response=RunShape, auth=allow(Scope.READ), summary="One run")
def run(request: ApiRequest, run_id: str) -> RunShape:
    """State, place in the queue, progress, use, deadlines and cost so far."""
    return show_run(run_as(request.auth.user, run_id), now=clock.now())


@router.get("/{run_id}/log", response=LogPart, auth=allow(Scope.READ), summary="What a run printed")
def log(
    request: ApiRequest,
    run_id: str,
    offset: Annotated[int, Query(0, ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(64 * 1024, ge=4, le=LOG_PART)] = 64 * 1024,
) -> LogPart:
    """A part of the log from a byte offset. Bytes that are no UTF-8 are shown as replacement characters."""
    found = run_as(request.auth.user, run_id)
    # Looked at before the log is read: what an ended run printed is then all there.
    ended = State(found.state) == State.ENDED
    content, following = read_log(found, offset, limit)
    if not content:
        return LogPart(text="", offset=offset, next_offset=offset, ended=ended)
    kept = content if ended and len(content) < limit else content[: len(content) - unfinished(content)]
    return LogPart(
        text=kept.decode("utf-8", errors="replace"),
        offset=offset,
        next_offset=following - len(content) + len(kept),
        ended=False,
    )


@router.get("/{run_id}/log/search", response=LogHits, auth=allow(Scope.READ), summary="Search what a run printed")
def log_search(
    request: ApiRequest,
    run_id: str,
    text: Annotated[str, Query(..., max_length=LONGEST_TEXT, description="A part of a line, in any case.")],
    after: Annotated[int, Query(0, ge=0, le=1 << 40, description="Only lines after this one.")] = 0,
    limit: Annotated[int, Query(50, ge=1, le=MOST_HITS)] = 50,
    context: Annotated[int, Query(2, ge=0, le=MOST_CONTEXT, description="Lines before and after.")] = 2,
) -> LogHits:
    """Lines of the log that have the text, also of a run that goes on, with the lines around them."""
    found = run_as(request.auth.user, run_id)
    return LogHits.of(search_log(found, text, after=after, limit=limit, context=context))


@router.get("/{run_id}/use", response=UseOverTime, auth=allow(Scope.READ), summary="What a run used over its life")
def use(request: ApiRequest, run_id: str) -> UseOverTime:
    """CPU, memory, workspace and accelerators over time, with mean and peak. Kept with the run."""
    found = run_as(request.auth.user, run_id)
    return UseOverTime.of(found.pk, use_series(found), simulated=is_simulated(found))


def unfinished(content: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not complete yet."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 == 0x80:
            continue
        needs = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if needs > back and back < len(content) else 0
    return 0


@router.post("/{run_id}/stop", response=RunShape, auth=allow(Scope.WRITE), summary="Stop a run")
def stop(request: ApiRequest, run_id: str, body: Stop) -> RunShape:
    """Save and stop; a queued run leaves the queue. Stopping what has ended changes nothing."""
    user, now = request.auth.user, clock.now()
    found = run_as(user, run_id, change=True)
    said = f"Stopped by {user.username}: {body.reason}" if body.reason else ""
    return show_run(actions.stop_run(user, found, now=now, message=said), now=now)


@router.get(
    "/{run_id}/document",
    auth=allow(Scope.READ),
    summary="The executed notebook",
    openapi_extra={
        "responses": {
            200: {
                "description": "The .ipynb file",
                "content": {NOTEBOOK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            }
        }
    },
)
def document(request: ApiRequest, run_id: str) -> HttpResponse:
    """The notebook as this run left it; of a running one what has been saved so far."""
    user = request.auth.user
    found = run_as(user, run_id)
    launch = Launch.objects.filter(run=found).select_related("notebook__team").first()
    if launch is None:
        raise NotFound("run.no_document", "This run belongs to no notebook.", "Read its log instead.")
    if launch.settled_at is not None and launch.document:
        return notebook_file(launch.notebook, launch.document)
    if found.running_at is None:
        raise NotYet(
            "run.no_document_yet", "This run has not begun to run.", "Ask again when it is running or has ended."
        )
    version = Version.objects.filter(run=found).first()  # it has a workspace of its own
    return notebook_file(launch.notebook, version.document if version else launch.notebook.document)
