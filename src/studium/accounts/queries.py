"""Reads of people, teams and what lets somebody in, for pages and REST."""

from datetime import datetime

from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Count, QuerySet

from studium.accounts.models import ApiToken, EntryTicket, Invitation, LoginLink, Membership, Project, Team, User
from studium.lib.ids import secret_digest


def memberships_of(user: User) -> QuerySet[Membership]:
    """The user's teams with their role and `people`, the number of members; the personal team first."""
    rows = Membership.objects.filter(user=user).select_related("team").annotate(people=Count("team__memberships"))
    return rows.order_by("team__personal_of_id", "team__slug")


def members_of(team: Team) -> QuerySet[Membership]:
    """The members with their people, the longest in it first."""
    return Membership.objects.filter(team=team).select_related("user").order_by("since", "pk")


def projects_of(team: Team) -> QuerySet[Project]:
    """The live projects, by name."""
    return Project.objects.filter(team=team, deleted_at=None).order_by("slug")


def open_invitations(team: Team | None, *, now: datetime) -> QuerySet[Invitation]:
    """Links that still let somebody in; None asks for those to the installation."""
    rows = Invitation.objects.filter(team=team, used_at=None, revoked_at=None, expires_at__gt=now)
    return rows.select_related("created_by").order_by("-created_at")


def person_of_login_link(secret: str, *, now: datetime) -> User | None:
    """Whom a one-time sign-in address would sign in now; looking does not use it up."""
    live = LoginLink.objects.filter(
        secret_digest=secret_digest(secret), used_at=None, expires_at__gt=now, user__is_active=True
    )
    found = live.select_related("user").first()
    return found.user if found else None


def stays(user_id: int, ticket_id: int) -> bool:
    """Whether the browser session that entered a content host by this ticket still is one."""
    ticket = EntryTicket.objects.filter(pk=ticket_id, user_id=user_id).exclude(used_at=None).first()
    return ticket is not None and (not ticket.session or SessionStore().exists(ticket.session))


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens that were not revoked, newest first; expired ones are among them."""
    return ApiToken.objects.filter(user=user, revoked_at=None).order_by("-created_at")


def people() -> QuerySet[User]:
    """Everybody, for operators."""
    return User.objects.select_related("personal_team")
