"""Load plans, put teams on them, take and settle claims. Every amount is an integer; nothing here is a kept counter."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from studium.accounts.models import Team, User
from studium.errors import BadInput, Broken
from studium.events.actions import record
from studium.plans.estimates import cost_of
from studium.plans.models import Claim, LedgerEntry, Plan, Subscription
from studium.plans.rules import PlanRules

# Allowance is held in slices and topped up while running, so that one long session does not lock the whole week.
SLICE_SECONDS = 3600


@transaction.atomic
def load_plan(
    slug: str, name: str, description: str, rules: PlanRules, *, now: datetime, actor: User | None = None
) -> Plan:
    """Put a plan in place, or replace its rules for everyone on it. Repeatable."""
    plan, _ = Plan.objects.update_or_create(
        slug=slug,
        defaults={"name": name, "description": description, "rules": rules.model_dump(mode="json"), "loaded_at": now},
    )
    record("plan.loaded", subject=("plan", slug), actor=actor, now=now)
    return plan


@transaction.atomic
def assign_plan(actor: User | None, team: Team, slug: str, *, now: datetime) -> Subscription:
    """Put a team on a plan; running sessions keep their limits, the next start uses the new ones. Raises BadInput."""
    if not Plan.objects.filter(pk=slug).exists():
        known = ", ".join(Plan.objects.values_list("slug", flat=True)) or "none"
        raise BadInput(
            "plan.unknown", f"There is no plan {slug!r}.", f"Loaded plans: {known}. `studium plans load` adds presets."
        )
    subscription, _ = Subscription.objects.update_or_create(team=team, defaults={"plan_id": slug, "since": now})
    record("plan.assigned", subject=("team", team.pk), actor=actor, team_id=team.pk, now=now, data={"plan": slug})
    return subscription


def take_claim(
    holder: str,
    team: Team,
    *,
    user_id: int | None,
    machine_type: str,
    resource: str,
    kind: str,
    devices: int,
    price_micros_hour: int,
    hold_seconds: int,
    now: datetime,
) -> Claim:
    """Hold allowance for a run. Call it under the placement lock, inside the transaction that assigns the run."""
    claim, made = Claim.objects.get_or_create(
        holder=holder,
        defaults={
            "team": team,
            "user_id": user_id,
            "machine_type": machine_type,
            "resource": resource,
            "kind": kind,
            "devices": max(1, devices),
            "price_micros_hour": price_micros_hour,
            "hold_seconds": hold_seconds,
            "created_at": now,
        },
    )
    if not made:
        # A run that went back to the queue before it ran takes its claim up again.
        Claim.objects.filter(pk=claim.pk, running_since=None).update(
            released_at=None, hold_seconds=hold_seconds, created_at=now
        )
        claim.refresh_from_db()
    return claim


def begin_charging(holder: str, *, since: datetime) -> None:
    """From `since` on the run costs. Repeatable; the first call counts."""
    Claim.objects.filter(holder=holder, running_since=None).update(running_since=since, charged_until=since)


@transaction.atomic
def charge(holder: str, *, until: datetime) -> LedgerEntry | None:
    """Enter the running time since the last charge, to the whole second. None when there is nothing to enter.

    A clock that went back charges nothing; the stretch enters when time has caught up. Two at once enter it once.
    """
    claim = Claim.objects.select_for_update().filter(holder=holder, released_at=None).first()
    if claim is None or claim.running_since is None:
        return None
    charged_until = claim.charged_until or claim.running_since
    first = round((charged_until - claim.running_since).total_seconds())
    total = int((until - claim.running_since).total_seconds())
    if total <= first:
        return None
    upto = claim.running_since + timedelta(seconds=total)
    entry = LedgerEntry.objects.create(
        claim=claim,
        team_id=claim.team_id,
        user_id=claim.user_id,
        resource=claim.resource,
        machine_type=claim.machine_type,
        started_at=charged_until,
        ended_at=upto,
        first_second=first,
        seconds=(total - first) * claim.devices,
        cost_micros=cost_of(claim.price_micros_hour, total) - cost_of(claim.price_micros_hour, first),
    )
    if not Claim.objects.filter(pk=claim.pk, charged_until=charged_until).update(charged_until=upto):
        raise Broken("ledger.race", "Two charges of one run met.", "Nothing was entered twice; the next pass goes on.")
    return entry


@transaction.atomic
def top_up(holder: str, hold_seconds: int) -> None:
    """Raise a live claim's hold. Never lowers it."""
    Claim.objects.filter(holder=holder, released_at=None, hold_seconds__lt=hold_seconds).update(
        hold_seconds=hold_seconds
    )


@transaction.atomic
def settle(holder: str, *, until: datetime | None, now: datetime) -> None:
    """Enter what is left to charge and let the rest of the hold go. Repeatable."""
    if until is not None:
        charge(holder, until=until)
    Claim.objects.filter(holder=holder, released_at=None).update(released_at=now)


def replayed_seconds(claim: Claim) -> int:
    """Device seconds of a claim as the ledger has them."""
    return LedgerEntry.objects.filter(claim=claim).aggregate(total=Sum("seconds"))["total"] or 0
