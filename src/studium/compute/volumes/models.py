"""The volume of a team and what is kept of it."""

from django.db import models
from django.db.models import Q

from studium.accounts.models import Team, User
from studium.compute.volumes.states import SnapshotState
from studium.lib.ids import new_id


class TeamVolume(models.Model):
    """What a team's volume is to be; a pass sees to it.

    `size_bytes` is what was asked for and what is paid for, `made_bytes` what the engine was last told. `restoring` is whose
    contents it is to be given. `trouble` says in words why it is not as it was asked to be.
    """

    team = models.OneToOneField(Team, on_delete=models.PROTECT, related_name="volume")
    size_bytes = models.BigIntegerField()
    made_bytes = models.BigIntegerField()
    used_bytes = models.BigIntegerField(default=0)
    measured_at = models.DateTimeField(null=True)
    restoring = models.ForeignKey("Snapshot", null=True, on_delete=models.PROTECT, related_name="+")
    trouble = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # Set when it is to go; the row goes with it.
    deleted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    lease = models.CharField(max_length=24, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size_bytes__gt=0), name="a_volume_has_a_size")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What engines know it by."""
        return f"team-{self.team_id}"

    @property
    def changing(self) -> bool:
        """Whether it must be had alone to become what it is to be: no run is to start with it meanwhile."""
        return self.restoring_id is not None or self.size_bytes < self.made_bytes or self.deleted_at is not None


class Snapshot(models.Model):
    """All that was in a team's volume at a moment, kept in the store: `manifest` names one file, a stream of tar."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="snapshots")
    note = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, default=SnapshotState.WAITING)
    trouble = models.CharField(max_length=300, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    manifest = models.CharField(max_length=64, blank=True)
    # Who asked for it; nobody where the platform did, before a restore.
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # The moment it shows, once it is taken.
    taken_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in SnapshotState]), name="snapshot_state_known"
            )
        ]
        indexes = [models.Index(fields=["team", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
