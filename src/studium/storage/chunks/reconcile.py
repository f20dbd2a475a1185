"""Collect chunks that nobody owns, blocks that have none left, and the room of what is gone in blocks that have some."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Sum
from django.db.models.functions import Coalesce

from studium.storage import stores
from studium.storage.chunks import actions
from studium.storage.models import Block, Chunk

log = structlog.get_logger(__name__)
# Whoever looked up where a chunk lies may read it there for so long, and whoever writes a block has as long to record it.
GRACE = timedelta(hours=1)
# A block of which less than this is still there is written anew.
_WORTH_KEEPING = 0.75
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
    doomed = Block.objects.filter(chunks=None, unused_since__lt=now - GRACE).values_list("pk", flat=True)
    done = 0
    for block in list(doomed[:1000]):
        stores.remove_block(block)
        done += Block.objects.filter(pk=block, chunks=None).delete()[0]
    return done


def _rewrite_blocks(now: datetime) -> int:
    """Blocks that are mostly gone: what is left of them goes into a new one."""
    used = Coalesce(Sum("chunks__size"), 0)
    thinned = Block.objects.filter(thinned=True).order_by("unused_since").values_list("pk", flat=True)[:_BLOCKS_AT_ONCE]
    done = 0
    for block in Block.objects.filter(pk__in=list(thinned)).annotate(used=used):
        if not 0 < block.used < block.size * _WORTH_KEEPING:
            Block.objects.filter(pk=block.pk).update(thinned=False)
            continue
        left = list(Chunk.objects.filter(block=block).order_by("offset"))
        try:
            parts = [stores.read_block_part(block.pk, chunk.offset, chunk.size) for chunk in left]
        except FileNotFoundError as error:  # for the check of the store to say
            log.warning("block_lost", block=block.pk, error=str(error))
            continue
        actions.keep_block([chunk.digest for chunk in left], parts, now=now, instead_of=block.pk)
        done += 1
    return done
