"""Collect chunks that nobody owns, blocks that have none left, and the room of what is gone in blocks that have some."""

import hashlib
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from studium.errors import NotYet
from studium.storage import stores
from studium.storage.chunks import actions, blocks
from studium.storage.errors import StoreFailed
from studium.storage.models import Block, Chunk

log = structlog.get_logger(__name__)
# Whoever looked up where a chunk lies may read it there for so long, and whoever writes a block has as long to record it.
GRACE = timedelta(hours=1)
# A block of which less than this is still there is written anew.
WORTH_KEEPING = 0.75
_BLOCKS_AT_ONCE = 20


def collect(now: datetime) -> int:
    """Take one step; returns how many blocks went. Repeatable, and beside uploads."""
    return _remove_blocks(now) + _rewrite_blocks(now)


def forget_unowned(now: datetime) -> int:
    """Forget chunks that nobody came to own, which a crash leaves; returns how many. Looks at all there are."""
    return actions.forget(
        list(Chunk.objects.filter(ownerships=None).values_list("digest", flat=True)[:20_000]), now=now
    )


def _remove_blocks(now: datetime) -> int:
    """Blocks of which nothing is left, or whose writer did not come to record them."""
    _mark(now)
    done = 0
    for block in list(Block.objects.filter(deleting=True).order_by("unused_since").values_list("pk", flat=True)[:1000]):
        try:
            stores.remove_block(block)
        except OSError as error:  # behind the others, and no more of them while the store is away
            log.warning("block_stays", block=block, error=str(error))
            Block.objects.filter(pk=block).update(unused_since=now)
            break
        done += Block.objects.filter(pk=block, deleting=True).delete()[0]
    return done


@transaction.atomic
def _mark(now: datetime) -> None:
    """From the mark on nobody records chunks in them, so their bytes may go."""
    old = Block.objects.filter(chunks=None, deleting=False, unused_since__lt=now - GRACE).values_list("pk", flat=True)
    rows = Block.objects.select_for_update().filter(pk__in=list(old[:1000]), deleting=False).order_by("pk")
    locked = list(rows.values_list("pk", flat=True))
    # Asked again under the lock: a writer may have come to record them meanwhile.
    used = set(Chunk.objects.filter(block__in=locked).values_list("block_id", flat=True))
    Block.objects.filter(pk__in=[block for block in locked if block not in used]).update(deleting=True)


def _rewrite_blocks(now: datetime) -> int:
    """Blocks that are mostly gone: what is left of them goes into a new one."""
    used = Coalesce(Sum("chunks__size"), 0)
    thinned = Block.objects.filter(thinned=True).order_by("unused_since").values_list("pk", flat=True)[:_BLOCKS_AT_ONCE]
    done = 0
    for block in Block.objects.filter(pk__in=list(thinned)).annotate(used=used):
        if not 0 < block.used < block.size * WORTH_KEEPING:
            _looked_at(block)
            continue
        left = {chunk.digest: chunk for chunk in Chunk.objects.filter(block=block).order_by("offset")}
        try:
            parts = {digest: _sound(chunk) for digest, chunk in left.items()}
        except FileNotFoundError as error:  # for the check of the store to say
            log.warning("block_lost", block=block.pk, error=str(error))
            _looked_at(block)
            continue
        if parts:
            try:
                blocks.move(blocks.written(parts, now=now), block.pk, now=now)
            except StoreFailed:
                raise
            except NotYet:  # the new block is gone, the old one is as it was
                continue
        done += 1
    return done


def _sound(chunk: Chunk) -> bytes:
    content = stores.read_block_part(chunk.block_id, chunk.offset, chunk.size)
    if hashlib.sha256(content).hexdigest() != chunk.digest:  # damage is not carried on unseen
        raise FileNotFoundError(f"chunk {chunk.digest} is damaged")
    return content


def _looked_at(block: Block) -> None:
    """Not to be looked at again before another chunk of it is forgotten; that may be just now."""
    Block.objects.filter(pk=block.pk, unused_since=block.unused_since).update(thinned=False)
