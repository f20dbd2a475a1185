"""Fetch a notebook, or a run of one, as the user. This is the one place that says who may do what with a notebook.

Private ones are their maker's and the team's admins', team ones the team's, public ones everybody's to read unless they were
taken down. Beside its team, a notebook has collaborators: readers read it, editors change and run it. Only its team manages it:
deletes it, shares it on, decides who sees it, which secrets it uses and whether it reaches the internet.
"""

from dataclasses import replace
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from studium.accounts.access import operator, require, role_in
from studium.accounts.models import Membership, User
from studium.accounts.states import Role, covers
from studium.compute.errors import unknown_run
from studium.compute.models import Run
from studium.compute.volumes.models import TeamVolume
from studium.compute.volumes.queries import Holder, holders_of
from studium.errors import Forbidden, NotFound
from studium.notebooks.models import Collaborator, Launch, Notebook
from studium.notebooks.states import SharedRole, Visibility


def unknown(name: str) -> NotFound:
    return NotFound(
        "notebook.unknown", f"There is no notebook {name!r} that you may see.", "`studium notebooks list` shows yours."
    )


def admin_of(user: User) -> QuerySet[Membership, Any]:
    """The teams whose private notebooks the user may read, as a subquery of their ids."""
    return user.memberships.filter(role__in=[Role.OWNER.value, Role.ADMIN.value]).values("team_id")


def shared_with(user: User) -> QuerySet[Collaborator, Any]:
    """The notebooks that are shared with the user, as a subquery of their ids."""
    return user.collaborations.values("notebook_id")


def visible_to(user: User) -> QuerySet[Notebook]:
    """Every live notebook the user may read."""
    member_of = user.memberships.values("team_id")
    return Notebook.objects.filter(
        Q(visibility=Visibility.PUBLIC, taken_down_at=None)
        | Q(visibility__in=[Visibility.PUBLIC, Visibility.TEAM], team_id__in=member_of)
        | Q(team_id__in=admin_of(user))
        | Q(created_by_id=user.pk, team_id__in=member_of)
        | Q(pk__in=shared_with(user)),
        deleted_at=None,
    ).select_related("team", "project", "created_by", "environment__team")


def mine(user: User) -> QuerySet[Notebook]:
    """The notebooks of the user's teams that they may read: what listings show; others' public ones are not among them."""
    return visible_to(user).filter(team_id__in=user.memberships.values("team_id"))


def shared(user: User) -> QuerySet[Notebook]:
    """The notebooks that somebody shared with the user."""
    return visible_to(user).filter(pk__in=shared_with(user))


def notebook_for(user: User, name: str, *, change: bool = False, manage: bool = False) -> Notebook:
    """The notebook called `<team>/<slug>` or by its id. With `change`, only for those who may edit and run it; with
    `manage`, only for those who may decide about it.

    Raises NotFound for what the user may not read, Forbidden for what they may only read, or only edit.
    """
    team, _, slug = name.rpartition("/")
    rows = visible_to(user) if user.is_active else Notebook.objects.none()
    found = rows.filter(Q(team__slug=team, slug=slug) if team else Q(pk=name)).first()
    if found is None:
        raise unknown(name)
    if (change or manage) and not may_change(user, found):
        raise Forbidden(
            "notebook.read_only",
            f"You may read {found.team.slug}/{found.slug} but not change or run it.",
            "Copy it, or ask its team for the role member.",
        )
    if manage and not may_manage(user, found):
        raise not_yours(found)
    return found


def not_yours(notebook: Notebook) -> Forbidden:
    return Forbidden(
        "notebook.of_its_team",
        f"You may edit and run {notebook.team.slug}/{notebook.slug}; this is for its team to do.",
        f"Ask a member of {notebook.team.slug}, or copy the notebook.",
    )


def shared_role(user: User, notebook: Notebook) -> SharedRole | None:
    """As what it is shared with the user; None for everybody else and for deactivated users."""
    if not user.is_active:
        return None
    found = Collaborator.objects.filter(notebook=notebook, user_id=user.pk).values_list("role", flat=True).first()
    return SharedRole(found) if found else None


