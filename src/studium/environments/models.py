"""Environments: what software a run sees, as a row of builds of which each is locked and never changes."""

from django.db import models

from studium.accounts.models import Team, User
from studium.compute.models import Run
from studium.environments.states import BuildState, SourceKind
from studium.lib.ids import new_id


class Environment(models.Model):
    """A named environment of a team, or the default one, which belongs to nobody and is everybody's."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="environments")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug"],
                condition=models.Q(deleted_at=None),
                name="one_live_environment_slug",
            ),
            models.UniqueConstraint(
                fields=["slug"], condition=models.Q(team=None, deleted_at=None), name="one_live_default_environment"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        """`team/slug`, or the slug alone for the default one."""
        return f"{self.team.slug}/{self.slug}" if self.team else self.slug


class Build(models.Model):
    """One locked set of packages, shown read-only to every run that uses it.

    `source` is what was asked for and `lock` the digest of what it was resolved to; `lock_digest` names the lock in
    versions. `path` is the host folder while the build is ready. `run` built it, none for the default one.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="builds")
    number = models.PositiveIntegerField()
    kind = models.CharField(
        max_length=14, choices=[(k.value, k.value) for k in SourceKind], default=SourceKind.REQUIREMENTS
    )
    source = models.TextField(blank=True)
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in BuildState], default=BuildState.BUILDING
    )
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    fault = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    lock = models.CharField(max_length=64, blank=True)
    lock_digest = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=300, blank=True)
    python = models.CharField(max_length=20, blank=True)
    packages = models.JSONField(default=list)
    size_bytes = models.BigIntegerField(default=0)
    built_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    # When its modules were compiled, which starts it faster but keeps nobody from using it before.
    compiled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "number"], name="one_build_a_number"),
            models.CheckConstraint(
                condition=~models.Q(state=BuildState.READY.value) | ~models.Q(path=""), name="a_ready_build_has_a_path"
            ),
        ]
        indexes = [models.Index(fields=["state", "used_at"])]

    def __str__(self) -> str:
        return f"{self.environment_id} {self.number}"
