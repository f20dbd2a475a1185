"""Every run and the queue of the installation; stopping one with a reason."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from studium.compute import actions, queries
from studium.compute.access import run_for
from studium.compute.states import LIVE, PLACED, State
from studium.lib import clock
from studium.web.paging import page
from studium.web.requests import UserRequest
from studium.web.shown.runs import show_all
from studium.web.views.admin import operators

_TABS = (("live", "On machines"), ("queued", "In queue"), ("ended", "Ended"), ("all", "All"))


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    now = clock.now()
    which = next((name for name, _ in _TABS if name == request.GET.get("show")), "live")
    rows = queries.all_runs()
    states = {"live": PLACED, "queued": (State.QUEUED,), "ended": (State.ENDED,), "all": (*LIVE, State.ENDED)}[which]
    if which != "all":
        rows = rows.filter(state__in=states)
    text = request.GET.get("q", "").strip()[:60]
    if text:
        rows = (
            rows.filter(user__username=text)
            | rows.filter(team__slug=text)
            | rows.filter(pk=text)
            | rows.filter(machine_id=text)
        )
    found = page(request, rows, "submitted_at")
    context = {
        "now": now,
        "rows": show_all(found.rows, now=now),
        "page": found,
        "tabs": _TABS,
        "which": which,
        "text": text,
    }
    return render(request, "admin/runs.html", context)


@operators
@require_POST
def stop(request: UserRequest, run_id: str) -> HttpResponse:
    """Stop any run; the reason is shown to its person."""
    run = run_for(request.user, run_id)
    reason = request.POST.get("reason", "").strip()[:200]
    said = f"Stopped by an administrator: {reason}" if reason else "Stopped by an administrator."
    actions.stop_run(request.user, run, now=clock.now(), message=said)
    messages.success(request, f"Run {run.pk} was asked to stop.")
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "/admin/runs/")
