"""What a team may still do: its plan, and its allowances counted from ledger and live claims, never from a counter."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate, TruncMonth

from studium.accounts.models import Team
from studium.config.options import options
from studium.errors import NotYet
from studium.plans.machine_types import MachineClass, MachineTypeSpec
from studium.plans.models import Claim, LedgerEntry, OverageCap, Plan, StorageEntry, Subscription
from studium.plans.overage import agreed_bytes
from studium.plans.rules import PlanRules, PlanSpec, TeamPlan, Window
from studium.plans.windows import window_bounds

_CLASSES: tuple[MachineClass, ...] = ("cpu", "gpu", "tpu")
_HALF_LIFE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class WindowUse:
    """One allowance now. Seconds are device seconds; `used` is in the ledger, `held` by runs that are live."""

    window: Window
    start: datetime
    end: datetime
    used: int
    held: int

    @property
    def left(self) -> int:
        return max(0, self.window.seconds - self.used - self.held)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A team's plan and what is left of it at one moment."""

    team: Team
    plan: TeamPlan
    windows: tuple[WindowUse, ...]
    now: datetime

    @property
    def rules(self) -> PlanRules:
        return self.plan.rules

    def left_in(self, machine_class: str) -> int | None:
        """Device seconds left for a class of machine, None when nothing limits it."""
        lefts = [use.left for use in self.windows if use.window.counts(machine_class)]  # type: ignore[arg-type]
        return min(lefts, default=None)

    def left_for(self, kind: MachineTypeSpec) -> int | None:
        return self.left_in(kind.machine_class)


def plan_of(team: Team) -> Plan:
    """The team's plan; the installation's default while it has no subscription. Raises NotYet when no plan is loaded."""
    subscription = Subscription.objects.filter(team=team).select_related("plan").first()
    if subscription is not None:
        return subscription.plan
    default = Plan.objects.filter(pk=options().default_plan).first() or Plan.objects.order_by("slug").first()
    if default is None:
        raise NotYet(
            "plan.none_loaded", "No plan is loaded yet.", "An administrator loads one: `studium plans load open`."
        )
    return default


def plan_spec(plan: Plan) -> PlanSpec:
    return PlanSpec(slug=plan.slug, name=plan.name, description=plan.description, rules=plan.parsed)


def team_plan(team: Team) -> TeamPlan:
    """The team's plan with what its owners agreed to beyond it."""
    row = plan_of(team)
    rules = row.parsed
    # Most plans sell none, and this is asked for with nearly every page.
    cap = cap_of(team) if rules.storage_overage_micros_per_gib_month is not None else None
    agreed = agreed_bytes(rules, cap.cap_bytes, cap.cap_micros_month) if cap else 0
    return TeamPlan(slug=row.slug, name=row.name, description=row.description, rules=rules, agreed_bytes=agreed)


def cap_of(team: Team) -> OverageCap | None:
    """What an owner agreed to pay for beyond the plan."""
    return OverageCap.objects.filter(team=team).select_related("agreed_by").first()


def standing(team: Team, *, now: datetime) -> Standing:
    """The team's standing at `now`."""
    spec = team_plan(team)
    return Standing(team=team, plan=spec, windows=tuple(window_use(team, w, now) for w in spec.rules.windows), now=now)


def window_use(team: Team, window: Window, now: datetime) -> WindowUse:
    """How much of an allowance is used and held. Time that lies partly in the window counts with that part."""
    start, end = window_bounds(window, now)
    classes = [c for c in _CLASSES if window.counts(c)]
    inside = LedgerEntry.objects.filter(team=team, resource__in=classes, ended_at__gt=start, started_at__lt=end)
    whole = inside.filter(started_at__gte=start).aggregate(total=Sum("seconds"))["total"] or 0
    partly = sum(_part(entry, start) for entry in inside.filter(started_at__lt=start))
    held = sum(_held(claim, now) for claim in Claim.objects.filter(team=team, resource__in=classes, released_at=None))
    return WindowUse(window=window, start=start, end=end, used=whole + partly, held=held)


