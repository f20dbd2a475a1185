"""The pass that enters storage beyond the plan in the ledger, hour by hour, for teams whose owner agreed to it."""

from datetime import datetime

import structlog
from django.db.models import F, Q

from studium.notebooks.stored.measuring import counted
from studium.plans.models import OverageCap
from studium.plans.overage import HOUR
from studium.plans.queries import team_plan
from studium.plans.storage_charges import charge_hours

log = structlog.get_logger(__name__)
_TEAMS_AT_ONCE = 200


def charge_due(now: datetime) -> int:
    """Charge the teams that have an hour due; returns how many lines that made. Repeatable, also by two at once."""
    due = Q(team__storage_meter=None) | Q(team__storage_meter__charged_until__lte=now - HOUR)
    rows = OverageCap.objects.filter(due).select_related("team")
    done = 0
    for cap in rows.order_by(F("team__storage_meter__charged_until").asc(nulls_first=True), "pk")[:_TEAMS_AT_ONCE]:
        try:
            # Measured first, outside of what is entered together.
            plan, stored = team_plan(cap.team), counted(cap.team)
            done += charge_hours(plan, cap.team, stored, now=now)
        except Exception as error:  # one that cannot be charged now keeps no other waiting
            log.warning("storage_not_charged", team=cap.team_id, error=str(error))
    return done
