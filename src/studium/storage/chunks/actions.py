"""Bring, promise and give up chunks. Bytes are in the store before the row that says where they lie."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import transaction
from django.db.models import Min, QuerySet, Sum

from studium.errors import BadInput, NotYet
from studium.lib import chunks as cutting
from studium.storage.chunks import blocks
from studium.storage.models import Block, Chunk, Ownership

# What was brought and not yet used stays so long: an upload can be taken up again until then.
PROMISED_FOR = timedelta(days=8)
CLAIMED_FOR = timedelta(hours=1)
_BATCH = 500
_TRIES = 3
_DIGEST = re.compile(r"[0-9a-f]{64}")


def missing(owner: str, digests: Sequence[str], *, now: datetime) -> list[str]:
    """Which of these chunks the owner has yet to bring, in order and each once. The others are promised for eight days; where
    something comes to need them and is deleted in that time they may go with it. Raises BadInput for what is no digest."""
    wanted = list(dict.fromkeys(digests))
    for digest in wanted:
        if not _DIGEST.fullmatch(digest):
            shown = ascii(digest[:64])
            raise BadInput("storage.digest", f"{shown} is not the hex SHA-256 of a chunk.", "Send 64 of 0-9 and a-f.")
    until, there = now + PROMISED_FOR, set[str]()
    for batch in _batches(sorted(wanted)):
        rows = Ownership.objects.filter(owner=owner, chunk_id__in=batch)
        _promise(rows.filter(promised_until__lt=until - timedelta(hours=1)), until)
        there.update(rows.values_list("chunk_id", flat=True))
    return [digest for digest in wanted if digest not in there]


def bring(owner: str, described: Sequence[tuple[str, int]], content: bytes | memoryview, *, now: datetime) -> int:
    """Keep a pack: chunks one behind the other, as `described` by digest and size. Returns the bytes that were new here.

    Repeatable. Raises BadInput where the bytes are not what is said of them; then nothing is kept. Not to be called inside
    a transaction.
    """
    _check(described, content)
    places = dict[str, tuple[int, int]]()
    offset = 0
    for digest, size in described:
        places.setdefault(digest, (offset, size))
        offset += size
    for _ in range(_TRIES):
        fresh = _unknown(places)
        try:
            _keep(owner, places, fresh, content, now)
        except _Gone:
            continue
        return sum(places[digest][1] for digest in fresh)
    raise NotYet("storage.busy", "This content is just being cleaned away.", "Send the pack again in a moment.")


def bring_stream(owner: str, stream: BinaryIO, *, now: datetime) -> tuple[str, int, list[str]]:
    """Cut and keep a file; its hex SHA-256, its size and the digests of its chunks."""
    whole, size, digests = hashlib.sha256(), 0, list[str]()
    for pack in packs(cutting.cut(stream)):
        for chunk, content in pack:
            whole.update(content)
            size += chunk.size
            digests.append(chunk.digest)
        bring_missing(owner, pack, now=now)
    return whole.hexdigest(), size, digests


def bring_missing(owner: str, pack: Sequence[tuple[cutting.Chunk, bytes]], *, now: datetime) -> None:
    """Keep those of these chunks that the owner has not brought."""
    lacking = set(missing(owner, [chunk.digest for chunk, _ in pack], now=now))
    some = {chunk.digest: (chunk, content) for chunk, content in pack if chunk.digest in lacking}.values()
    if some:
        described = [(chunk.digest, chunk.size) for chunk, _ in some]
        bring(owner, described, b"".join(content for _, content in some), now=now)


def packs(pieces: Iterator[tuple[cutting.Chunk, bytes]]) -> Iterator[list[tuple[cutting.Chunk, bytes]]]:
    """Put chunks together as they travel and are kept."""
    while pack := list(_pack(pieces)):
        yield pack


@transaction.atomic
def claim(owner: str, digests: Iterable[str], *, now: datetime) -> int:
    """See that the owner has all of these, in the caller's transaction, which records what needs them. Returns the bytes of
    those that nothing of the owner's needed before. Raises NotYet; then all are promised as before."""
    wanted, there, fresh = sorted(set(digests)), 0, 0
    for batch in _batches(wanted):
        rows = Ownership.objects.filter(owner=owner, chunk_id__in=batch)
        # For so long what is needed may be looked up without knowing of this.
        there += _promise(rows, now + CLAIMED_FOR)
        unused = rows.filter(claimed=False)
        fresh += unused.aggregate(sum=Sum("chunk__size"))["sum"] or 0
        unused.update(claimed=True)
    if there < len(wanted):
        raise chunks_missing(len(wanted) - there, len(wanted))
    return fresh


def chunks_missing(count: int, total: int) -> NotYet:
    return NotYet(
        "storage.chunks_missing",
        f"{count:,} of {total:,} pieces of these files have not arrived.",
        "Send what is missing, then try again.",
    )


def give_up(owner: str, needed: frozenset[str] | set[str], *, now: datetime) -> int:
    """Let go of what the owner has, does not need and was not promised; returns how many chunks.

    `needed` may be older than the latest claim: what was claimed meanwhile is promised.
    """
    rows, last, done = Ownership.objects.filter(owner=owner, promised_until__lte=now).order_by("pk"), 0, 0
    while some := list(rows.filter(pk__gt=last).values_list("pk", "chunk_id")[:_BATCH]):
        last = some[-1][0]
        if doomed := [pk for pk, digest in some if digest not in needed]:
            done += _let_go(doomed, now)
    return done


