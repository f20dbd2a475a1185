"""Plans: what is loaded; and, for operators, loading and assigning them."""

import json

from ninja import Router

from studium.accounts.access import operator
from studium.accounts.models import Team
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.plans import Assigned, Assigning, Loading, PlanSets, PlanShape
from studium.compute.actions import load_plan_set
from studium.errors import BadInput, NotFound
from studium.lib import clock
from studium.plans import presets
from studium.plans.actions import assign_plan
from studium.plans.models import Plan

router = Router(tags=["plans"])


@router.get("", response=list[PlanShape], auth=allow(Scope.READ), summary="Loaded plans")
def plans(request: ApiRequest) -> list[PlanShape]:
    """Every loaded plan with its rules."""
    return [PlanShape.of(row) for row in Plan.objects.order_by("slug")]


@router.get("/sets", response=PlanSets, auth=allow(Scope.READ), summary="Shipped sets of plans")
def sets(request: ApiRequest) -> PlanSets:
    """What `load` knows by name."""
    return PlanSets(shipped=list(presets.shipped_names()))


@router.post("/load", response=list[PlanShape], auth=allow(Scope.ADMIN), summary="Load sets of plans")
def load(request: ApiRequest, body: Loading) -> list[PlanShape]:
    """Put plans and machine types in place. Loading again replaces the rules for everyone on them."""
    user, now = operator(request.auth.user), clock.now()
    found = [presets.load_shipped(name) for name in body.names]
    if body.content is not None:
        found.append(presets.parse_set(json.dumps(body.content), "content"))
    if not found:
        raise BadInput(
            "plan.nothing_to_load",
            "Nothing to load was named.",
            f"Name one of {', '.join(presets.shipped_names())}, or send the content of a plan file.",
        )
    for plan_set in found:
        load_plan_set(user, plan_set, now=now)
    loaded = {plan.slug for plan_set in found for plan in plan_set.plans}
    return [PlanShape.of(row) for row in Plan.objects.filter(slug__in=loaded).order_by("slug")]


@router.post("/assign", response=Assigned, auth=allow(Scope.ADMIN), summary="Put a team on a plan")
def assign(request: ApiRequest, body: Assigning) -> Assigned:
    """Running sessions keep their limits; the next start uses the new ones."""
    user = operator(request.auth.user)
    team = Team.objects.filter(slug=body.team).first()
    if team is None:
        raise NotFound(
            "team.unknown", f"There is no team {body.team!r}.", "See the users of the admin area for their teams."
        )
    subscription = assign_plan(user, team, body.plan, now=clock.now())
    return Assigned(team=team.slug, plan=subscription.plan_id, since=subscription.since)


@router.get("/{slug}", response=PlanShape, auth=allow(Scope.READ), summary="One plan")
def plan(request: ApiRequest, slug: str) -> PlanShape:
    """A loaded plan with its rules."""
    row = Plan.objects.filter(pk=slug).first()
    if row is None:
        known = ", ".join(Plan.objects.values_list("slug", flat=True)) or "none"
        raise NotFound("plan.unknown", f"There is no plan {slug!r}.", f"Loaded plans: {known}.")
    return PlanShape.of(row)
