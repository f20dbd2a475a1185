"""Secrets, which of them a notebook is set to use, and the keys they are sealed with. Values stand here only sealed."""

from django.db import models

from studium.accounts.models import Project, Team, User
from studium.lib.ids import new_id


class SealingKey(models.Model):
    """A key that values are sealed with. The key itself is the file `<home>/keys/secrets-<id>`; the newest one seals.

    A retired key seals nothing any more; its file is gone or about to be.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)


class Secret(models.Model):
    """A named value of a team, of a project or of one holder (a notebook, known here only by an opaque name)."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="secrets")
    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="secrets")
    holder = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=64)
    sealed = models.BinaryField()
    key = models.ForeignKey(SealingKey, on_delete=models.PROTECT, related_name="secrets")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()
    # When a run was last given the value.
    given_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], condition=models.Q(project=None, holder=""), name="one_secret_of_team"
            ),
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=models.Q(project__isnull=False, holder=""),
                name="one_secret_of_project",
            ),
            models.UniqueConstraint(
                fields=["holder", "name"], condition=~models.Q(holder=""), name="one_secret_of_holder"
            ),
            models.CheckConstraint(condition=models.Q(project=None) | models.Q(holder=""), name="secret_of_one_scope"),
        ]

    def __str__(self) -> str:
        return self.name


class Attachment(models.Model):
    """A holder is set to be given the secret of this name: the narrowest one there is when its run starts."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    holder = models.CharField(max_length=80)
    name = models.CharField(max_length=64)
    attached_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    attached_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holder", "name"], name="one_attachment")]
