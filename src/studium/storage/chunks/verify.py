"""Look whether what is stored is what it was. Nothing is mended here: whoever asks says which files are hurt, and what is done."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from studium.storage import stores
from studium.storage.models import Block, Chunk

_BLOCKS_AT_ONCE = 200


@dataclass(frozen=True)
class Damage:
    """A chunk whose bytes are not there, or not what they were. `why` is a sentence for people."""

    digest: str
    size: int
    block: str
    offset: int
    why: str


def damaged(owner: str = "") -> Iterator[Damage]:
    """Read every chunk there is, or those of one owner, and yield each that is damaged, in the order of their blocks.

    Memory is bounded by one block. Beside uploads and collectors: what is forgotten or moved meanwhile is no damage. Raises
    `StoreFailed` where the store does not answer, which says nothing about what is in it.
    """
    last = ""
    while blocks := list(
        Block.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BLOCKS_AT_ONCE]
    ):
        for block in blocks:
            yield from _damaged_in(block, owner)
        last = blocks[-1]


def _damaged_in(block: str, owner: str) -> Iterator[Damage]:
    rows = Chunk.objects.filter(block_id=block).order_by("offset")
    if owner:
        rows = rows.filter(ownerships__owner=owner)
    for chunk in list(rows):
        why = _wrong_with(chunk)
        if why and Chunk.objects.filter(pk=chunk.pk, block_id=block, offset=chunk.offset).exists():
            yield Damage(chunk.digest, chunk.size, block, chunk.offset, why)


def _wrong_with(chunk: Chunk) -> str:
    try:
        content = stores.read_block_part(chunk.block_id, chunk.offset, chunk.size)
    except FileNotFoundError:
        return "Its block is cut short." if stores.has_block(chunk.block_id) else "Its block is gone."
    return "" if hashlib.sha256(content).hexdigest() == chunk.digest else "Its bytes are not what they were."
