"""A volume's contents between an engine and the store, and the leases under which passes see to volumes.

What two passes share: those over teams' volumes and over notebooks' workspaces. A snapshot is a manifest of one file, a stream of
tar in chunks. A row that is seen to has `due_at`, `lease`, `leased_until` and `trouble`.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any, BinaryIO, TypeVar, cast

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet

from studium.compute.engines.base import Engine, EngineError, VolumeInUse
from studium.events.actions import hint
from studium.lib import clock
from studium.lib.ids import new_id
from studium.storage import actions as storage
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.errors import in_words
from studium.storage.models import Ownership

log = structlog.get_logger(__name__)
FILE = "volume.tar"
LEASE = timedelta(minutes=10)
_AGAIN_AFTER = timedelta(seconds=5)
_AT_ONCE = 20
T = TypeVar("T")
Beat = Callable[[], None]


class LeaseLost(EngineError):
    """Another controller sees to the volume by now: what this one does of it ends, and changes nothing."""


def see_to_due(
    rows: QuerySet[Any],
    see_to: Callable[[Any], timedelta | None],
    now: datetime,
    *,
    topic: Callable[[Any], str],
    waits: Callable[[Any], str],
    retry: timedelta,
) -> int:
    """See to each row that is due and nobody has a lease of; returns how many.

    `see_to` says after what time it is due again, None for not before somebody asks. Where it raises, the row says why: `waits`
    where the volume is in use, and is due again after five seconds then, else after `retry`.
    """
    done = 0
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    for row in rows.filter(free, due_at__lte=now).order_by("due_at")[:_AT_ONCE]:
        token, same = new_id(20), rows.model._default_manager.filter(pk=row.pk)
        if not same.filter(free, due_at__lte=now).update(lease=token, leased_until=now + LEASE):
            continue
        try:
            row.refresh_from_db()
        except ObjectDoesNotExist:
            continue
        trouble, due_at = "", None
        try:
            after = see_to(row)
            due_at = now + after if after is not None else None
        except VolumeInUse:
            trouble, due_at = waits(row), now + _AGAIN_AFTER
        except (EngineError, OSError, ValueError) as error:
            log.warning("volume_trouble", row=str(row), error=str(error))
            said = in_words(error)
            trouble = (f"{said.message} It is tried again." if said else f"{error}.")[:300]
            due_at = now + retry
        # Where it was changed meanwhile it stays due.
        mine = same.filter(lease=token)
        mine.filter(due_at=row.due_at).update(due_at=due_at)
        mine.update(lease="", leased_until=None, trouble=trouble)
        if trouble != row.trouble:
            hint([topic(row)], work=False)
        done += 1
    return done


def beat_of(row: Model) -> Beat:
    """What renews the lease of a row now and then, when called. It raises LeaseLost once the lease is somebody else's."""
    lease: str = row.lease  # type: ignore[attr-defined]
    following = clock.now() + LEASE / 10

    def beat() -> None:
        nonlocal following
        now = clock.now()
        if now < following:
            return
        following = now + LEASE / 10
        mine = type(row)._default_manager.filter(pk=row.pk, lease=lease)
        if not mine.update(leased_until=now + LEASE):
            raise LeaseLost("another controller sees to it by now")

    return beat


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was saved: the digest of its manifest, the length of the stream, and the chunks that it is made of."""

    manifest: str
    size: int
    chunks: tuple[str, ...]

    def claim(self, owner: str, holder: str, *, now: datetime) -> None:
        """In the caller's transaction, which records what needs it."""
        chunks.claim(owner, self.chunks, now=now)
        storage.hold(holder, self.manifest)


def keep(engine: Engine, volume: str, owner: str, *, most_bytes: int, beat: Beat, now: datetime) -> Kept:
    """Bring all that is in a volume into the store, for `owner`. `beat` is called as bytes come; what it raises ends it.

    Raises `EngineError`, `VolumeInUse`, `StoreFailed`.
    """

    def save(out: IO[bytes]) -> None:
        engine.save_volume(volume, out, most_bytes=most_bytes)

    def bring(source: IO[bytes]) -> tuple[str, int, list[str]]:
        return chunks.bring_stream(owner, cast(BinaryIO, _Beating(source, beat)), now=now)

    digest, size, digests = _through_pipe(save, bring)
    entry = manifests.Entry(path=FILE, size=size, digest=digest, chunks=tuple(digests))
    manifest = storage.put(manifests.written([entry]), now=now)
    return Kept(manifest=manifest.digest, size=size, chunks=entry.chunks or ())


def put_back(engine: Engine, volume: str, manifest: str, *, size_bytes: int, beat: Beat) -> None:
    """Have a volume of this size hold what was kept, instead of what it holds. Raises as `Engine.load_volume`, and
    FileNotFoundError and ValueError where it is not kept any more."""
    (entry,) = manifests.read(manifest)

    def load(source: IO[bytes]) -> None:
        engine.load_volume(volume, source, size_bytes, length=entry.size)

    def feed(out: IO[bytes]) -> None:
        for piece in entry.pieces():
            beat()
            out.write(piece)

    _into_pipe(load, feed)


def chunks_of(kept: Iterable[str]) -> set[str]:
    """The digests of all chunks that these manifests are put together from. Raises FileNotFoundError."""
    entries = (entry for manifest in set(kept) for entry in manifests.read(manifest))
    return set[str]().union(*(entry.chunks or () for entry in entries))


def sweep(prefix: str, needed_by: Callable[[int], set[str]], now: datetime) -> int:
    """Give up chunks of the owners called `prefix` and a number that nothing of theirs needs any more; returns how many went."""
    done = 0
    rows = Ownership.objects.filter(owner__startswith=prefix, promised_until__lte=now)
    for owner in rows.values_list("owner", flat=True).distinct():
        try:
            done += chunks.give_up(owner, needed_by(int(owner.removeprefix(prefix))), now=now)
        except (OSError, ValueError, KeyError) as error:  # without all manifests nobody knows what is needed
            log.warning("sweep_failed", owner=owner, error=str(error))
    return done


class _Beating:
    """A stream whose reader keeps the lease."""

    def __init__(self, source: IO[bytes], beat: Beat) -> None:
        self._source, self._beat = source, beat

    def read(self, size: int = -1) -> bytes:
        self._beat()
        return self._source.read(size)


def _through_pipe(write: Callable[[IO[bytes]], None], read: Callable[[IO[bytes]], T]) -> T:
    """What `read`, here, makes of what `write`, in a thread, writes. Raises what either does; where `read` does, the other only
    says that nobody reads."""
    source, out = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))

    def work() -> None:
        with out:
            write(out)

    with ThreadPoolExecutor(1, thread_name_prefix="volume") as pool:
        writing = pool.submit(work)
        try:
            with source:
                found = read(source)
        except BaseException:
            writing.exception()
            raise
        writing.result()
        return found


def _into_pipe(read: Callable[[IO[bytes]], None], write: Callable[[IO[bytes]], None]) -> None:
    """Let `read`, in a thread, read what `write`, here, writes. Raises what either does; where `write` does, the other only says
    that too little came."""
    source, out = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))

    def work() -> None:
        with source:
            read(source)

    with ThreadPoolExecutor(1, thread_name_prefix="volume") as pool:
        reading = pool.submit(work)
        try:
            with contextlib.suppress(BrokenPipeError), out:  # whoever hangs up says why
                write(out)
        except BaseException:
            reading.exception()
            raise
        reading.result()
