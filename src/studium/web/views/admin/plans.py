"""Plans: what is loaded, loading the shipped sets, putting teams on a plan."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.accounts.models import Team
from studium.compute.actions import load_plan_set
from studium.errors import NotFound
from studium.lib import clock
from studium.plans.actions import assign_plan
from studium.plans.presets import load_shipped, shipped_names
from studium.plans.queries import plan_spec, plans_with_teams
from studium.web.requests import UserRequest
from studium.web.shown.plans import rules_in_words
from studium.web.views.admin import operators


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    plans = [{"row": plan, "rules": rules_in_words(plan_spec(plan).rules)} for plan in plans_with_teams()]
    shipped = [load_shipped(name) for name in shipped_names()]
    return render(request, "admin/plans.html", {"now": clock.now(), "plans": plans, "shipped": shipped})


@operators
@require_POST
def load(request: UserRequest) -> HttpResponse:
    """Load a shipped set, machine types included. Loading again brings changed rules back."""
    found = load_shipped(request.POST.get("set", ""))
    load_plan_set(request.user, found, now=clock.now())
    messages.success(
        request, f"Loaded {len(found.plans)} plans and {len(found.machine_types)} machine types of {found.set}."
    )
    return redirect("/admin/plans/")


@operators
@require_POST
def assign(request: UserRequest) -> HttpResponse:
    slug = request.POST.get("team", "").strip()
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise NotFound(
            "team.unknown", f"There is no team {slug!r}.", "Type the short name of the team, as in its address."
        )
    plan = request.POST.get("plan", "")
    assign_plan(request.user, team, plan, now=clock.now())
    messages.success(request, f"{team.name} is now on the plan {plan}.")
    return redirect("/admin/plans/")
