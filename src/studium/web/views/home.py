"""The start page: what runs, what is left, what was done last, what is free, and what to begin with."""

from django.http import HttpResponse
from django.shortcuts import render

from studium.accounts.access import teams_of
from studium.compute import queries as compute
from studium.compute.states import LIVE
from studium.datasets.queries import listed
from studium.lib import clock
from studium.notebooks import queries
from studium.notebooks.access import mine, readable_runs, shared
from studium.notebooks.gallery import gallery
from studium.plans.queries import standing
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.meters import allowance_meters
from studium.web.shown.notebooks import rows_of
from studium.web.shown.runs import show_all


@signed_in
def home(request: UserRequest) -> HttpResponse:
    now = clock.now()
    user = request.user
    live = list(readable_runs(user).filter(user=user, state__in=LIVE)[:12])
    owned = queries.notebooks_of_runs(live)
    running = [(shown, owned.get(shown.run.pk)) for shown in show_all(live, now=now)]
    team = teams_of(user).filter(personal_of=user).first()
    allowance = standing(team, now=now) if team else None
    context = {
        "now": now,
        "running": running,
        "recent": rows_of(user, list(mine(user).order_by("-changed_at")[:8]), now=now),
        "shared": shared(user).count(),
        "datasets": listed(user, "mine")[:5],
        "team": team,
        "plan": allowance.plan if allowance else None,
        "meters": allowance_meters(allowance) if allowance else [],
        "types": busiest(compute.types_now()),
        "gallery": gallery()[:3],
    }
    return render(request, "parts/home_live.html" if request.htmx else "home.html", context)


def busiest(types: list[compute.TypeNow], most: int = 8) -> list[compute.TypeNow]:
    """The types worth showing in a small table: those that machines here can hold, or that somebody waits for."""
    return [t for t in types if t.total or t.waiting][:most] or types[:most]