def _let_go(doomed: list[int], now: datetime) -> int:
    with transaction.atomic():
        # What somebody is about to promise is left; it is looked at again when that lapses.
        rows = Ownership.objects.select_for_update(skip_locked=True).filter(pk__in=doomed, promised_until__lte=now)
        digests = dict(rows.values_list("pk", "chunk_id"))
        done = Ownership.objects.filter(pk__in=list(digests)).delete()[0]
    forget(sorted(digests.values()), now=now)
    return done


def forget(digests: list[str], *, now: datetime) -> int:
    """Forget those of these chunks that nobody owns; returns how many. Their room is free once their blocks are collected."""
    done = 0
    for batch in _batches(digests):
        with transaction.atomic():
            rows = Chunk.objects.select_for_update().filter(digest__in=batch).order_by("digest")
            blocks = dict(rows.values_list("digest", "block_id"))
            owned = set(Ownership.objects.filter(chunk_id__in=batch).values_list("chunk_id", flat=True))
            free = [digest for digest in blocks if digest not in owned]
            done += Chunk.objects.filter(digest__in=free).delete()[0]
            Block.objects.filter(pk__in={blocks[digest] for digest in free}).update(thinned=True, unused_since=now)
    return done


def lapse(owner: str, digests: Iterable[str], *, now: datetime) -> int:
    """Take back the promise of those of these chunks that nothing of the owner's came to need; returns how many. They go with
    the next look at what the owner needs."""
    done = 0
    for batch in _batches(sorted(set(digests))):
        done += _promise(Ownership.objects.filter(owner=owner, claimed=False, chunk_id__in=batch), now)
    return done


def next_lapse(owner: str, *, now: datetime) -> datetime | None:
    """When the next promise of those that the owner has will lapse."""
    rows = Ownership.objects.filter(owner=owner, promised_until__gt=now)
    return rows.aggregate(next=Min("promised_until"))["next"]  # type: ignore[no-any-return]


def _check(described: Sequence[tuple[str, int]], content: bytes | memoryview) -> None:
    if not described or len(described) > cutting.PACK_CHUNKS:
        raise BadInput(
            "storage.pack", f"A pack has 1 to {cutting.PACK_CHUNKS:,} chunks, not {len(described):,}.", "Send fewer."
        )
    if len(content) > cutting.MOST_PACK_BYTES:
        raise BadInput(
            "storage.pack", f"A pack has at most {cutting.MOST_PACK_BYTES:,} bytes.", "Send fewer chunks at once."
        )
    view, offset = memoryview(content), 0
    for digest, size in described:
        piece = view[offset : offset + size]
        if not 0 < size <= cutting.LARGEST or len(piece) != size or hashlib.sha256(piece).hexdigest() != digest:
            raise BadInput(
                "storage.pack",
                f"The bytes of chunk {digest[:64]!r} did not arrive as they were sent.",
                "Send the pack again.",
            )
        offset += size
    if offset != len(content):
        raise BadInput("storage.pack", f"The pack has {len(content) - offset:,} bytes too many.", "Send it again.")


class _Gone(Exception):
    """A chunk that was here, and that nobody owned, was forgotten before it could be owned."""


def _unknown(digests: Iterable[str]) -> list[str]:
    wanted, known = list(digests), set[str]()
    for batch in _batches(wanted):
        known.update(Chunk.objects.filter(digest__in=batch).values_list("digest", flat=True))
    return [digest for digest in wanted if digest not in known]


def _keep(
    owner: str, places: dict[str, tuple[int, int]], fresh: Sequence[str], content: bytes | memoryview, now: datetime
) -> None:
    """Write what is fresh, then record it together with who owns it: nothing may be collected in between."""
    view = memoryview(content)
    parts = {digest: view[places[digest][0] : sum(places[digest])] for digest in fresh}
    rows = blocks.written(parts, now=now) if parts else []
    with transaction.atomic():
        if rows:
            blocks.record(rows, now=now)
        _own(owner, sorted(places), now)


def _own(owner: str, digests: list[str], now: datetime) -> None:
    until = now + PROMISED_FOR
    for batch in _batches(digests):
        here = Chunk.objects.select_for_update(no_key=True).filter(digest__in=batch).order_by("digest")
        if len(here.values_list("pk", flat=True)) < len(batch):
            raise _Gone
        rows = [Ownership(owner=owner, chunk_id=digest, promised_until=until) for digest in batch]
        Ownership.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["owner", "chunk"], update_fields=["promised_until"]
        )


@transaction.atomic
def _promise(rows: QuerySet[Ownership], until: datetime) -> int:
    locked = list(rows.select_for_update().order_by("chunk_id").values_list("pk", flat=True))
    return Ownership.objects.filter(pk__in=locked).update(promised_until=until)


def _pack(pieces: Iterator[tuple[cutting.Chunk, bytes]]) -> Iterator[tuple[cutting.Chunk, bytes]]:
    """So many of the next pieces as go into one pack."""
    size = 0
    for count, (chunk, content) in enumerate(pieces, start=1):
        yield chunk, content
        size += chunk.size
        if size >= cutting.PACK_BYTES or count >= cutting.PACK_CHUNKS:
            return


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
