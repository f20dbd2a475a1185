"""Blocks: chunks that are written behind each other, and the rows that say where they lie."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from studium.errors import NotYet
from studium.lib.ids import new_id
from studium.storage import stores
from studium.storage.models import Block, Chunk

_BATCH = 500


def written(parts: Mapping[str, memoryview | bytes], *, now: datetime) -> list[Chunk]:
    """Write these chunks, by digest, as a new block; the rows that are to be recorded. Not inside a transaction.

    What is not recorded within an hour is collected again.
    """
    sizes = [len(part) for part in parts.values()]
    block = Block.objects.create(id=new_id(16), size=sum(sizes), unused_since=now)
    stores.write_block(block.id, list(parts.values()))
    offsets = itertools.accumulate(sizes, initial=0)
    rows = [
        Chunk(digest=digest, size=size, crc=zlib.crc32(part), block=block, offset=offset)
        for (digest, part), size, offset in zip(parts.items(), sizes, offsets, strict=False)
    ]
    # Everybody takes rows in this order, so no two wait for each other.
    return sorted(rows, key=lambda row: row.digest)


def record(rows: Sequence[Chunk], *, now: datetime) -> None:
    """Say where written chunks lie, in the caller's transaction. Those that somebody else brought meanwhile stay where they
    are. Raises NotYet where so much time went by that the block is being collected."""
    block = _held(rows, now)
    Chunk.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
    _note_room(block, len(rows))


@transaction.atomic
def move(rows: Sequence[Chunk], old: str, *, now: datetime) -> None:
    """Say that chunks lie in their new block: those that still lie in the old one. Raises as `record`."""
    block = _held(rows, now)
    for row in rows:
        Chunk.objects.filter(digest=row.digest, block_id=old).update(block=block, offset=row.offset)
    # Whoever looked up where a chunk lay may read it there for a while.
    Block.objects.filter(pk=old).update(unused_since=now)
    _note_room(block, len(rows))


def _held(rows: Sequence[Chunk], now: datetime) -> Block:
    block = rows[0].block
    if not Block.objects.filter(pk=block.pk, deleting=False).update(unused_since=now):
        raise NotYet("storage.busy", "Writing this took so long that it was cleaned away.", "Send it again.")
    return block


def _note_room(block: Block, most: int) -> None:
    """A block of which less is used than was written is looked at for room."""
    if Chunk.objects.filter(block=block).count() < most:
        Block.objects.filter(pk=block.pk).update(thinned=True)
