"""A team's providers, seen as the user: strangers get NotFound, readers Forbidden, as with the secrets they are opened with."""

from studium.accounts.access import team_for
from studium.accounts.models import Team, User
from studium.accounts.states import Role
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
