"""Workspaces of notebooks as things that take room."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, QuerySet

from studium.accounts.models import Team
from studium.notebooks.access import manages, visible_to
from studium.notebooks.git.models import Repository
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.snapshots.models import WorkspaceCare
from studium.notebooks.snapshots.queries import unsettled
from studium.notebooks.stored.items import PRIVATE, Freed, Item, Viewer

KIND = "workspaces"


def _rows(team: Team) -> QuerySet[Notebook]:
    return Notebook.objects.filter(team=team, deleted_at=None, workspace_bytes__gt=0).select_related("team")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).order_by("-workspace_bytes", "pk")[:most])


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).filter(pk__in=list(keys)))


def frees(team: Team, keys: Collection[str]) -> Freed:
    rows = _rows(team).filter(pk__in=list(keys)).values_list("workspace_bytes", "document_bytes")
    return Freed(bytes=sum(max(0, workspace - document) for workspace, document in rows))


def _items(viewer: Viewer, rows: Iterable[Notebook]) -> list[Item]:
    found = list(rows)
    keys = [each.pk for each in found]
    readable = set(visible_to(viewer.user).filter(pk__in=keys).values_list("pk", flat=True))
    busy = set(unsettled().filter(notebook__in=keys).values_list("notebook_id", flat=True))
    given = set(
        WorkspaceCare.objects.filter(notebook__in=keys).exclude(restoring=None).values_list("notebook_id", flat=True)
    )
    cloned = set(Repository.objects.filter(notebook__in=keys).values_list("notebook_id", flat=True))
    last = Launch.objects.filter(notebook__in=keys).values_list("notebook_id").annotate(last=Max("run__submitted_at"))
    used = dict(last)
    items = []
    for each in found:
        kept = ""
        if each.pk not in readable or not manages(viewer.user.pk, each, viewer.role):
            kept = PRIVATE if each.pk not in readable else "Only members of its team empty it."
        elif each.emptying_at is not None:
            kept = "It is just being emptied."
        elif each.pk in given:
            kept = "A snapshot is just being put back."
        elif each.pk in busy:
            kept = "A run has it. Stop that first."
        elif each.pk in cloned:
            kept = "It is a git clone and may have work that was not pushed."
        seen = each.pk in readable
        items.append(
            Item(
                kind=KIND,
                key=each.pk,
                title=each.title if seen else "A private notebook",
                page=f"/notebooks/{each.team.slug}/{each.slug}/" if seen else "",
                bytes=each.workspace_bytes,
                used_at=used.get(each.pk) or each.changed_at,
                kept=kept,
            )
        )
    return items
