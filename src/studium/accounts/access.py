"""Fetch a team or project as the user. Strangers get NotFound, members whose role is too low get Forbidden."""

from django.db.models import QuerySet

from studium.accounts.models import Membership, Project, Team, User
from studium.accounts.states import Role, covers
from studium.errors import Forbidden, NotFound


def role_in(user: User, team: Team) -> Role | None:
    """The user's role in the team; None for strangers and deactivated users."""
    if not user.is_active:
        return None
    found = Membership.objects.filter(team=team, user_id=user.pk).values_list("role", flat=True).first()
    return Role(found) if found else None


def require(user: User, team: Team, need: Role) -> Role:
    """The user's role, at least `need`. Raises NotFound for strangers, Forbidden for lower roles."""
    role = role_in(user, team)
    if role is None:
        raise NotFound(
            "team.unknown",
            f"There is no team {team.slug!r} that you belong to.",
            "Check the name, or ask a member to invite you.",
        )
    if not covers(role, need):
        raise Forbidden(
            "team.role_too_low",
            f"Your role in {team.slug} is {role}; this needs {need}.",
            f"Ask an admin of {team.slug} to give you the role {need}.",
            {"role": role, "needed": need},
        )
    return role


def acting_for(team: Team, asked: User | None) -> User | None:
    """As whom the platform does something for a team: who asked for it, or an owner where that person may no longer."""
    if asked is not None and (role := role_in(asked, team)) and covers(role, Role.MEMBER):
        return asked
    owner = team.memberships.filter(role=Role.OWNER.value, user__is_active=True).select_related("user").first()
    return owner.user if owner else None


def team_for(user: User, slug: str, need: Role = Role.READER) -> Team:
    """The team called `slug`, seen with at least the role `need`."""
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise NotFound(
            "team.unknown",
            f"There is no team {slug!r} that you belong to.",
            "Check the name, or ask a member to invite you.",
        )
    require(user, team, need)
    return team


def teams_of(user: User) -> QuerySet[Team]:
    """The user's teams, the personal one first."""
    return Team.objects.filter(memberships__user_id=user.pk).order_by("personal_of_id", "slug").distinct()


def project_for(user: User, team_slug: str, slug: str, need: Role = Role.READER) -> Project:
    """A live project of a team the user belongs to."""
    team = team_for(user, team_slug, need)
    project = Project.objects.filter(team=team, slug=slug, deleted_at=None).select_related("team").first()
    if project is None:
        raise NotFound(
            "project.unknown", f"There is no project {slug!r} in {team_slug}.", "See the team's page for its projects."
        )
    return project


def operator(user: User) -> User:
    """The user, if they operate the installation. Others get NotFound: the admin area is not their business."""
    if not (user.is_active and user.is_staff):
        raise NotFound("page.unknown", "There is nothing here.", "Check the address.")
    return user
