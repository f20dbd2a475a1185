"""Storage beyond the plan: an owner agrees to a cap, hours enter the ledger. Once an hour and team, whoever does it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.errors import BadInput, Broken, Refused
from studium.events.actions import record
from studium.lib.units import money_words, size_words
from studium.plans.estimates import overage_bytes
from studium.plans.models import OverageCap, StorageEntry, StorageMeter
from studium.plans.overage import HOUR, agreed_bytes, hour_cost, hour_of, hours_due
from studium.plans.queries import standing
from studium.plans.rules import TeamPlan

# So that the hours of a long downtime do not make one long transaction; the next pass goes on.
HOURS_AT_ONCE = 500
_LARGEST = 2**60


def set_cap(
    actor: User, team: Team, *, stored: int, now: datetime, cap_bytes: int | None = None, cap_micros: int | None = None
) -> int:
    """Agree to pay for storage beyond the plan up to a cap, or with neither of the two to none. Returns the bytes it comes to.

    `stored` is what the team stores now. Raises Forbidden for all but owners, Refused where the plan sells none, or where
    less is asked for than is charged now.
    """
    require(actor, team, Role.OWNER)
    plan = standing(team, now=now).plan
    price = plan.rules.storage_overage_micros_per_gib_month
    for value in (cap_bytes, cap_micros):
        if value is not None and not 0 <= value <= _LARGEST:
            raise BadInput("overage.cap", "A cap is nothing or more.", "Give a size as 50GiB, or dollars a month.")
    withdrawn = cap_bytes is None and cap_micros is None
    if price is None and not withdrawn:
        raise Refused(
            "overage.not_sold",
            f"{plan.name} sells no storage beyond what it includes.",
            "Clean up, or switch the team to another plan.",
            {"plan": plan.slug},
        )
    agreed, over = agreed_bytes(plan.rules, cap_bytes, cap_micros), overage_bytes(plan.rules, stored)
    charged = min(over, plan.agreed_bytes)
    if agreed < charged:
        raise Refused(
            "overage.in_use",
            f"{size_words(charged)} beyond the plan are in use, and the cap would allow {size_words(agreed)}.",
            f"Clean up first, or set the cap to {size_words(charged)} or more so that it grows no further.",
            {"charged": charged, "asked": agreed},
        )
    with transaction.atomic():
        if withdrawn:
            OverageCap.objects.filter(team=team).delete()
            StorageMeter.objects.filter(team=team).delete()
        else:
            fields = {"cap_bytes": cap_bytes, "cap_micros_month": cap_micros, "agreed_by": actor, "agreed_at": now}
            OverageCap.objects.update_or_create(team=team, defaults=fields)
        data = {"bytes": cap_bytes, "micros": cap_micros, "price": price}
        record("storage.cap", subject=("team", team.pk), actor=actor, team_id=team.pk, now=now, data=data)
    return agreed


def cap_words(cap: OverageCap | None) -> str:
    """`50 GiB`, `$5.00 a month`, `50 GiB and $5.00 a month`; empty without a cap."""
    if cap is None:
        return ""
    parts = [size_words(cap.cap_bytes)] if cap.cap_bytes is not None else []
    parts += [f"{money_words(cap.cap_micros_month)} a month"] if cap.cap_micros_month is not None else []
    return " and ".join(parts)


@transaction.atomic
def charge_hours(plan: TeamPlan, team: Team, stored: int, *, now: datetime) -> int:
    """Enter the hours that have ended since the last call, and return how many lines that made. `stored` was measured at `now`.

    The hour that ended last costs what is stored now; hours before it, in which nobody measured, what was measured last. A
    clock that went back enters nothing until time has caught up. From the first call on time counts, not before.
    """
    over = overage_bytes(plan.rules, stored)
    seen: dict[str, Any] = {
        "measured_at": now,
        "stored_bytes": stored,
        "included_bytes": plan.rules.storage_bytes_team or 0,
        "charged_bytes": min(over, plan.agreed_bytes),
        "price_micros": plan.rules.storage_overage_micros_per_gib_month or 0,
    }
    meter, made = StorageMeter.objects.select_for_update().get_or_create(
        team=team, defaults={"charged_until": hour_of(now), **seen}
    )
    hours = [] if made else list(hours_due(meter.charged_until, now, HOURS_AT_ONCE))
    if not hours:
        return 0
    before = StorageEntry.objects.filter(team=team).order_by("-hour").values_list("carry", flat=True).first()
    last, upto, carry, lines = hour_of(now), hours[-1] + HOUR, before or 0, list[StorageEntry]()
    for hour in hours:
        late = hour + HOUR < last
        facts = {name: getattr(meter, name) for name in seen} if late else seen
        if facts["charged_bytes"] and facts["price_micros"]:
            cost, carry = hour_cost(facts["charged_bytes"], facts["price_micros"], carry)
            lines.append(StorageEntry(team=team, hour=hour, cost_micros=cost, carry=carry, late=late, **facts))
    StorageEntry.objects.bulk_create(lines)
    changes = {"charged_until": upto, **(seen if upto == last else {})}
    if not StorageMeter.objects.filter(pk=meter.pk, charged_until=meter.charged_until).update(**changes):
        raise Broken("ledger.race", "Two charges of one hour met.", "Nothing was entered twice; the next pass goes on.")
    return len(lines)
