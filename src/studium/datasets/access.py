"""Fetch a dataset as the user. This is the one place that says who may do what with a dataset.

As with notebooks: private ones are their maker's and the team's admins', team ones the team's, public ones everybody's to read
unless they were taken down.
Collaborators read, or change. Only its team manages it: deletes it, shares it on, decides who sees it.
"""

from django.db.models import Q, QuerySet

from studium.accounts.access import operator, role_in
from studium.accounts.models import User
from studium.accounts.states import Role, SharedRole, Visibility, covers
from studium.datasets.models import Dataset, DatasetCollaborator, DatasetVersion
from studium.errors import Forbidden, NotFound


def unknown(name: str) -> NotFound:
    return NotFound(
        "dataset.unknown",
        f"There is no dataset {name[:100]!r} that you may see.",
        "`studium datasets list` shows yours.",
    )


def visible_to(user: User) -> QuerySet[Dataset]:
    """Every live dataset the user may read."""
    member_of = user.memberships.values("team_id")
    admin_of = user.memberships.filter(role__in=[Role.OWNER.value, Role.ADMIN.value]).values("team_id")
    return Dataset.objects.filter(
        Q(visibility=Visibility.PUBLIC, taken_down_at=None)
        | Q(visibility__in=[Visibility.PUBLIC, Visibility.TEAM], team_id__in=member_of)
        | Q(team_id__in=admin_of)
        | Q(created_by_id=user.pk, team_id__in=member_of)
        | Q(pk__in=user.dataset_collaborations.values("dataset_id")),
        deleted_at=None,
    ).select_related("team", "created_by")


def dataset_for(user: User, name: str, *, change: bool = False, manage: bool = False) -> Dataset:
    """The dataset called `<team>/<slug>` or by its id. With `change`, only for those who may edit its card and bring versions;
    with `manage`, only for those who may decide about it.

    Raises NotFound for what the user may not read, Forbidden for what they may only read, or only edit.
    """
    team, _, slug = name.rpartition("/")
    # What a database could not even be asked for is not there either.
    rows = visible_to(user) if user.is_active and name.isprintable() else Dataset.objects.none()
    found = rows.filter(Q(team__slug=team, slug=slug) if team else Q(pk=name)).first()
    if found is None:
        raise unknown(name)
    called = f"{found.team.slug}/{found.slug}"
    if (change or manage) and not may_change(user, found):
        raise Forbidden(
            "dataset.read_only",
            f"You may read {called} but not change it.",
            "Make a dataset of your own from it, or ask its team for the role member.",
        )
    if manage and not may_manage(user, found):
        raise Forbidden(
            "dataset.of_its_team",
            f"You may edit {called}; this is for its team to do.",
            f"Ask a member of {found.team.slug}.",
        )
    return found


def decided_by_operators() -> QuerySet[Dataset]:
    """The live datasets that are public or were taken down, for who operates the installation."""
    rows = Dataset.objects.filter(Q(visibility=Visibility.PUBLIC) | ~Q(taken_down_at=None), deleted_at=None)
    return rows.select_related("team", "created_by")


def dataset_for_operator(user: User, name: str) -> Dataset:
    """One of those, by `<team>/<slug>` or id. Raises NotFound, also for everybody else."""
    operator(user)
    team, _, slug = name.rpartition("/")
    found = decided_by_operators().filter(Q(team__slug=team, slug=slug) if team else Q(pk=name)).first()
    if found is None:
        raise unknown(name)
    return found


def version_for(user: User, name: str, number: int | None = None) -> DatasetVersion:
    """A version of a dataset that the user reads, the newest without a number. Raises NotFound."""
    dataset = dataset_for(user, name)
    rows = DatasetVersion.objects.filter(dataset=dataset, deleted_at=None).order_by("-number")
    found = (rows.filter(number=number) if number is not None else rows).first()
    if found is None:
        which = f"version {number}" if number is not None else "version yet"
        raise NotFound(
            "dataset.version_unknown",
            f"{dataset.team.slug}/{dataset.slug} has no {which}.",
            f"`studium datasets versions {dataset.team.slug}/{dataset.slug}` shows those there are.",
        )
    found.dataset = dataset
    return found


def shared_role(user: User, dataset: Dataset) -> SharedRole | None:
    """As what it is shared with the user; None for everybody else and for deactivated users."""
    if not user.is_active:
        return None
    rows = DatasetCollaborator.objects.filter(dataset=dataset, user_id=user.pk)
    found = rows.values_list("role", flat=True).first()
    return SharedRole(found) if found else None


def manages(user_id: int, dataset: Dataset, role: Role | None) -> bool:
    """Whether somebody with this role in its team decides about it: members, and of private ones only maker and admins."""
    if role is None or not covers(role, Role.MEMBER):
        return False
    return dataset.visibility != Visibility.PRIVATE or dataset.created_by_id == user_id or covers(role, Role.ADMIN)


def may_manage(user: User, dataset: Dataset) -> bool:
    """Whether the user may delete it, share it, and decide who sees it."""
    return manages(user.pk, dataset, role_in(user, dataset.team))


def may_change(user: User, dataset: Dataset) -> bool:
    """Whether the user may edit its card and bring versions."""
    return may_manage(user, dataset) or shared_role(user, dataset) == SharedRole.EDITOR
