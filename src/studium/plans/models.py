"""Plans, who has which, claims on allowances, and the append-only ledger they settle into."""

from django.db import models
from django.db.models import F, Q

from studium.accounts.models import Team
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
