"""Schedules of a notebook: list, make, change, pause, and what came of their times."""

from typing import Any

from ninja import Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.paging import Cursor, Limit, page
from studium.api.shapes.base import Page
from studium.api.shapes.schedules import NewSchedule, ScheduleChange, ScheduleShape, TurnShape
from studium.errors import Forbidden
from studium.lib import clock
from studium.notebooks.access import may_see_runs, notebook_for
from studium.notebooks.models import Notebook, Schedule
from studium.notebooks.schedules import actions, queries
from studium.notebooks.schedules.actions import Wanted
from studium.notebooks.states import Missed, Notify, Overlap

router = Router(tags=["schedules"])
_SCHEDULES = "/{notebook_id}/schedules"
ONE = _SCHEDULES + "/{schedule_id}"


def seen(user: User, notebook_id: str) -> Notebook:
    """The notebook, fetched as the user, whose schedules are the user's to see."""
    notebook = notebook_for(user, notebook_id)
    if not may_see_runs(user, notebook):
        raise Forbidden(
            "schedule.of_team",
            "When a notebook runs is for its team to read.",
            "Read the notebook and its versions, or copy it and schedule the copy.",
        )
    return notebook


def to_change(user: User, notebook_id: str, schedule_id: str) -> Schedule:
    return queries.schedule_of(notebook_for(user, notebook_id, change=True), schedule_id)


@router.get(_SCHEDULES, response=list[ScheduleShape], auth=allow(Scope.READ), summary="List schedules")
def schedules(request: ApiRequest, notebook_id: str) -> list[ScheduleShape]:
    """Schedules of a notebook, oldest first, for those who may see the team's runs."""
    user, now = request.auth.user, clock.now()
    return [ScheduleShape.of(row, now=now) for row in queries.schedules_of(seen(user, notebook_id))]


@router.post(_SCHEDULES, response={201: ScheduleShape}, auth=allow(Scope.WRITE), summary="Schedule a notebook")
def create(request: ApiRequest, notebook_id: str, body: NewSchedule) -> Status[ScheduleShape]:
    """Run the notebook as a new version at these times, as you. Every five minutes is the most often."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    made = actions.create_schedule(user, notebook, Wanted(**body.model_dump()), now=now)
    return Status(201, ScheduleShape.of(made, now=now))


@router.get(ONE, response=ScheduleShape, auth=allow(Scope.READ), summary="One schedule")
def schedule(request: ApiRequest, notebook_id: str, schedule_id: str) -> ScheduleShape:
    """When it runs and how, and the next five times."""
    user, now = request.auth.user, clock.now()
    return ScheduleShape.of(queries.schedule_of(seen(user, notebook_id), schedule_id), now=now)


@router.patch(ONE, response=ScheduleShape, auth=allow(Scope.WRITE), summary="Change a schedule")
def change(request: ApiRequest, notebook_id: str, schedule_id: str, body: ScheduleChange) -> ScheduleShape:
    """Change what is given; from then on it runs as you. A paused one stays paused."""
    user, now = request.auth.user, clock.now()
    found = to_change(user, notebook_id, schedule_id)
    # Nothing to change is no change: it would make the caller the one it runs as.
    if given := body.given():
        found = actions.change_schedule(user, found, _with(found, given), now=now)
    return ScheduleShape.of(found, now=now)


def _with(row: Schedule, given: dict[str, Any]) -> Wanted:
    """The schedule as it is, but for what is given."""
    kept = {
        "cron": row.cron,
        "zone": row.zone,
        "machine": row.machine_type,
        "missed": Missed(row.missed),
        "overlap": Overlap(row.overlap),
        "retries": row.retries,
        "keep_last": row.keep_last,
        "notify": Notify(row.notify),
        "cell_seconds": row.cell_seconds,
        "keep_going": row.keep_going,
    }
    return Wanted(**{**kept, **given})


@router.delete(ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Remove a schedule")
def delete(request: ApiRequest, notebook_id: str, schedule_id: str) -> Status[None]:
    """Run at its times no more. Versions it made stay, and a run that goes on goes on."""
    user, now = request.auth.user, clock.now()
    actions.delete_schedule(user, to_change(user, notebook_id, schedule_id), now=now)
    return Status(204, None)


@router.post(ONE + "/pause", response=ScheduleShape, auth=allow(Scope.WRITE), summary="Pause a schedule")
def pause(request: ApiRequest, notebook_id: str, schedule_id: str) -> ScheduleShape:
    """Let its times pass until it is resumed. Repeatable."""
    return _paused(request.auth.user, notebook_id, schedule_id, paused=True)


@router.post(ONE + "/resume", response=ScheduleShape, auth=allow(Scope.WRITE), summary="Resume a schedule")
def resume(request: ApiRequest, notebook_id: str, schedule_id: str) -> ScheduleShape:
    """Go on with the next time from now: what passed meanwhile is not made up for. Repeatable."""
    return _paused(request.auth.user, notebook_id, schedule_id, paused=False)


def _paused(user: User, notebook_id: str, schedule_id: str, *, paused: bool) -> ScheduleShape:
    now = clock.now()
    found = to_change(user, notebook_id, schedule_id)
    return ScheduleShape.of(actions.pause(user, found, paused=paused, now=now), now=now)


@router.get(ONE + "/turns", response=Page[TurnShape], auth=allow(Scope.READ), summary="What came of a schedule's times")
def turns(
    request: ApiRequest, notebook_id: str, schedule_id: str, cursor: Cursor = "", limit: Limit = 50
) -> Page[TurnShape]:
    """Each time that has come, newest first: run, failed or skipped, why, and as which version."""
    found = queries.schedule_of(seen(request.auth.user, notebook_id), schedule_id)
    rows, following = page(queries.turns_of(found), cursor, limit, "due_at", lambda row: row.due_at)
    return Page(items=[TurnShape.of(row) for row in rows], next_cursor=following)
