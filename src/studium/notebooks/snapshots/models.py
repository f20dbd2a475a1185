"""Snapshots of a notebook's workspace, and what is asked of it."""

from django.db import models
from django.db.models import Q

from studium.accounts.models import User
from studium.compute.volumes.states import SnapshotState
from studium.lib.ids import new_id
from studium.notebooks.snapshots.states import Why


class WorkspaceSnapshot(models.Model):
    """All that was in a workspace at a moment, kept in the store: `manifest` names one file, a stream of tar."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    notebook = models.ForeignKey("notebooks.Notebook", on_delete=models.CASCADE, related_name="snapshots")
    note = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=10, default=Why.ASKED)
    state = models.CharField(max_length=10, default=SnapshotState.WAITING)
    trouble = models.CharField(max_length=300, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    manifest = models.CharField(max_length=64, blank=True)
    # Who asked for it; nobody where the platform did.
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # The moment it shows, once it is taken.
    taken_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in SnapshotState]),
                name="workspace_snapshot_state_known",
            )
        ]
        indexes = [models.Index(fields=["notebook", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class WorkspaceCare(models.Model):
    """What is to be done to a workspace; a pass sees to it. There is a row once something was asked for.

    `restoring` is whose contents it is to be given, as `asked_by` wants; until then no run starts in it. `trouble` says in
    words what it waits for, or why it is not as it was asked to be. It is due while something is to be done.
    """

    notebook = models.OneToOneField(
        "notebooks.Notebook", primary_key=True, on_delete=models.CASCADE, related_name="workspace_care"
    )
    restoring = models.ForeignKey(WorkspaceSnapshot, null=True, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    trouble = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(null=True)
    lease = models.CharField(max_length=24, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # Asked for every few seconds, and nearly always of nobody.
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="workspace_to_see_to"),
        ]

    def __str__(self) -> str:
        return f"workspace of {self.notebook_id}"
