"""Begin an upload, receive its bytes in order, end it. No protocol: surfaces say how bytes come and what was promised."""

import hashlib
import io
from collections.abc import Iterable
from datetime import datetime, timedelta

from studium.errors import BadInput, NotFound, NotYet
from studium.lib import chunks as cutting
from studium.lib.ids import new_id
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries as kept
from studium.storage.models import Upload

# After the last byte that came. A day less than its chunks are promised for.
KEPT_FOR = timedelta(days=7)
MOST_BYTES = 1024**4
_EMPTY = hashlib.sha256(b"").hexdigest()
_DIGEST = 32


def begin(owner: str, purpose: str, path: str, size: int, *, fingerprint: str, now: datetime) -> Upload:
    """An upload of so many bytes; one of the same purpose, path, size and fingerprint is gone on with. Raises BadInput.

    `fingerprint` is what the sender knows the file by without reading it, such as when it was last changed.
    """
    if not 0 <= size <= MOST_BYTES:
        raise BadInput("upload.size", f"A file has 0 to {MOST_BYTES:,} bytes, not {size:,}.", "Send a smaller one.")
    mark = hashlib.sha256(fingerprint.encode(errors="replace")).hexdigest()
    rows = Upload.objects.filter(
        owner=owner, purpose=purpose, path=path, size=size, fingerprint=mark, expires_at__gt=now
    )
    if found := rows.order_by("-received").first():
        return found
    return Upload.objects.create(
        id=new_id(20), owner=owner, purpose=purpose, path=path, size=size, fingerprint=mark,
        digest="" if size else _EMPTY, begun_at=now, expires_at=now + KEPT_FOR,
    )  # fmt: skip


def receive(upload: Upload, offset: int, content: bytes, *, now: datetime) -> Upload:
    """Take the bytes that come at `offset`. Raises NotYet with `received` where others are next, BadInput for too many.

    What is acknowledged is kept. Bytes that came before are passed over, so a piece may be sent again.
    """
    if offset < 0 or offset + len(content) > upload.size:
        raise BadInput("upload.too_long", f"{upload.path} was said to have {upload.size:,} bytes.", "Begin it again.")
    if offset > upload.received:
        raise _elsewhere(upload)
    fresh = content[upload.received - offset :]
    if not fresh:
        return upload
    whole = upload.received + len(fresh) == upload.size
    digests, tail = _keep(upload, bytes(upload.tail) + fresh, whole=whole, now=now)
    known = bytes(upload.chunks) + b"".join(bytes.fromhex(digest) for digest in digests)
    changes = {
        "received": upload.received + len(fresh),
        "chunks": known,
        "tail": tail,
        "digest": _digest(known) if whole else "",
        "expires_at": now + KEPT_FOR,
    }
    if not Upload.objects.filter(pk=upload.pk, received=upload.received).update(**changes):
        row = Upload.objects.filter(pk=upload.pk).first()
        raise _elsewhere(row) if row else _unknown()
    for name, value in changes.items():
        setattr(upload, name, value)
    return upload


def end(uploads: Iterable[Upload]) -> None:
    """Forget uploads whose files were put to use, or are not wanted; what is kept of them goes the way of all chunks."""
    Upload.objects.filter(pk__in=[each.pk for each in uploads]).delete()


def forget_expired(now: datetime) -> int:
    """Forget those of which nothing came for a week; returns how many."""
    return Upload.objects.filter(expires_at__lte=now).delete()[0]


def upload_of(upload_id: str, owner: str, purpose: str, *, now: datetime) -> Upload:
    """Raises NotFound for one that is not there, has expired or is for something else."""
    found = Upload.objects.filter(pk=upload_id, owner=owner, purpose=purpose, expires_at__gt=now).first()
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFound:
    return NotFound("upload.unknown", "There is no such upload, or nothing came of it for a week.", "Begin it again.")


def chunks_of(upload: Upload) -> list[str]:
    """The digests of the chunks of a file that is all there. Raises NotYet where it is not."""
    if not upload.digest:
        raise _elsewhere(upload)
    return split(bytes(upload.chunks))


def _keep(upload: Upload, content: bytes, *, whole: bool, now: datetime) -> tuple[list[str], bytes]:
    """Keep the chunks of it; their digests, and the rest that could still become part of a longer one."""
    cut = list(cutting.cut(io.BytesIO(content)))
    rest = b"" if whole else cut.pop()[1]
    for pack in chunks.packs(iter(cut)):
        chunks.bring_missing(upload.owner, pack, now=now)
    return [chunk.digest for chunk, _ in cut], rest


def _digest(known: bytes) -> str:
    digests = split(known)
    if len(digests) == 1:
        return digests[0]
    whole = hashlib.sha256()
    for piece in kept.pieces(digests):
        whole.update(piece)
    return whole.hexdigest()


def split(known: bytes) -> list[str]:
    """The digests of an upload's `chunks`."""
    return [known[start : start + _DIGEST].hex() for start in range(0, len(known), _DIGEST)]


def _elsewhere(upload: Upload) -> NotYet:
    return NotYet(
        "upload.elsewhere",
        f"{upload.received:,} of {upload.size:,} bytes of {upload.path[:200]} are there.",
        "Go on from there.",
        {"received": upload.received, "size": upload.size},
    )
