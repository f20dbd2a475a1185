"""Machine types and what is free of them, and the queue."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from studium.accounts.access import team_for, teams_of
from studium.accounts.models import Team
from studium.compute import queries
from studium.compute.states import State
from studium.lib import clock
from studium.notebooks.access import readable_runs
from studium.notebooks.queries import notebooks_of_runs
from studium.plans.queries import standing
from studium.web.requests import UserRequest, signed_in
from studium.web.shown import machines as shown_machines
from studium.web.shown.runs import show_all


def chosen_team(request: UserRequest, slug: str) -> Team | None:
    """The team asked for as the user, else their own, else their first."""
    if slug:
        return team_for(request.user, slug)
    return teams_of(request.user).filter(personal_of=request.user).first() or teams_of(request.user).first()


@signed_in
@require_GET
def machines(request: UserRequest) -> HttpResponse:
    """Every type as one of the user's teams sees it."""
    team = chosen_team(request, request.GET.get("team", ""))
    now = clock.now()
    allowance = standing(team, now=now) if team else None
    found = shown_machines.choices(allowance) if allowance else []
    here = [c for c in found if not c.refusal and c.total] or found
    context = {
        "team": team,
        "teams": list(teams_of(request.user)),
        "plan": allowance.plan if allowance else None,
        "choices": here,
        "others": [c for c in found if c not in here],
    }
    return render(request, "machines/list.html", context)


@signed_in
@require_GET
def queue(request: UserRequest) -> HttpResponse:
    """What waits where, and the user's places in it."""
    now = clock.now()
    mine = list(readable_runs(request.user).filter(state=State.QUEUED).order_by("submitted_at")[:50])
    owned = notebooks_of_runs(mine)
    free = {t.kind.slug: t for t in queries.types_now()}
    lines = [(line, free.get(line.kind.slug), (now - line.oldest).total_seconds()) for line in queries.lines()]
    context = {"now": now, "mine": [(s, owned.get(s.run.pk)) for s in show_all(mine, now=now)], "lines": lines}
    return render(request, "machines/queue_live.html" if request.htmx else "machines/queue.html", context)
