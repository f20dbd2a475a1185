"""Output files of notebooks' versions as things that take room."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, QuerySet, Sum

from studium.accounts.models import Team
from studium.compute.queries import manifests_shown
from studium.notebooks.access import manages, visible_to
from studium.notebooks.inputs.models import VersionInput
from studium.notebooks.inputs.queries import kept_for_others
from studium.notebooks.models import Version
from studium.notebooks.stored.items import PRIVATE, Freed, Item, Viewer

KIND = "versions"


def _rows(team: Team) -> QuerySet[Version]:
    rows = Version.objects.filter(notebook__team=team, notebook__deleted_at=None, files_bytes__gt=0)
    return rows.select_related("notebook__team")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).order_by("-files_bytes", "pk")[:most])


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).filter(pk__in=list(keys)))


def frees(team: Team, keys: Collection[str]) -> Freed:
    return Freed(bytes=_rows(team).filter(pk__in=list(keys)).aggregate(total=Sum("files_bytes"))["total"] or 0)


def _items(viewer: Viewer, rows: Iterable[Version]) -> list[Item]:
    found = list(rows)
    keys, notebooks = [each.pk for each in found], {each.notebook_id for each in found}
    readable = set(visible_to(viewer.user).filter(pk__in=notebooks).values_list("pk", flat=True))
    with_files = Version.objects.filter(notebook__in=notebooks, files_count__gt=0)
    newest = dict(with_files.values_list("notebook_id").annotate(newest=Max("number")))
    needed = set(Version.objects.filter(kept_for_others(), pk__in=keys).values_list("pk", flat=True))
    reads = VersionInput.objects.filter(source__in=keys).values_list("source_id")
    used = dict(reads.annotate(last=Max("version__created_at")))
    shown = manifests_shown()
    items = []
    for each in found:
        notebook, seen = each.notebook, each.notebook_id in readable
        kept = ""
        if not seen or not manages(viewer.user.pk, notebook, viewer.role):
            kept = "Only members of its team clean it up." if seen else PRIVATE
        elif each.settled_at is None or each.volume_deleted_at is None:
            kept = "Its run is just ending."
        elif each.pinned:
            kept = "It is pinned."
        elif newest.get(each.notebook_id) == each.number:
            kept = "It is the newest with files."
        elif each.pk in needed or each.files in shown:
            kept = "Another notebook or a run reads it."
        items.append(
            Item(
                kind=KIND,
                key=each.pk,
                title=f"{notebook.title}, version {each.number}" if seen else "A private notebook's version",
                page=f"/notebooks/{notebook.team.slug}/{notebook.slug}/versions/{each.number}/" if seen else "",
                bytes=each.files_bytes,
                used_at=max(each.created_at, used.get(each.pk) or each.created_at),
                kept=kept,
            )
        )
    return items
