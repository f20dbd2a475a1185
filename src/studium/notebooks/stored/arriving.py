"""Unfinished uploads, and pieces without one, as things that take room."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from studium.accounts.models import Team, User
from studium.datasets.access import manages, visible_to
from studium.datasets.models import Dataset
from studium.datasets.uploading import discard
from studium.notebooks.stored.items import PRIVATE, Freed, Item, Viewer
from studium.storage.chunks.actions import PROMISED_FOR
from studium.storage.chunks.queries import owned_among, unclaimed
from studium.storage.models import Upload
from studium.storage.uploads.actions import KEPT_FOR, split
from studium.storage.uploads.queries import needed_by

KIND = "uploads"
LOOSE = "loose"
# Somebody may be at it: what came in this time stays.
UNTOUCHED = timedelta(minutes=10)
# Pieces that a client sent ahead of a version belong to no upload; it may take its time with the rest.
LOOSE_FOR = timedelta(days=1)
MOST_PIECES = 200_000


def _rows(team: Team) -> QuerySet[Upload]:
    return Upload.objects.filter(owner=f"team:{team.pk}").defer("chunks", "tail")


def largest(viewer: Viewer, most: int, now: datetime) -> list[Item]:
    items = _items(viewer, _rows(viewer.team).order_by("-received", "pk")[:most], now)
    items += _loose(viewer, now)
    return sorted(items, key=lambda item: -item.bytes)[:most]


def named(viewer: Viewer, keys: Collection[str], now: datetime) -> list[Item]:
    items = _items(viewer, _rows(viewer.team).filter(pk__in=list(keys)), now)
    return items + (_loose(viewer, now) if LOOSE in keys else [])


def frees(team: Team, keys: Collection[str]) -> Freed:
    """What of these no version and no other upload has; at most what was received where that is very much."""
    owner = f"team:{team.pk}"
    received = _rows(team).filter(pk__in=list(keys)).aggregate(total=Sum("received"))["total"] or 0
    loose = _loose_bytes(owner) if LOOSE in keys else 0
    if unclaimed(owner).count() > MOST_PIECES:
        return Freed(bytes=received + loose, exact=False)
    return Freed(bytes=owned_among(owner, _pieces(team, keys), claimed=False) + loose)


def clean(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    """End the uploads, and let go of their pieces and of those without one."""
    pieces = _pieces(team, keys)
    if LOOSE in keys:
        pieces |= {digest for digest, _, _ in _loose_rows(f"team:{team.pk}")}
    discard(actor, team, list(_rows(team).filter(pk__in=list(keys))), pieces, now=now)


def _pieces(team: Team, keys: Collection[str]) -> set[str]:
    """The pieces of these uploads that no other upload has."""
    rows = Upload.objects.filter(owner=f"team:{team.pk}")
    others = _split(rows.exclude(pk__in=list(keys)))
    return _split(rows.filter(pk__in=list(keys))) - others


def _split(rows: QuerySet[Upload]) -> set[str]:
    return {piece for chunks in rows.values_list("chunks", flat=True) for piece in split(bytes(chunks))}


def _loose_rows(owner: str) -> list[tuple[str, int, datetime]]:
    """Pieces that neither a version nor an upload has: digest, size, and until when they are promised."""
    needed = needed_by(owner)
    rows = unclaimed(owner).values_list("chunk_id", "chunk__size", "promised_until")[:MOST_PIECES]
    return [row for row in rows if row[0] not in needed]


def _loose_bytes(owner: str) -> int:
    return sum(size for _, size, _ in _loose_rows(owner))


def _loose(viewer: Viewer, now: datetime) -> list[Item]:
    rows = _loose_rows(f"team:{viewer.team.pk}")
    if not rows:
        return []
    last = min(now, max(until for _, _, until in rows) - PROMISED_FOR)
    kept = ""
    if not viewer.member:
        kept = "Only members of the team clean it up."
    elif now - last < LOOSE_FOR:
        kept = "Somebody sent some in the last day."
    return [
        Item(
            kind=KIND, key=LOOSE, title="Pieces that no version has", page="",
            bytes=sum(size for _, size, _ in rows), used_at=last, kept=kept,
        )
    ]  # fmt: skip


def _items(viewer: Viewer, rows: Iterable[Upload], now: datetime) -> list[Item]:
    found = list(rows)
    keys = {each.purpose.partition(":")[2] for each in found}
    sets = {each.pk: each for each in Dataset.objects.filter(pk__in=keys, team=viewer.team).select_related("team")}
    readable = set(visible_to(viewer.user).filter(pk__in=sets).values_list("pk", flat=True))
    items = []
    for each in found:
        of = sets.get(each.purpose.partition(":")[2])
        gone = of is None or of.deleted_at is not None
        seen = gone or (of is not None and of.pk in readable)
        last, kept = each.expires_at - KEPT_FOR, ""
        if not seen:
            kept = PRIVATE
        elif not viewer.member or (of is not None and not manages(viewer.user.pk, of, viewer.role)):
            kept = "Only members of its team clean it up."
        elif now - last < UNTOUCHED:
            kept = "Bytes of it came in the last minutes."
        title = f"{each.path} for {of.title if of else 'a deleted dataset'}" if seen else "A file for a private dataset"
        page = f"/datasets/{of.team.slug}/{of.slug}/add/" if of and seen and not gone else ""
        items.append(Item(kind=KIND, key=each.pk, title=title, page=page, bytes=each.received, used_at=last, kept=kept))
    return items
