"""Plans, who has which, claims on allowances, and the append-only ledger they settle into."""

from django.db import models
from django.db.models import F, Q

from studium.accounts.models import Team, User
from studium.plans.rules import PlanRules


class Plan(models.Model):
    """A set of rules and prices. Loaded from a plan file; loading again replaces the rules for everyone on it."""

    slug = models.SlugField(primary_key=True, max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    rules = models.JSONField()
    loaded_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug

    @property
    def parsed(self) -> PlanRules:
        return PlanRules.model_validate(self.rules)


class Subscription(models.Model):
    """The plan a team is on."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="subscription")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    since = models.DateTimeField()


class Claim(models.Model):
    """A hold on a team's allowance by one run, from admission to its end; the account of what that run has been charged.

    Units: `hold_seconds` and `charged_seconds` are seconds of the machine's class (wall seconds times devices, or wall
    seconds on a CPU machine). `charged_until` minus `running_since` is the wall time already in the ledger.
    """

    holder = models.CharField(max_length=40, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="claims")
    user_id = models.BigIntegerField(null=True)
    machine_type = models.CharField(max_length=60)
    resource = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    devices = models.PositiveIntegerField(default=1)
    price_micros_hour = models.BigIntegerField(default=0)
    hold_seconds = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    running_since = models.DateTimeField(null=True)
    charged_until = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["team", "released_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(charged_until=None) | Q(charged_until__gte=F("running_since")), name="charge_never_negative"
            )
        ]


class OverageCap(models.Model):
    """How much storage beyond the plan an owner of the team agreed to pay for: bytes, money a month, or the smaller of both."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="overage_cap")
    cap_bytes = models.BigIntegerField(null=True)
    cap_micros_month = models.BigIntegerField(null=True)
    agreed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    agreed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cap_bytes__isnull=False) | Q(cap_micros_month__isnull=False), name="a_cap_is_a_bound"
            )
        ]


class StorageMeter(models.Model):
    """Up to which hour a team's storage is in the ledger, and what was measured then: what missed hours are charged with."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="storage_meter")
    charged_until = models.DateTimeField(db_index=True)
    measured_at = models.DateTimeField()
    stored_bytes = models.BigIntegerField()
    included_bytes = models.BigIntegerField()
    charged_bytes = models.BigIntegerField()
    price_micros = models.BigIntegerField()


class StorageEntry(models.Model):
    """One hour of storage beyond what a team's plan includes, and what it cost. Never changed, never deleted.

    `charged_bytes` is what was beyond it and agreed to, `price_micros` for a GiB and month. `carry` is what rounding down
    left, in parts of a micro-unit (`overage.PARTS`), and goes into the team's next entry. `late` says that nobody measured in
    this hour, so that it was charged with what was measured at `measured_at`.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="storage_ledger")
    hour = models.DateTimeField()
    stored_bytes = models.BigIntegerField()
    included_bytes = models.BigIntegerField()
    charged_bytes = models.BigIntegerField()
    price_micros = models.BigIntegerField()
    cost_micros = models.BigIntegerField()
    carry = models.BigIntegerField()
    measured_at = models.DateTimeField()
    late = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "hour"], name="storage_hour_once"),
            models.CheckConstraint(
                condition=Q(charged_bytes__gt=0) & Q(cost_micros__gte=0) & Q(carry__gte=0),
                name="storage_never_negative",
            ),
        ]


class LedgerEntry(models.Model):
    """One stretch of running time and what it cost. Never changed, never deleted.

    `first_second` counts from the claim's `running_since`, so the same stretch can enter only once.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="entries")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="ledger")
    user_id = models.BigIntegerField(null=True)
    resource = models.CharField(max_length=20)
    machine_type = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    first_second = models.BigIntegerField()
    seconds = models.BigIntegerField()
    cost_micros = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["team", "resource", "ended_at"]), models.Index(fields=["ended_at"])]
        constraints = [
            models.UniqueConstraint(fields=["claim", "first_second"], name="stretch_once"),
            models.CheckConstraint(condition=Q(seconds__gt=0) & Q(cost_micros__gte=0), name="entry_not_negative"),
        ]
