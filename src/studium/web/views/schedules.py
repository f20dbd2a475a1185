"""Schedules of a notebook: those there are with their next times and what came of them, and a form for one more."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from studium.errors import BadInput, Forbidden, StudiumError
from studium.lib import clock
from studium.notebooks.access import may_change, may_see_runs, notebook_for
from studium.notebooks.models import Notebook, Schedule, Turn
from studium.notebooks.schedules import actions, queries
from studium.notebooks.schedules.times import words
from studium.notebooks.webhooks.queries import shown_url
from studium.plans.queries import standing
from studium.web.forms.schedules import ScheduleForm, filled, zones
from studium.web.requests import UserRequest, signed_in
from studium.web.shown import machines
from studium.web.shown.runs import options_words
from studium.web.views.notebooks import address

_STATES = {
    "due": ("Due", "warn"),
    "running": ("Running", "live"),
    "done": ("Finished", "good"),
    "failed": ("Failed", "bad"),
    "skipped": ("Left out", "plain"),
}


@dataclass(frozen=True, kw_only=True)
class ScheduleShown:
    """One schedule: its times in its own zone, and the newest of what came of it."""

    schedule: Schedule
    words: str
    options: str
    times: list[str]
    turns: list[tuple[Turn, str, str]]
    webhook: str


def _shown(schedule: Schedule, now: datetime) -> ScheduleShown:
    zone = ZoneInfo(schedule.zone)
    return ScheduleShown(
        schedule=schedule,
        words=words(schedule.cron),
        options=options_words(schedule.options),
        # Written here: templates would show them in the site's zone.
        times=[f"{time.astimezone(zone):%a %-d %b %Y, %H:%M %Z}" for time in queries.next_times(schedule, now=now)],
        turns=[(turn, *_STATES[turn.state]) for turn in queries.turns_of(schedule)[:5]],
        webhook=shown_url(schedule.webhook, able=False) if hasattr(schedule, "webhook") else "",
    )


def readable(request: UserRequest, team: str, slug: str) -> Notebook:
    """The notebook whose schedules the user may see: its team's. Raises NotFound, Forbidden."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    if not may_see_runs(request.user, notebook):
        raise Forbidden(
            "schedule.of_its_team", "Schedules are for the notebook's team to see.", "Copy it and schedule your copy."
        )
    return notebook


def _form(
    notebook: Notebook, now: datetime, data: object = None, initial: dict[str, object] | None = None
) -> ScheduleForm:
    offered = machines.offer(standing(notebook.team, now=now), notebook.machine_type)
    choices = [(c.kind.slug, c.kind.label + (" (simulated)" if c.simulated else "")) for c in offered["choices"]]  # type: ignore[attr-defined]
    return ScheduleForm(choices, data, initial=initial or {"machine": offered["chosen"]})


def _page(
    request: UserRequest, notebook: Notebook, form: ScheduleForm | None = None, status: int = 200
) -> HttpResponse:
    now = clock.now()
    able = may_change(request.user, notebook)
    context = {
        "now": now,
        "notebook": notebook,
        "url": address(notebook),
        "able": able,
        "schedules": [_shown(schedule, now) for schedule in queries.schedules_of(notebook)],
        "form": (form or _form(notebook, now)) if able else None,
        "zones": zones(),
    }
    return render(request, "schedules/list.html", context, status=status)


@signed_in
@require_http_methods(["GET", "POST"])
def listing(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The schedules, and adding one."""
    if request.method == "GET":
        return _page(request, readable(request, team, slug))
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    now = clock.now()
    form = _form(notebook, now, request.POST)
    try:
        if not form.is_valid():
            return _page(request, notebook, form, 400)
        made = actions.create_schedule(request.user, notebook, form.wanted(), now=now)
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _page(request, notebook, form, error.status)
    messages.success(request, f"Scheduled: {words(made.cron)}, {made.zone}.")
    return redirect(address(notebook, "schedules/"))


@signed_in
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, team: str, slug: str, schedule: str) -> HttpResponse:
    """One schedule's form."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    found, now, status = queries.schedule_of(notebook, schedule), clock.now(), 200
    form = _form(notebook, now, initial=filled(found))
    if request.method == "POST":
        form = _form(notebook, now, request.POST)
        try:
            if form.is_valid():
                actions.change_schedule(request.user, found, form.wanted(), now=now)
                messages.success(request, "Saved. It runs as you from now on.")
                return redirect(address(notebook, "schedules/"))
            status = 400
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
            status = error.status
    context = {"notebook": notebook, "url": address(notebook), "form": form, "zones": zones(), "schedule": found}
    return render(request, "schedules/change.html", context, status=status)


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str, schedule: str) -> HttpResponse:
    """Pause, resume or remove: `do` says which."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    found, now = queries.schedule_of(notebook, schedule), clock.now()
    match request.POST.get("do", ""):
        case "pause":
            actions.pause(request.user, found, paused=True, now=now)
        case "resume":
            actions.pause(request.user, found, paused=False, now=now)
        case "remove":
            actions.delete_schedule(request.user, found, now=now)
            messages.success(request, "The schedule is removed; the versions it made stay.")
        case _:
            raise BadInput("schedule.do_unknown", "The form does not say what to do.", "Go back and choose.")
    return redirect(address(notebook, "schedules/"))
