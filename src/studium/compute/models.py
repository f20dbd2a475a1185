"""Machine types, machines, accelerators and runs. `Run` rows are the queue; nothing else is."""

from django.db import models
from django.db.models import Q

from studium.accounts.models import Team, User
from studium.compute.states import LIVE, Reason, State
from studium.lib.ids import new_id
from studium.plans.machine_types import MachineTypeSpec


class MachineType(models.Model):
    """What a person picks. Sizes are bytes; the price is millionths of a US dollar per hour of the whole machine."""

    slug = models.SlugField(primary_key=True, max_length=60)
    label = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    vcpu = models.FloatField()
    memory_bytes = models.BigIntegerField()
    accelerator_kind = models.CharField(max_length=40, blank=True)
    accelerator_count = models.PositiveIntegerField(default=0)
    accelerator_memory_bytes = models.BigIntegerField(default=0)
    machine_class = models.CharField(max_length=10, default="cpu")
    price_micros_hour = models.BigIntegerField(default=0)
    position = models.IntegerField(default=0)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.slug

    def as_spec(self) -> MachineTypeSpec:
        """The row as the plan rules know it."""
        return MachineTypeSpec.model_validate(
            {
                "slug": self.slug,
                "label": self.label,
                "vcpu": self.vcpu,
                "memory_bytes": self.memory_bytes,
                "accelerator_kind": self.accelerator_kind or None,
                "accelerator_count": self.accelerator_count,
                "accelerator_memory_bytes": self.accelerator_memory_bytes,
                "machine_class": self.machine_class,
                "price_micros_hour": self.price_micros_hour,
                "description": self.description,
            }
        )


class Machine(models.Model):
    """A place runs are put, as an engine reported it."""

    name = models.CharField(primary_key=True, max_length=80)
    engine = models.CharField(max_length=20)
    vcpu = models.FloatField()
    memory_bytes = models.BigIntegerField()
    # Its size is made up, so that machine types larger than this host can be tried; runs there share the real host.
    simulated = models.BooleanField(default=False)
    draining = models.BooleanField(default=False)
    seen_at = models.DateTimeField()
    gone = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Accelerator(models.Model):
    """One device of a machine."""

    id = models.CharField(primary_key=True, max_length=80)
    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="accelerators")
    kind = models.CharField(max_length=40)
    index = models.PositiveIntegerField()
    memory_bytes = models.BigIntegerField(default=0)
    simulated = models.BooleanField(default=False)
    paths = models.JSONField(default=list)
    variables = models.JSONField(default=dict)
    gone = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.id


class Run(models.Model):
    """One execution of a command in a sandbox on a machine type.

    `owner_kind` and `owner_id` say who settles it and mean nothing here. `lease` and `due_at` belong to the passes.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="runs")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="runs")
    title = models.CharField(max_length=200)
    owner_kind = models.CharField(max_length=30)
    owner_id = models.CharField(max_length=40)
    interactive = models.BooleanField(default=False)
    machine_type = models.ForeignKey(MachineType, on_delete=models.PROTECT, related_name="runs")
    spec = models.JSONField()

    state = models.CharField(max_length=10, default=State.QUEUED)
    reason = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)
    exit_code = models.IntegerField(null=True)
    priority = models.IntegerField(default=0)

    submitted_at = models.DateTimeField()
    assigned_at = models.DateTimeField(null=True)
    starting_at = models.DateTimeField(null=True)
    running_at = models.DateTimeField(null=True)
    stopping_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    max_seconds = models.BigIntegerField()
    extended_seconds = models.BigIntegerField(default=0)
    idle_seconds = models.BigIntegerField(null=True)
    active_at = models.DateTimeField(null=True)
    active_what = models.CharField(max_length=200, blank=True)
    quota_deadline = models.DateTimeField(null=True)
    warned = models.JSONField(default=list)
    stop_reason = models.CharField(max_length=20, blank=True)
    stop_message = models.TextField(blank=True)
    grace_until = models.DateTimeField(null=True)

    machine = models.ForeignKey(Machine, null=True, on_delete=models.PROTECT, related_name="runs")
    endpoint = models.CharField(max_length=300, blank=True)
    usage = models.JSONField(default=dict)
    progress = models.JSONField(null=True)
    wait = models.JSONField(default=dict)

    # Its spec's trees were changed while it lived, and it is not known to be shown them; why not, if it could not be.
    trees_changed_at = models.DateTimeField(null=True)
    trees_trouble = models.CharField(max_length=300, blank=True)

    due_at = models.DateTimeField()
    lease = models.CharField(max_length=24, blank=True)
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    unknown_since = models.DateTimeField(null=True)
    reclaimed_at = models.DateTimeField(null=True)
    log_digest = models.CharField(max_length=64, blank=True)
    # What it used over its life, kept as a blob like the log.
    series_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["owner_kind", "owner_id", "-submitted_at"]),
            models.Index(fields=["team", "-submitted_at"]),
            models.Index(fields=["-submitted_at"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in State]), name="run_state_known"),
            models.CheckConstraint(
                condition=~Q(state=State.ENDED.value) | Q(reason__in=[r.value for r in Reason]),
                name="run_end_has_reason",
            ),
            # One live run an owner: a workspace is written by one run at a time.
            models.UniqueConstraint(
                fields=["owner_kind", "owner_id"],
                condition=Q(state__in=[s.value for s in LIVE]) & ~Q(owner_id=""),
                name="one_live_run_per_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class Allocation(models.Model):
    """A device given to a run. Unique while it lasts; deleted when the run has ended."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="allocations")
    accelerator = models.OneToOneField(Accelerator, on_delete=models.PROTECT, related_name="allocation")


class PassLease(models.Model):
    """Which controller does a pass that only one may do at a time, such as placement."""

    name = models.CharField(primary_key=True, max_length=30)
    holder = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField(null=True)


# Models of the parts of this domain, in files of their own.
from studium.compute.volumes import models as volumes  # noqa: E402

__all__ = ["Accelerator", "Allocation", "Machine", "MachineType", "PassLease", "Run", "volumes"]
