"""Reads of datasets: lists, versions, files, what differs."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from studium.accounts.models import Team, User
from studium.accounts.states import Visibility
from studium.datasets.access import decided_by_operators, visible_to
from studium.datasets.models import Dataset, DatasetCollaborator, DatasetTag, DatasetVersion
from studium.storage import manifests
from studium.storage.manifests import Entry
from studium.storage.models import Blob


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a version has and another had not, by path in order; `same` counts the others."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]
    same: int


def listed(
    user: User, view: str = "team", *, search: str = "", tag: str = "", team: Team | None = None
) -> QuerySet[Dataset]:
    """Datasets the user may read, last changed first, each with `newest` (number), `files` and `bytes` of its newest version.

    `view` is `mine`, `team` (of the user's teams), `shared`, `public`, or `all` of these.
    """
    rows = visible_to(user)
    if view == "mine":
        rows = rows.filter(created_by_id=user.pk)
    elif view == "team":
        rows = rows.filter(team_id__in=user.memberships.values("team_id"))
    elif view == "shared":
        rows = rows.filter(pk__in=user.dataset_collaborations.values("dataset_id"))
    elif view != "all":
        rows = rows.filter(visibility=Visibility.PUBLIC, taken_down_at=None)
    if team is not None:
        rows = rows.filter(team=team)
    for word in search.split()[:10]:
        rows = rows.filter(
            Q(title__icontains=word) | Q(subtitle__icontains=word) | Q(card__icontains=word) | Q(slug__icontains=word)
        )
    if tag:
        rows = rows.filter(tags__name=tag)
    last = DatasetVersion.objects.filter(dataset=OuterRef("pk"), deleted_at=None).order_by("-number")
    return rows.annotate(
        newest=Subquery(last.values("number")[:1]),
        files=Subquery(last.values("files_count")[:1]),
        bytes=Subquery(last.values("files_bytes")[:1]),
    ).order_by("-changed_at", "pk")


def by_person(user: User, person: User) -> QuerySet[Dataset]:
    """The public datasets that the person made, as far as the user may read them."""
    return listed(user, "public").filter(created_by=person)


def taken_down() -> QuerySet[Dataset]:
    """Live datasets that are taken down, to be ordered by the caller."""
    return decided_by_operators().exclude(taken_down_at=None)


def named(user: User, name: str) -> QuerySet[Dataset]:
    """What may be meant by an id, `team/slug`, or a slug in one of the user's teams or shared with them."""
    team, _, slug = name.rpartition("/")
    if team:
        return visible_to(user).filter(team__slug=team, slug=slug)
    near = Q(team_id__in=user.memberships.values("team_id")) | Q(
        pk__in=user.dataset_collaborations.values("dataset_id")
    )
    return visible_to(user).filter(Q(pk=name) | Q(near, slug=name))


def versions_of(dataset: Dataset) -> QuerySet[DatasetVersion]:
    """Newest first, deleted ones included."""
    return DatasetVersion.objects.filter(dataset=dataset).select_related("created_by").order_by("-number")


def newest_of(datasets: Iterable[Dataset]) -> dict[str, DatasetVersion]:
    """The newest version of each dataset that has one, by the dataset's id; one query."""
    last = DatasetVersion.objects.filter(dataset=OuterRef("dataset"), deleted_at=None).order_by("-number")
    rows = DatasetVersion.objects.filter(
        dataset__in=[each.pk for each in datasets], number=Subquery(last.values("number")[:1])
    )
    return {row.dataset_id: row for row in rows}


def shared_bytes(team: Team) -> int:
    """What the files take that the team's datasets have in common with notebooks, each content once."""
    rows = DatasetVersion.objects.filter(dataset__team=team, deleted_at=None, shared_bytes__gt=0)
    holders = [f"dataset:{dataset}:{number}:blob:" for dataset, number in rows.values_list("dataset_id", "number")]
    found: dict[str, int] = {}
    for start in range(0, len(holders), 100):
        any_of = Q()
        for holder in holders[start : start + 100]:
            any_of |= Q(holds__holder__startswith=holder)
        found.update(Blob.objects.filter(any_of).values_list("digest", "size"))
    return sum(found.values())


def files_of(version: DatasetVersion) -> list[Entry]:
    """In the order of their paths. Raises FileNotFoundError where the store lost the manifest."""
    return manifests.read(version.manifest)


def file_of(version: DatasetVersion, path: str) -> Entry | None:
    """The file at a path."""
    return next((each for each in files_of(version) if each.path == path), None)


def folder(entries: list[Entry], path: str) -> tuple[list[tuple[str, int, int]], list[Entry]]:
    """What is right inside a folder: folders as name, files and bytes below them, and files. The top is the empty path."""
    inside = f"{path}/" if path else ""
    folders: dict[str, tuple[int, int]] = {}
    files = []
    for each in entries:
        if not each.path.startswith(inside):
            continue
        name, below, _ = each.path[len(inside) :].partition("/")
        if below:
            count, size = folders.get(name, (0, 0))
            folders[name] = (count + 1, size + each.size)
        else:
            files.append(each)
    return [(name, count, size) for name, (count, size) in folders.items()], files


def difference(before: list[Entry], after: list[Entry]) -> Difference:
    """What differs between the files of two versions."""
    old, new = {each.path: each for each in before}, {each.path: each for each in after}
    both = [(old[path], new[path]) for path in new if path in old]
    changed = [(one, other) for one, other in both if (one.digest, one.chunks) != (other.digest, other.chunks)]
    return Difference(
        added=[new[path] for path in new if path not in old],
        removed=[old[path] for path in old if path not in new],
        changed=changed,
        same=len(both) - len(changed),
    )


def collaborators_of(dataset: Dataset) -> QuerySet[DatasetCollaborator]:
    """By name."""
    rows = DatasetCollaborator.objects.filter(dataset=dataset).select_related("user")
    return rows.order_by("user__username")


def tags_of(datasets: Iterable[Dataset]) -> dict[str, list[str]]:
    """The tags of each dataset that has any, by its id; one query."""
    found: dict[str, list[str]] = {}
    rows = DatasetTag.objects.filter(dataset__in=[each.pk for each in datasets]).order_by("name")
    for dataset, name in rows.values_list("dataset_id", "name"):
        found.setdefault(dataset, []).append(name)
    return found


def used_tags(user: User, most: int = 30) -> list[tuple[str, int]]:
    """Tags of the datasets the user may read, the most used first."""
    rows = DatasetTag.objects.filter(dataset__in=visible_to(user).order_by().values("pk"))
    counted = rows.values("name").annotate(count=Count("pk")).order_by("-count", "name")
    return [(row["name"], row["count"]) for row in counted[:most]]
