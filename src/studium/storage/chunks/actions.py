"""Bring, promise and give up chunks. Bytes are in the store before the row that says where they lie."""

import hashlib
import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import Min

from studium.errors import BadInput, NotYet
from studium.lib import chunks as cutting
from studium.lib.ids import new_id
from studium.storage import stores
from studium.storage.models import Block, Chunk, Ownership

# What was brought and not yet used stays so long: an upload can be taken up again until then.
PROMISED_FOR = timedelta(days=8)
CLAIMED_FOR = timedelta(hours=1)
_BATCH = 500


def missing(owner: str, digests: Sequence[str], *, now: datetime) -> list[str]:
    """Which of these chunks the owner has yet to bring, in order and each once. The others are promised for eight days."""
    wanted = list(dict.fromkeys(digests))
    until, there = now + PROMISED_FOR, set[str]()
    for batch in _batches(wanted):
        rows = Ownership.objects.filter(owner=owner, chunk_id__in=batch)
        rows.filter(promised_until__lt=until - timedelta(hours=1)).update(promised_until=until)
        there.update(rows.values_list("chunk_id", flat=True))
    return [digest for digest in wanted if digest not in there]


def bring(owner: str, described: Sequence[tuple[str, int]], content: bytes, *, now: datetime) -> int:
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
    fresh = dict(places)
    for batch in _batches(list(places)):
        for known in Chunk.objects.filter(digest__in=batch).values_list("digest", flat=True):
            del fresh[known]
    if fresh:
        _write_block(fresh, content, now)
    _own(owner, list(places), now)
    return sum(size for _, size in fresh.values())


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


def claim(owner: str, digests: Iterable[str], *, now: datetime) -> None:
    """See that the owner has all of these, in the caller's transaction, which records what needs them. Raises NotYet."""
    wanted, there = sorted(set(digests)), 0
    for batch in _batches(wanted):
        rows = Ownership.objects.filter(owner=owner, chunk_id__in=batch)
        # For so long what is needed may be looked up without knowing of this.
        there += rows.update(promised_until=now + CLAIMED_FOR)
    if there < len(wanted):
        raise NotYet(
            "storage.chunks_missing",
            f"{len(wanted) - there:,} of {len(wanted):,} pieces of these files have not arrived.",
            "Send what is missing, then try again.",
        )


def give_up(owner: str, needed: frozenset[str] | set[str], *, now: datetime) -> int:
    """Let go of what the owner has, does not need and was not promised; returns how many chunks.

    `needed` may be older than the latest claim: what was claimed meanwhile is promised.
    """
    rows = Ownership.objects.filter(owner=owner, promised_until__lte=now)
    doomed = [pk for pk, digest in rows.values_list("pk", "chunk_id").iterator() if digest not in needed]
    done = 0
    for start in range(0, len(doomed), _BATCH):
        some = Ownership.objects.filter(pk__in=doomed[start : start + _BATCH], promised_until__lte=now)
        digests = list(some.values_list("chunk_id", flat=True))
        done += some.delete()[0]
        forget(digests, now=now)
    return done


def forget(digests: list[str], *, now: datetime) -> int:
    """Forget those of these chunks that nobody owns; returns how many. Their room is free once their blocks are collected."""
    done = 0
    for batch in _batches(digests):
        with transaction.atomic():
            rows = Chunk.objects.select_for_update().filter(digest__in=batch)
            blocks = dict(rows.values_list("digest", "block_id"))
            owned = set(Ownership.objects.filter(chunk_id__in=batch).values_list("chunk_id", flat=True))
            free = [digest for digest in blocks if digest not in owned]
            done += Chunk.objects.filter(digest__in=free).delete()[0]
            Block.objects.filter(pk__in={blocks[digest] for digest in free}).update(thinned=True, unused_since=now)
    return done


def next_lapse(owner: str, *, now: datetime) -> datetime | None:
    """When the next promise of those that the owner has will lapse."""
    rows = Ownership.objects.filter(owner=owner, promised_until__gt=now)
    return rows.aggregate(next=Min("promised_until"))["next"]  # type: ignore[no-any-return]


def _check(described: Sequence[tuple[str, int]], content: bytes) -> None:
    if not described or len(described) > cutting.PACK_CHUNKS:
        raise BadInput(
            "storage.pack", f"A pack has 1 to {cutting.PACK_CHUNKS:,} chunks, not {len(described):,}.", "Send fewer."
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


def _write_block(places: dict[str, tuple[int, int]], content: bytes, now: datetime) -> None:
    """A new block of these parts of the content, and the rows that say so."""
    view = memoryview(content)
    parts = [view[offset : offset + size] for offset, size in places.values()]
    keep_block(list(places), parts, now=now)


def keep_block(
    digests: Sequence[str], parts: Sequence[memoryview | bytes], *, now: datetime, instead_of: str = ""
) -> None:
    """Write a block of these chunks and record where they lie now; with `instead_of` only those that lay in that block."""
    sizes = [len(part) for part in parts]
    block = Block.objects.create(id=new_id(16), size=sum(sizes), unused_since=now)
    stores.write_block(block.id, b"".join(parts))
    offsets = itertools.accumulate(sizes, initial=0)
    rows = [
        Chunk(digest=digest, size=size, crc=zlib.crc32(part), block=block, offset=offset)
        for digest, size, part, offset in zip(digests, sizes, parts, offsets, strict=False)
    ]
    with transaction.atomic():
        if not instead_of:  # one that somebody else brought meanwhile stays where it is
            Chunk.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
            return
        for row in rows:
            Chunk.objects.filter(digest=row.digest, block_id=instead_of).update(block=block, offset=row.offset)
        Block.objects.filter(pk=instead_of).update(unused_since=now)


def _own(owner: str, digests: list[str], now: datetime) -> None:
    until = now + PROMISED_FOR
    try:
        with transaction.atomic():
            for batch in _batches(digests):
                rows = [Ownership(owner=owner, chunk_id=digest, promised_until=until) for digest in batch]
                Ownership.objects.bulk_create(
                    rows, update_conflicts=True, unique_fields=["owner", "chunk"], update_fields=["promised_until"]
                )
    except IntegrityError:  # one that nobody owned any more was collected between being found and being owned
        raise NotYet(
            "storage.busy", "This content is just being cleaned away.", "Send the pack again in a moment."
        ) from None


def _pack(pieces: Iterator[tuple[cutting.Chunk, bytes]]) -> Iterator[tuple[cutting.Chunk, bytes]]:
    """So many of the next pieces as go into one pack."""
    size = 0
    for chunk, content in pieces:
        yield chunk, content
        size += chunk.size
        if size >= cutting.PACK_BYTES:
            return


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
