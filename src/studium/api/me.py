"""Who the caller is."""

from ninja import Router

from studium import __version__
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.people import Me
from studium.api.teams import show_teams
from studium.config.options import options

router = Router(tags=["me"])


@router.get("", response=Me, auth=allow(Scope.READ), summary="Who this token or session belongs to")
def me(request: ApiRequest) -> Me:
    """The person, their teams, and what the token may be used for. `team` is the personal team."""
    caller = request.auth
    teams = show_teams(caller.user)
    return Me(
        username=caller.user.username,
        email=caller.user.email,
        operator=caller.user.is_staff,
        scopes=sorted(caller.scopes, key=list(Scope).index),
        expires_at=caller.expires_at,
        team=next((team.slug for team in teams if team.personal), ""),
        teams=teams,
        version=__version__,
        largest_notebook_bytes=options().notebook_bytes,
    )
