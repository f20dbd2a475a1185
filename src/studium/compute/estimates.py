"""Before a start: what it would cost at most, how long it may run, and when it would begin. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from studium.accounts.models import Team, User
from studium.compute.actions import bound_to_spend
from studium.compute.models import MachineType, Run
from studium.compute.reconcile.place import decide
from studium.compute.states import State
from studium.compute.waiting import Waited
from studium.plans import checks
from studium.plans import queries as plans
from studium.plans.estimates import cost_of

_NAME = "estimate"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a start now would mean. `seconds_left` is the allowance in device seconds, None when nothing limits it.

    `wait` is None when it would start at once.
    """

    kind: MachineType
    max_seconds: int
    max_cost_micros: int
    seconds_left: int | None
    wait: Waited | None


def estimate(
    actor: User, team: Team, kind: MachineType, *, now: datetime, interactive: bool, max_seconds: int | None = None
) -> Estimate:
    """The estimate for a run of this team. Raises Refused or NotYet exactly where submitting it would."""
    standing = plans.standing(team, now=now)
    spec = kind.as_spec()
    checks.check_machine(standing.plan, spec)
    left = standing.left_for(spec)
    granted = checks.check_session(standing.plan, spec, max_seconds, left, now=now)
    most = cost_of(kind.price_micros_hour, granted)
    checks.check_spend(standing.plan, bound_to_spend(team, now), most)
    queued = list(Run.objects.filter(state=State.QUEUED).select_related("team", "machine_type"))
    checks.check_queue(standing.plan, sum(run.team_id == team.pk for run in queued))
    imagined = Run(
        id=_NAME,
        team=team,
        user=actor,
        machine_type=kind,
        interactive=interactive,
        priority=standing.rules.priority,
        submitted_at=now,
        max_seconds=granted,
    )
    outcome, _ = decide([*queued, imagined], now)
    placed = any(decision.run_id == _NAME for decision in outcome.decisions)
    noted = None if placed else next((wait for wait in outcome.waits if wait.run_id == _NAME), None)
    wait = noted and Waited(
        place=noted.place,
        reason=noted.reason,
        waits_for=noted.waits_for,
        expected_at=None if noted.expected_seconds is None else now + timedelta(seconds=noted.expected_seconds),
        at_most_at=None if noted.at_most_seconds is None else now + timedelta(seconds=noted.at_most_seconds),
    )
    return Estimate(
        kind=kind,
        max_seconds=granted,
        max_cost_micros=most,
        seconds_left=left,
        wait=wait,
    )
