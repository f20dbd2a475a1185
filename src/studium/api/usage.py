"""What a team used and what is left."""

from datetime import timedelta
from typing import Annotated

from ninja import Query, Router

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.machines import TeamName, team_named
from studium.api.shapes.plans import AllowanceShape, UsageLine, UsageShape
from studium.api.shapes.storage import StorageChargeShape
from studium.compute.queries import simulated_types
from studium.lib import clock
from studium.lib.units import money_words
from studium.notebooks.access import readable_runs
from studium.plans import queries

router = Router(tags=["usage"])
LINES = 200


@router.get("", response=UsageShape, auth=allow(Scope.READ), summary="Allowances and charges of a team")
def usage(
    request: ApiRequest,
    team: TeamName = "",
    days: Annotated[int, Query(30, ge=1, le=366, description="How far back the charges go.")] = 30,
) -> UsageShape:
    """The team's plan, what is left of each allowance, and what each run of the last days was charged."""
    now, user = clock.now(), request.auth.user
    found = team_named(user, team)
    standing, since = queries.standing(found, now=now), now - timedelta(days=days)
    charged, more = queries.charged_runs(found, since=since, limit=LINES)
    seconds, cost = queries.charged_totals(found, since=since)
    cost += queries.storage_cost(found, since=since)
    return UsageShape(
        team=found.slug,
        plan=standing.plan.slug,
        plan_name=standing.plan.name,
        days=days,
        allowances=[AllowanceShape.of(use) for use in standing.windows],
        seconds_by_resource=seconds,
        cost_micros=cost,
        cost=money_words(cost),
        lines=_lines(user, charged),
        more_lines=more,
        storage=[StorageChargeShape.of(line) for line in queries.storage_charges(found, since=since)],
    )


def _lines(user: User, charged: list[queries.ChargedRun]) -> list[UsageLine]:
    """Everybody in the team sees every charge; the title of a private notebook's run only those who may read it."""
    titles = dict(readable_runs(user).filter(pk__in=[line.holder for line in charged]).values_list("pk", "title"))
    people = dict(
        User.objects.filter(pk__in={line.user_id for line in charged if line.user_id}).values_list("pk", "username")
    )
    simulated = simulated_types()
    return [
        UsageLine.of(
            line,
            titles.get(line.holder, ""),
            people.get(line.user_id or 0, ""),
            simulated=line.machine_type in simulated,
        )
        for line in charged
    ]
