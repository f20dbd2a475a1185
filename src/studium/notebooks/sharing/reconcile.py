"""The pass of sharing: stop what is run for a notebook by people who may no longer run it.

Removing a collaborator does it at once. This finds the rest: who left the team or has a lower role in it, a notebook that
became private, and what a crash left.
"""

from datetime import datetime

from studium.accounts.models import Membership
from studium.accounts.states import Role
from studium.compute.states import LIVE, State
from studium.notebooks.access import manages
from studium.notebooks.models import Collaborator, Launch
from studium.notebooks.sharing.actions import stop_unwelcome
from studium.notebooks.states import SharedRole


def stop_of_unwelcome(now: datetime) -> int:
    """Stop those runs; returns how many. Three queries however many runs there are."""
    live = Launch.objects.filter(run__state__in=LIVE, notebook__deleted_at=None).exclude(run__state=State.STOPPING)
    launches = list(live.select_related("run__user", "notebook"))
    users = {launch.run.user_id for launch in launches}
    roles = {
        (team, user): Role(role)
        for team, user, role in Membership.objects.filter(user__in=users).values_list("team_id", "user_id", "role")
    }
    rows = Collaborator.objects.filter(user__in=users, role=SharedRole.EDITOR)
    editors = set(rows.values_list("notebook_id", "user_id"))
    done = 0
    for launch in launches:
        user, notebook = launch.run.user, launch.notebook
        own = manages(user.pk, notebook, roles.get((notebook.team_id, user.pk)))
        if own or (notebook.pk, user.pk) in editors:
            continue
        stop_unwelcome(launch.run, now=now)
        done += 1
    return done