def _part(entry: LedgerEntry, start: datetime) -> int:
    whole = (entry.ended_at - entry.started_at).total_seconds()
    return int(entry.seconds * (entry.ended_at - start).total_seconds() / whole) if whole else 0


def _held(claim: Claim, now: datetime) -> int:
    """What a live claim holds beyond the ledger: its hold, or what it ran since the last charge if that is more."""
    if claim.running_since is None or claim.charged_until is None:
        return claim.hold_seconds
    charged = int((claim.charged_until - claim.running_since).total_seconds()) * claim.devices
    uncharged = max(0, int((now - claim.charged_until).total_seconds())) * claim.devices
    return max(claim.hold_seconds - charged, uncharged)


def claim_of(holder: str) -> Claim | None:
    """The live claim of a run."""
    return Claim.objects.filter(holder=holder, released_at=None).first()


def recent_use(team_ids: Iterable[int], *, now: datetime) -> dict[int, float]:
    """Device seconds each team used lately, halved for each day that has passed; for fairness, not for bills."""
    use: dict[int, float] = {}
    for days in range(7):
        until, since = now - days * _HALF_LIFE, now - (days + 1) * _HALF_LIFE
        rows = (
            LedgerEntry.objects.filter(team_id__in=list(team_ids), ended_at__gt=since, ended_at__lte=until)
            .exclude(resource="cpu", seconds=0)
            .values("team_id")
            .annotate(
                accelerated=Sum("seconds", filter=~Q(resource="cpu")), plain=Sum("seconds", filter=Q(resource="cpu"))
            )
        )
        for row in rows:
            weight = (row["accelerated"] or 0) + (row["plain"] or 0) / 8
            use[row["team_id"]] = use.get(row["team_id"], 0.0) + weight * 0.5**days
    return use


def run_cost(holder: str) -> tuple[int, int]:
    """Device seconds and millionths of a dollar that a run has been charged so far."""
    total = LedgerEntry.objects.filter(claim__holder=holder).aggregate(s=Sum("seconds"), c=Sum("cost_micros"))
    return total["s"] or 0, total["c"] or 0


def ledger(team: Team) -> QuerySet[LedgerEntry]:
    """A team's entries, newest first."""
    return LedgerEntry.objects.filter(team=team).select_related("claim").order_by("-id")


@dataclass(frozen=True, kw_only=True)
class ChargedRun:
    """All that one run was charged. `seconds` are device seconds."""

    holder: str
    machine_type: str
    resource: str
    devices: int
    price_micros_hour: int
    user_id: int | None
    seconds: int
    cost_micros: int
    started_at: datetime
    ended_at: datetime


def charged_runs(team: Team, *, since: datetime, limit: int) -> tuple[list[ChargedRun], int]:
    """What each run of a team was charged since an instant, newest first, and how many more there are than `limit`."""
    rows = (
        LedgerEntry.objects.filter(team=team, ended_at__gt=since)
        .values(
            "claim__holder", "machine_type", "resource", "claim__devices", "claim__price_micros_hour", "claim__user_id"
        )
        .annotate(total=Sum("seconds"), cost=Sum("cost_micros"), first=Min("started_at"), last=Max("ended_at"))
        .order_by("-last", "claim__holder")
    )
    found = [
        ChargedRun(
            holder=row["claim__holder"],
            machine_type=row["machine_type"],
            resource=row["resource"],
            devices=row["claim__devices"],
            price_micros_hour=row["claim__price_micros_hour"],
            user_id=row["claim__user_id"],
            seconds=row["total"],
            cost_micros=row["cost"],
            started_at=row["first"],
            ended_at=row["last"],
        )
        for row in rows[:limit]
    ]
    return found, max(0, rows.count() - len(found))


def charged_totals(team: Team, *, since: datetime) -> tuple[dict[str, int], int]:
    """Device seconds of a team since an instant by resource, and millionths of a dollar altogether."""
    rows = (
        LedgerEntry.objects.filter(team=team, ended_at__gt=since)
        .values("resource")
        .annotate(total=Sum("seconds"), cost=Sum("cost_micros"))
    )
    found = list(rows)
    return {row["resource"]: row["total"] for row in found}, sum(row["cost"] for row in found)


