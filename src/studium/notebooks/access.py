"""Fetch a notebook as the user.

Private ones are their maker's and the team's admins', team ones the team's, public ones everybody's to read unless they were
taken down.
"""

from typing import Any

from django.db.models import Q, QuerySet

from studium.accounts.access import operator, role_in
from studium.accounts.models import Membership, User
from studium.accounts.states import Role, covers
from studium.errors import Forbidden, NotFound
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility


def unknown(name: str) -> NotFound:
    return NotFound(
        "notebook.unknown", f"There is no notebook {name!r} that you may see.", "`studium notebooks list` shows yours."
    )


def admin_of(user: User) -> QuerySet[Membership, Any]:
    """The teams whose private notebooks the user may read, as a subquery of their ids."""
    return user.memberships.filter(role__in=[Role.OWNER.value, Role.ADMIN.value]).values("team_id")


def visible_to(user: User) -> QuerySet[Notebook]:
    """Every live notebook the user may read."""
    member_of = user.memberships.values("team_id")
    return Notebook.objects.filter(
        Q(visibility=Visibility.PUBLIC, taken_down_at=None)
        | Q(visibility__in=[Visibility.PUBLIC, Visibility.TEAM], team_id__in=member_of)
        | Q(team_id__in=admin_of(user))
        | Q(created_by_id=user.pk, team_id__in=member_of),
        deleted_at=None,
    ).select_related("team", "project", "created_by", "environment__team")


def mine(user: User) -> QuerySet[Notebook]:
    """The notebooks of the user's teams that they may read: what listings show; others' public ones are not among them."""
    return visible_to(user).filter(team_id__in=user.memberships.values("team_id"))


def notebook_for(user: User, name: str, *, change: bool = False) -> Notebook:
    """The notebook called `<team>/<slug>` or by its id. With `change`, only for those who may edit and run it.

    Raises NotFound for what the user may not read, Forbidden for what they may only read.
    """
    team, _, slug = name.rpartition("/")
    rows = visible_to(user) if user.is_active else Notebook.objects.none()
    found = rows.filter(Q(team__slug=team, slug=slug) if team else Q(pk=name)).first()
    if found is None:
        raise unknown(name)
    if change and not may_change(user, found):
        raise Forbidden(
            "notebook.read_only",
            f"You may read {found.team.slug}/{found.slug} but not change or run it.",
            "Copy it, or ask its team for the role member.",
        )
    return found


def may_see_runs(user: User, notebook: Notebook) -> bool:
    """Whether what was run for a notebook that the user may read is theirs to see: who ran it, when, and how it went.

    Everybody reads a public notebook; its runs stay the team's.
    """
    return (user.is_active and user.is_staff) or role_in(user, notebook.team) is not None


def may_change(user: User, notebook: Notebook) -> bool:
    """Whether the user may edit and run it: members of its team, and of private ones only its maker and the admins."""
    role = role_in(user, notebook.team)
    if role is None or not covers(role, Role.MEMBER):
        return False
    return notebook.visibility != Visibility.PRIVATE or notebook.created_by_id == user.pk or covers(role, Role.ADMIN)


def decided_by_operators() -> QuerySet[Notebook]:
    """The live notebooks that are public or were taken down, for who operates the installation."""
    rows = Notebook.objects.filter(Q(visibility=Visibility.PUBLIC) | ~Q(taken_down_at=None), deleted_at=None)
    return rows.select_related("team", "project", "created_by")


def notebook_for_operator(user: User, name: str) -> Notebook:
    """One of those, by `<team>/<slug>` or id. Raises NotFound, also for everybody else."""
    operator(user)
    team, _, slug = name.rpartition("/")
    found = decided_by_operators().filter(Q(team__slug=team, slug=slug) if team else Q(pk=name)).first()
    if found is None:
        raise unknown(name)
    return found
