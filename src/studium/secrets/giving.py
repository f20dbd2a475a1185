"""What a run is given, at the moment it starts. Nothing here is stored: the values go on to the engine and nowhere else."""

from datetime import datetime

from studium.accounts.access import role_in
from studium.accounts.models import Team, User
from studium.accounts.states import Role, covers
from studium.secrets.models import Secret
from studium.secrets.queries import attached, in_reach
from studium.secrets.sealing import value_of
from studium.secrets.states import Reference


def give(reference: str, team: Team, user: User, *, now: datetime) -> dict[str, str]:
    """The values, by name, that a run of this team started by this user gets; notes that they were given.

    Empty without a reference, for a reference into another team, and for somebody who is no member (any more), unless the
    reference is a guest's: who shares a holder with them ends their runs when it ends. Raises Broken when a secret that
    the run is to have cannot be opened.
    """
    if not reference:
        return {}
    place = Reference.parse(reference)
    names = attached(place.holder)
    if not names or place.team != team.pk:
        return {}
    role = role_in(user, team)
    member = role is not None and covers(role, Role.MEMBER)
    if not member and not (user.is_active and place.guest == user.pk):
        return {}
    chosen = {row.name: row for row in in_reach(place) if row.name in names}  # the narrowest of a name comes last
    values = {name: value_of(row) for name, row in chosen.items()}
    Secret.objects.filter(pk__in=[row.pk for row in chosen.values()]).update(given_at=now)
    return values