def run_costs(holders: Iterable[str]) -> dict[str, int]:
    """Millionths of a dollar that each of these runs has been charged so far; none for those that cost nothing yet."""
    rows = (
        LedgerEntry.objects.filter(claim__holder__in=list(holders))
        .values("claim__holder")
        .annotate(cost=Sum("cost_micros"))
    )
    return {row["claim__holder"]: row["cost"] for row in rows}


def bill(team: Team) -> QuerySet[Claim]:
    """The runs a team was charged for, one claim each, newest first; `charged` has their sums."""
    return Claim.objects.filter(team=team, running_since__isnull=False).order_by("-created_at", "-pk")


def charged(claims: Iterable[Claim]) -> dict[int, tuple[int, int]]:
    """Device seconds and millionths of a dollar in the ledger by claim; one query."""
    rows = LedgerEntry.objects.filter(claim__in=[claim.pk for claim in claims]).values_list("claim")
    return {claim: (seconds, cost) for claim, seconds, cost in rows.annotate(s=Sum("seconds"), c=Sum("cost_micros"))}


def daily_use(team: Team, *, since: datetime) -> dict[str, dict[date, int]]:
    """Device seconds by resource and UTC day; a stretch counts on the day it ended."""
    rows = LedgerEntry.objects.filter(team=team, ended_at__gte=since).annotate(day=TruncDate("ended_at", tzinfo=UTC))
    found: dict[str, dict[date, int]] = {}
    for resource, day, seconds in rows.values_list("resource", "day").annotate(total=Sum("seconds")):
        found.setdefault(resource, {})[day] = seconds
    return found


def cost_since(team: Team, since: datetime) -> int:
    """Millionths of a dollar the team's runs, and its storage beyond the plan, have cost since then."""
    runs = LedgerEntry.objects.filter(team=team, ended_at__gte=since).aggregate(total=Sum("cost_micros"))["total"] or 0
    return runs + storage_cost(team, since=since)


def storage_cost(team: Team, *, since: datetime) -> int:
    """Millionths of a dollar for storage beyond the plan, of the hours that began since then."""
    rows = StorageEntry.objects.filter(team=team, hour__gte=since)
    return rows.aggregate(total=Sum("cost_micros"))["total"] or 0


@dataclass(frozen=True, kw_only=True)
class StorageCharge:
    """What a team paid in one month, at one price, for storage beyond its plan. `late_hours` of the `hours` were not measured
    and cost what was measured before them; `mean_bytes` is what was charged on average."""

    month: datetime
    price_micros: int
    included_bytes: int
    hours: int
    late_hours: int
    mean_bytes: int
    cost_micros: int


def storage_charges(team: Team, *, since: datetime, limit: int = 100) -> list[StorageCharge]:
    """By month and price, newest first."""
    rows = StorageEntry.objects.filter(team=team, hour__gte=since).annotate(month=TruncMonth("hour", tzinfo=UTC))
    found = rows.values("month", "price_micros", "included_bytes").annotate(
        hours=Count("pk"), late=Count("pk", filter=Q(late=True)), total=Sum("charged_bytes"), cost=Sum("cost_micros")
    )
    return [
        StorageCharge(
            month=row["month"],
            price_micros=row["price_micros"],
            included_bytes=row["included_bytes"],
            hours=row["hours"],
            late_hours=row["late"],
            mean_bytes=int(row["total"]) // row["hours"],
            cost_micros=row["cost"],
        )
        for row in found.order_by("-month", "-price_micros", "-included_bytes")[:limit]
    ]


def storage_ledger(team: Team) -> QuerySet[StorageEntry]:
    """A team's hours of storage beyond its plan, newest first."""
    return StorageEntry.objects.filter(team=team).order_by("-hour")


def plans_with_teams() -> QuerySet[Plan]:
    """Every loaded plan with `teams`, how many were put on it."""
    return Plan.objects.annotate(teams=Count("subscriptions")).order_by("slug")
