"""Snapshots of workspaces as things that take room. Those of the team's volume are seen to on its page."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import QuerySet

from studium.accounts.models import Team, User
from studium.compute.volumes.queries import owner_of as volume_owner
from studium.compute.volumes.states import SnapshotState
from studium.compute.volumes.streaming import chunks_of
from studium.errors import NotFound, NotYet
from studium.notebooks.access import manages, visible_to
from studium.notebooks.snapshots.actions import delete
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.queries import needed_by
from studium.notebooks.stored.items import PRIVATE, Freed, Item, Viewer
from studium.storage.chunks.queries import owned_bytes_but

KIND = "snapshots"


def _rows(team: Team) -> QuerySet[WorkspaceSnapshot]:
    ready = WorkspaceSnapshot.objects.filter(notebook__team=team, state=SnapshotState.READY)
    return ready.select_related("notebook__team")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).order_by("-size_bytes", "pk")[:most])


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    return _items(viewer, _rows(viewer.team).filter(pk__in=list(keys)))


def frees(team: Team, keys: Collection[str]) -> Freed:
    """What no other snapshot of the team has, of its volume's neither."""
    going = _rows(team).filter(pk__in=list(keys))
    try:
        gone = chunks_of(going.values_list("manifest", flat=True)) - needed_by(team.pk, but=keys)
    except (OSError, ValueError):  # a list of pieces is lost, and with it what they have in common
        return Freed(bytes=sum(going.values_list("size_bytes", flat=True)), exact=False)
    return Freed(bytes=owned_bytes_but(gone, volume_owner(team.pk)))


def clean(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    for snapshot in _rows(team).filter(pk__in=list(keys)):
        try:
            delete(actor, snapshot, now=now)
        except (NotFound, NotYet):  # somebody was quicker
            continue


def _items(viewer: Viewer, rows: Iterable[WorkspaceSnapshot]) -> list[Item]:
    found = list(rows)
    of = {each.notebook_id for each in found}
    readable = set(visible_to(viewer.user).filter(pk__in=of).values_list("pk", flat=True))
    restoring = set(WorkspaceCare.objects.filter(notebook__in=of).values_list("restoring_id", flat=True))
    items = []
    for each in found:
        notebook, kept = each.notebook, ""
        if notebook.pk not in readable:
            kept = PRIVATE
        elif not manages(viewer.user.pk, notebook, viewer.role):
            kept = "Only members of its team delete it."
        elif each.pk in restoring:
            kept = "It is just being put back."
        seen = notebook.pk in readable
        name = f"{notebook.title}, {each.note or each.pk}"
        items.append(
            Item(
                kind=KIND,
                key=each.pk,
                title=name if seen else "A snapshot of a private notebook",
                page=f"/notebooks/{notebook.team.slug}/{notebook.slug}/snapshots/" if seen else "",
                bytes=each.size_bytes,
                used_at=each.taken_at,
                kept=kept,
            )
        )
    return items
