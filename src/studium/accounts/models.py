"""Users, teams, projects, and what lets someone in: invitations, tokens, one-time links and tickets. Secrets are stored hashed."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from studium.accounts.states import Role
from studium.lib.ids import new_id


class User(AbstractUser):
    """A person. `is_staff` makes them an operator of the installation; `is_active` False ends everything they run."""

    email = models.EmailField("e-mail address", unique=True)

    def __str__(self) -> str:
        return self.username


class Team(models.Model):
    """The owner of everything. Each user has a personal team of the same name."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    personal_of = models.OneToOneField(User, null=True, on_delete=models.PROTECT, related_name="personal_team")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """What a user may do in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Role])
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership")]


class Project(models.Model):
    """A folder of work inside a team."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="projects")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug"], condition=models.Q(deleted_at=None), name="one_live_project_slug"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Invitation(models.Model):
    """A link that lets its bearer join: a team, or with no team just the installation. Used once."""

    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Role], default=Role.MEMBER.value)
    email = models.EmailField(blank=True)
    secret_digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class ApiToken(models.Model):
    """A personal token. The secret is shown once; `prefix` is what people recognise it by."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    secret_digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class LoginLink(models.Model):
    """A one-time address that signs its bearer in; made by `studium up` for the first administrator."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class EntryTicket(models.Model):
    """A one-time way from a page of the platform into a content host.

    The row outlives its use for as long as one may stay inside: with `session` gone, signed out, the stay ends.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=40)
    path = models.CharField(max_length=500)
    secret_digest = models.CharField(max_length=64, unique=True)
    session = models.CharField(max_length=40, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
