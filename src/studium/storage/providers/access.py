"""A team's providers, seen as the user: strangers get NotFound, readers Forbidden, as with the secrets they are opened with."""

from django.db.models import QuerySet

from studium.accounts.access import require, role_in, team_for
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.errors import NotFound
from studium.storage.providers.errors import unknown
from studium.storage.providers.models import Provider


def team_with_providers(user: User, slug: str) -> Team:
    """The team, for its members."""
    return team_for(user, slug, Role.MEMBER)


def provider_for(user: User, team: str, name: str) -> Provider:
    """A provider of the team, for its members."""
    found = team_with_providers(user, team)
    row = Provider.objects.filter(team=found, name=name).select_related("team", "created_by", "changed_by").first()
    if row is None:
        raise unknown(name)
    return row


def provider_again(user: User, provider_id: str) -> Provider:
    """One that was named before, by its id, for members of its team."""
    row = Provider.objects.filter(pk=provider_id).select_related("team").first()
    if row is None or role_in(user, row.team) is None:
        raise NotFound(
            "provider.unknown",
            "The provider is gone, or belongs to a team that you are not of.",
            "Name another source.",
        )
    require(user, row.team, Role.MEMBER)
    return row


def usable_by(user: User) -> QuerySet[Provider]:
    """Those of the teams that the user is a member of, by team and name."""
    memberships = user.memberships.exclude(role=Role.READER.value)
    rows = Provider.objects.filter(team__in=memberships.values("team_id")).select_related("team")
    return rows.order_by("team__slug", "name")