def may_see_runs(user: User, notebook: Notebook) -> bool:
    """Whether what was run for a notebook that the user may read is theirs to see: who ran it, when, and how it went.

    Everybody reads a public notebook; its runs are for its team and for those who may run it.
    """
    if (user.is_active and user.is_staff) or role_in(user, notebook.team) is not None:
        return True
    return shared_role(user, notebook) == SharedRole.EDITOR


def manages(user_id: int, notebook: Notebook, role: Role | None) -> bool:
    """Whether somebody with this role in its team decides about it: members, and of private ones only maker and admins."""
    if role is None or not covers(role, Role.MEMBER):
        return False
    return notebook.visibility != Visibility.PRIVATE or notebook.created_by_id == user_id or covers(role, Role.ADMIN)


def may_manage(user: User, notebook: Notebook) -> bool:
    """Whether the user may delete it, share it, and decide who sees it and what its runs are given."""
    return manages(user.pk, notebook, role_in(user, notebook.team))


def may_change(user: User, notebook: Notebook) -> bool:
    """Whether the user may edit and run it: those who manage it, and the editors it is shared with."""
    return may_manage(user, notebook) or shared_role(user, notebook) == SharedRole.EDITOR


def guest_of(user: User, notebook: Notebook) -> int | None:
    """The user's key where they may run the notebook only because it is shared with them."""
    guest = not may_manage(user, notebook) and shared_role(user, notebook) == SharedRole.EDITOR
    return user.pk if guest else None


def holders_shown(user: User, volume: TeamVolume) -> list[Holder]:
    """The runs that have a team's volume, without the titles of those that the user may not read."""
    found = holders_of(volume)
    titles = dict(readable_runs(user).filter(pk__in=[each.run for each in found]).values_list("pk", "title"))
    return [replace(each, title=titles.get(each.run, "")) for each in found]


def readable_runs(user: User) -> QuerySet[Run]:
    """The runs of the user's teams, less those of notebooks that are private to somebody else, and those of notebooks
    that the user edits; newest first."""
    edits = user.collaborations.filter(role=SharedRole.EDITOR, notebook__deleted_at=None)
    # What `visible_to` says of private notebooks, asked of one launch at a time: to list all that is visible, for each
    # page of runs, costs more the more notebooks there are.
    hidden = (
        Launch.objects.filter(run=OuterRef("pk"), notebook__visibility=Visibility.PRIVATE)
        .exclude(notebook__team_id__in=admin_of(user), notebook__deleted_at=None)
        .exclude(notebook__created_by_id=user.pk)
    )
    theirs: Q = Q(Q(team_id__in=user.memberships.values("team_id")), ~Exists(hidden))
    # Asked for at once, not as a subquery: most people edit nothing of others, and with an "or" the runs of a team are
    # found by looking at all there are.
    if edited := list(edits.values_list("notebook_id", flat=True)):
        theirs |= Q(pk__in=Launch.objects.filter(notebook_id__in=edited).values("run_id"))
    rows = Run.objects.filter(theirs).select_related("team", "user", "machine_type")
    return rows.defer("spec").order_by("-submitted_at")  # a list sorts whole rows, and the spec is most of a row


def run_as(user: User, run_id: str, *, change: bool = False) -> Run:
    """The run, if what ran is the user's to see; with `change`, only for those who may stop it. Operators may do both.

    Raises NotFound, and Forbidden for those who may only look.
    """
    run = Run.objects.filter(pk=run_id).select_related("team", "user", "machine_type", "machine").first()
    if run is None:
        raise unknown_run(run_id)
    if user.is_active and user.is_staff:
        return run
    if not user.is_active or not readable_runs(user).filter(pk=run.pk).exists():
        raise unknown_run(run_id)
    if not change:
        return run
    launch = Launch.objects.filter(run=run).select_related("notebook__team").first()
    if launch is not None and launch.notebook.deleted_at is None:
        if shared_role(user, launch.notebook) != SharedRole.EDITOR:
            require(user, run.team, Role.MEMBER)
        notebook_for(user, launch.notebook_id, change=True)
    else:
        require(user, run.team, Role.MEMBER)
    return run


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
