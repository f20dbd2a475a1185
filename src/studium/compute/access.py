"""Fetch a run as the user: the team's members see the team's runs; starting and stopping needs the role member.

What notebooks make of that, which may be private to somebody or shared with others, is in `notebooks.access`.
"""

from studium.accounts.access import require
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.compute.errors import unknown_run
from studium.compute.models import Run
from studium.errors import NotFound


def run_for(user: User, run_id: str, need: Role = Role.READER) -> Run:
    """The run, if the user may see it. Operators may see and stop any. Raises NotFound or Forbidden."""
    run = Run.objects.filter(pk=run_id).select_related("team", "user", "machine_type", "machine").first()
    if run is None:
        raise unknown_run(run_id)
    if user.is_active and user.is_staff:
        return run
    try:
        require(user, run.team, need)
    except NotFound:
        raise unknown_run(run_id) from None
    return run
