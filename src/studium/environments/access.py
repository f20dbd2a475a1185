"""Fetch an environment as the user. A team's are its members'; the default one is everybody's to see."""

from django.db.models import Q, QuerySet

from studium.accounts.access import require
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.environments.errors import unknown
from studium.environments.models import Environment
from studium.errors import Forbidden


def visible_to(user: User) -> QuerySet[Environment]:
    """Every live environment that the user may choose for a notebook."""
    if not user.is_active:
        return Environment.objects.none()
    rows = Environment.objects.filter(Q(team=None) | Q(team_id__in=user.memberships.values("team_id")), deleted_at=None)
    return rows.select_related("team")


def environment_for(user: User, name: str, *, change: bool = False) -> Environment:
    """The environment called `team/slug`, `default`, or by its id. With `change`, only for members of its team.

    Raises NotFound for what the user may not see, Forbidden for what they may only use.
    """
    team, _, slug = name.rpartition("/")
    named = Q(team__slug=team, slug=slug) if team else Q(pk=name) | Q(team=None, slug=name)
    found = visible_to(user).filter(named).first()
    if found is None:
        raise unknown(name)
    if change:
        if found.team is None:
            raise Forbidden(
                "environment.default",
                "The default environment comes with the platform.",
                "Make an environment of your team's instead.",
            )
        require(user, found.team, Role.MEMBER)
    return found
