"""Machine types a team may use, and the machines there are."""

from typing import Annotated

from django.db.models import Count, Q
from ninja import Query, Router

from studium.accounts.access import team_for, teams_of
from studium.accounts.models import Team, User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.base import Failure, Slug
from studium.api.shapes.machines import MachineShape, MachineTypeShape
from studium.compute import queries
from studium.compute.models import MachineType
from studium.compute.states import PLACED
from studium.errors import NotFound, StudiumError
from studium.lib import clock
from studium.plans import checks
from studium.plans import queries as plans
from studium.plans.rules import PlanSpec

router = Router(tags=["machines"])
TeamName = Annotated[Slug, Query("", description="A team's short name; the personal team when left out.")]


def team_named(user: User, slug: str) -> Team:
    """The team of this name, or the user's personal one. Raises NotFound."""
    if slug:
        return team_for(user, slug)
    team = teams_of(user).filter(personal_of=user).first() or teams_of(user).first()
    if team is None:
        raise NotFound("team.none", "You belong to no team.", "Ask for an invitation, or sign in on the page once.")
    return team


def refusal_of(plan: PlanSpec, kind: MachineType) -> StudiumError | None:
    """Why a plan does not give this machine type, None if it does."""
    try:
        checks.check_machine(plan, kind.as_spec())
    except StudiumError as refused:
        return refused
    return None


@router.get(
    "/types", response=list[MachineTypeShape], auth=allow(Scope.READ), summary="Machine types, with what is free"
)
def machine_types(request: ApiRequest, team: TeamName = "") -> list[MachineTypeShape]:
    """Every machine type with price, free places and queue, and whether the team's plan may use it."""
    standing = plans.standing(team_named(request.auth.user, team), now=clock.now())
    shown = []
    for kind in queries.types_now():
        refused = refusal_of(standing.plan, kind.kind)
        shown.append(MachineTypeShape.of(kind, Failure.of(refused) if refused else None))
    return shown


@router.get("", response=list[MachineShape], auth=allow(Scope.READ), summary="Machines and their devices")
def machines(request: ApiRequest) -> list[MachineShape]:
    """The machines that runs are put on, with their devices. Those that are gone are left out."""
    return show_machines(gone=False)


def show_machines(*, gone: bool) -> list[MachineShape]:
    rows = queries.machines().annotate(placed=Count("runs", filter=Q(runs__state__in=[s.value for s in PLACED])))
    return [MachineShape.of(row, row.placed) for row in (rows if gone else rows.filter(gone=False))]
