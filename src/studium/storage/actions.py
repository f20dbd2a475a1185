"""Put and hold blobs. Bytes are written before the row that names them, so a row never points at nothing."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from django.db import transaction

from studium.errors import NotYet
from studium.storage import stores
from studium.storage.models import Blob, Hold


def put(content: bytes, *, now: datetime) -> Blob:
    """Store bytes and return their blob. Not to be called inside a transaction: it touches the disk or network.

    An unheld blob is collected an hour after `now`, so hold it soon. Raises NotYet in the rare moment that the
    collector is removing these very bytes.
    """
    digest = hashlib.sha256(content).hexdigest()
    return _stored(digest, len(content), lambda: stores.write(digest, content), now)


def put_all(contents: Sequence[bytes], *, now: datetime) -> list[Blob]:
    """Like `put`, of as many as fit into memory; much quicker than one by one where each is to be flushed to a disk."""
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    named = dict(sorted(zip(digests, contents, strict=True)))
    if not _refresh(list(named), now):
        return [put(content, now=now) for content in contents]
    stores.write_all(named)
    rows = [Blob(digest=digest, size=len(content), created_at=now) for digest, content in named.items()]
    Blob.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    found = {row.digest: row for row in rows}
    return [found[digest] for digest in digests]


def put_file(path: Path, *, now: datetime) -> Blob:
    """Like `put`, of a host file that nobody changes meanwhile; it may be larger than memory."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _stored(digest, path.stat().st_size, lambda: stores.write_file(digest, path), now)


def _stored(digest: str, size: int, write: Callable[[], None], now: datetime) -> Blob:
    for _ in range(20):
        if _refresh([digest], now):
            write()
            blob, made = Blob.objects.get_or_create(digest=digest, defaults={"size": size, "created_at": now})
            if made or not blob.deleting:
                return blob
        time.sleep(0.05)
    raise NotYet("storage.busy", "This content is just being cleaned away.", "Try again in a moment.")


def _refresh(digests: Collection[str], now: datetime) -> bool:
    """Have older rows restart their hour before collection; False where the collector has one of them already.

    Before the bytes are looked for: what is found there then stays.
    """
    rows = Blob.objects.filter(digest__in=digests)
    rows.filter(deleting=False).update(created_at=now)
    return not rows.filter(deleting=True).exists()


@transaction.atomic
def hold(holder: str, digest: str) -> None:
    """Make `holder` hold this blob and no other."""
    Hold.objects.update_or_create(holder=holder, defaults={"blob_id": digest})


def hold_all(prefix: str, digests: Iterable[str]) -> None:
    """Hold each of these blobs as `<prefix>:<its digest>`. Repeatable."""
    held = [Hold(holder=f"{prefix}:{digest}", blob_id=digest) for digest in sorted(digests)]
    Hold.objects.bulk_create(held, batch_size=500, ignore_conflicts=True)


def release(holder: str) -> None:
    Hold.objects.filter(holder=holder).delete()


def release_under(prefix: str) -> None:
    """Release everything whose holder begins so."""
    Hold.objects.filter(holder__startswith=prefix).delete()


def get(digest: str) -> bytes:
    """The bytes of a blob. Raises FileNotFoundError."""
    return stores.read(digest)


def get_part(digest: str, start: int, length: int) -> bytes:
    """So many bytes of a blob from `start` on, fewer where it ends before. Raises FileNotFoundError."""
    return stores.read_part(digest, start, length)


def pieces(digest: str) -> Iterator[bytes]:
    """The bytes of a blob, a piece at a time. Raises FileNotFoundError before the first."""
    return stores.pieces(digest)
