"""Versions of datasets as things that take room."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, QuerySet

from studium.accounts.models import Team
from studium.compute.queries import manifests_shown
from studium.datasets.access import manages, visible_to
from studium.datasets.models import DatasetVersion
from studium.notebooks.inputs.models import Input, VersionInput
from studium.notebooks.stored.items import PRIVATE, Alone, Freed, Item, Viewer, numbers
from studium.storage import manifests
from studium.storage.chunks.queries import owned_among, owned_bytes
from studium.storage.uploads.queries import needed_by

KIND = "datasets"
# Of teams with more files than this in all versions it is not found out what exactly goes with some of them.
MOST_FILES = 200_000
# Of more than this at once it is not told what each frees by itself.
MOST_ALONE = 50


def _rows(team: Team) -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.filter(dataset__team=team, deleted_at=None).select_related("dataset__team")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).order_by("-new_bytes", "pk")[:most])


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).filter(pk__in=numbers(keys)))


def frees(team: Team, keys: Collection[str]) -> Freed:
    """What these have that no other version and no upload of the team needs."""
    owner, doomed = f"team:{team.pk}", set(numbers(keys))
    rows = list(_rows(team).values_list("pk", "manifest", "files_count", "files_bytes"))
    gone = {manifest for pk, manifest, _, _ in rows if pk in doomed}
    stay = {manifest for pk, manifest, _, _ in rows if pk not in doomed}
    if sum(count for _, _, count, _ in rows) > MOST_FILES:
        most = sum(size for pk, _, _, size in rows if pk in doomed)
        return Freed(bytes=min(most, owned_bytes(owner, claimed=True)), exact=False)
    try:
        going = _chunks(gone - stay)
        return Freed(bytes=owned_among(owner, going - _chunks(stay) - needed_by(owner) if going else (), claimed=True))
    except (FileNotFoundError, ValueError):  # damage, which the check of the store tells of
        return Freed(exact=False)


def alone(team: Team, keys: Collection[str]) -> dict[str, Alone]:
    """What goes with each of these if only that one goes, by key; nothing where that would take too long to find out."""
    owner, doomed = f"team:{team.pk}", set(numbers(keys))
    rows = list(_rows(team).values_list("pk", "manifest", "files_count", "dataset_id", "number"))
    if not 0 < len(doomed) <= MOST_ALONE or sum(row[2] for row in rows) > MOST_FILES:
        return {}
    touched = {dataset for pk, _, _, dataset, _ in rows if pk in doomed}
    uses, beside, needed = Counter[str](), dict[int, tuple[str, int, set[str]]](), needed_by(owner)
    try:
        for pk, manifest, _, dataset, number in rows:
            chunks = _chunks([manifest])
            uses.update(chunks)
            if dataset in touched:
                beside[pk] = (dataset, number, chunks)
    except (FileNotFoundError, ValueError):  # damage, which the check of the store tells of
        return {}
    found = {}
    for pk in doomed & beside.keys():
        dataset, number, chunks = beside[pk]
        own = {chunk for chunk in chunks if uses[chunk] == 1} - needed
        others = [n for of, n, has in beside.values() if of == dataset and n != number and not has.isdisjoint(chunks)]
        size = owned_among(owner, own, claimed=True) if own else 0
        found[str(pk)] = Alone(bytes=size, shared_with=tuple(sorted(others)))
    return found


def _chunks(found: Iterable[str]) -> set[str]:
    return {chunk for manifest in found for entry in manifests.read(manifest) for chunk in entry.chunks or ()}


def _items(viewer: Viewer, rows: Iterable[DatasetVersion]) -> list[Item]:
    found = list(rows)
    keys, sets = [each.pk for each in found], {each.dataset_id for each in found}
    readable = set(visible_to(viewer.user).filter(pk__in=sets).values_list("pk", flat=True))
    live = DatasetVersion.objects.filter(dataset__in=sets, deleted_at=None)
    newest = dict(live.values_list("dataset_id").annotate(newest=Max("number")))
    inputs = Input.objects.filter(dataset__in=sets, notebook__team=viewer.team, notebook__deleted_at=None)
    pinned = set(inputs.exclude(number=None).values_list("dataset_id", "number"))
    reads = VersionInput.objects.filter(dataset__in=keys).values_list("dataset_id")
    used, shown = dict(reads.annotate(last=Max("version__created_at"))), manifests_shown()
    items = []
    for each in found:
        of, seen, kept = each.dataset, each.dataset_id in readable, ""
        if not seen or not manages(viewer.user.pk, of, viewer.role):
            kept = "Only members of its team clean it up." if seen else PRIVATE
        elif newest.get(each.dataset_id) == each.number:
            kept = "It is the newest."
        elif (each.dataset_id, each.number) in pinned:
            kept = "A notebook's input stays with it."
        elif each.manifest in shown:
            kept = "A run reads it."
        items.append(
            Item(
                kind=KIND,
                key=str(each.pk),
                title=f"{of.title}, version {each.number}" if seen else "A private dataset's version",
                page=f"/datasets/{of.team.slug}/{of.slug}/?version={each.number}" if seen else "",
                bytes=each.new_bytes,
                used_at=max(each.created_at, used.get(each.pk) or each.created_at),
                kept=kept,
            )
        )
    return items
