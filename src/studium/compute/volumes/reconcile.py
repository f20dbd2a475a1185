"""The pass over teams' volumes: what they are to be is done, snapshots are taken, use is measured.

Each step can be done again: a size is the same size, contents are put in place in one step, a snapshot that was half
taken is taken anew. A lease keeps two controllers from doing the same; it is renewed while bytes flow.
"""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import IO, BinaryIO, TypeVar, cast

import structlog
from django.db import transaction
from django.db.models import Q

from studium.compute.engines.base import Engine, EngineError, VolumeInUse
from studium.compute.engines.registry import Engines
from studium.compute.volumes.actions import forget_snapshot, holder_of
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.queries import needed_by, owner_of
from studium.compute.volumes.states import SnapshotState
from studium.events.actions import hint, record
from studium.lib import clock
from studium.lib.ids import new_id
from studium.storage import actions as storage
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.errors import StoreFailed, in_words
from studium.storage.models import Ownership

log = structlog.get_logger(__name__)
FILE = "volume.tar"
_LEASE = timedelta(minutes=10)
_MEASURE_EVERY = timedelta(minutes=1)
_AGAIN_AFTER = timedelta(seconds=5)
T = TypeVar("T")


def run_pass(engines: Engines, now: datetime) -> int:
    """See to the volumes that are due; returns how many were."""
    done = 0
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    for volume in TeamVolume.objects.filter(free, due_at__lte=now).select_related("team").order_by("due_at")[:20]:
        token = new_id(20)
        taken = TeamVolume.objects.filter(free, pk=volume.pk, due_at__lte=now)
        if not taken.update(lease=token, leased_until=now + _LEASE):
            continue
        volume.refresh_from_db()
        trouble, after = "", _MEASURE_EVERY
        try:
            _see_to(engines, volume, now)
        except VolumeInUse:
            trouble, after = "It waits until no run has the volume.", _AGAIN_AFTER
        except (EngineError, OSError, ValueError) as error:
            log.warning("volume_trouble", team=volume.team_id, error=str(error))
            said = in_words(error)
            trouble = (f"{said.message} It is tried again." if said else f"{error}.")[:300]
        # Where it was changed meanwhile it stays due.
        mine = TeamVolume.objects.filter(pk=volume.pk, lease=token)
        mine.filter(due_at=volume.due_at).update(due_at=now + after)
        mine.update(lease="", leased_until=None, trouble=trouble)
        if trouble != volume.trouble:
            hint([f"team:{volume.team_id}"], work=False)
        done += 1
    return done


def _see_to(engines: Engines, volume: TeamVolume, now: datetime) -> None:
    """The next steps, in an order that loses nothing: what is to be kept is kept before anything is put in its place."""
    if volume.deleted_at is not None:
        _delete(engines, volume, now)
        return
    engine = _engine_of(engines, volume)
    for snapshot in Snapshot.objects.filter(team=volume.team, state=SnapshotState.WAITING).order_by("created_at"):
        _take(engine, volume, snapshot, now)
    if volume.restoring is not None:
        _restore(engine, volume, volume.restoring, now)
    if volume.size_bytes != volume.made_bytes:
        _resize(engine, volume, now)
    use = engine.measure_volume(volume.name)
    measured = {"used_bytes": use.used_bytes if use else 0, "measured_at": now}
    TeamVolume.objects.filter(pk=volume.pk).update(**measured)


def _engine_of(engines: Engines, volume: TeamVolume) -> Engine:
    """Where the volume is; the first engine where it was never made."""
    return next(
        (engine for engine in engines.values() if engine.measure_volume(volume.name)), next(iter(engines.values()))
    )


def _delete(engines: Engines, volume: TeamVolume, now: datetime) -> None:
    for engine in engines.values():
        if engine.measure_volume(volume.name) is not None:
            try:
                engine.delete_volume(volume.name)
            except EngineError as error:
                raise VolumeInUse(str(error)) from error
    with transaction.atomic():
        TeamVolume.objects.filter(pk=volume.pk).delete()
        for snapshot in Snapshot.objects.filter(team=volume.team):
            forget_snapshot(snapshot)
        record("volume.gone", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now)
        hint([f"team:{volume.team_id}"], work=False)


def _resize(engine: Engine, volume: TeamVolume, now: datetime) -> None:
    try:
        engine.resize_volume(volume.name, volume.size_bytes)
    except VolumeInUse:
        raise
    except EngineError:
        # It cannot be: it stays as it is, and the words say why.
        TeamVolume.objects.filter(pk=volume.pk, size_bytes=volume.size_bytes).update(size_bytes=volume.made_bytes)
        raise
    TeamVolume.objects.filter(pk=volume.pk).update(made_bytes=volume.size_bytes)
    record(
        "volume.size", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now,
        data={"size": volume.size_bytes},
    )  # fmt: skip


def _take(engine: Engine, volume: TeamVolume, snapshot: Snapshot, now: datetime) -> None:
    """Keep all that is in the volume. What cannot be kept is a failed snapshot, and whatever waited for it is given up."""
    owner = owner_of(volume.team_id)
    if engine.measure_volume(volume.name) is None:  # no run ever had it, so nothing is in it
        _failed(volume, snapshot, "The volume is empty: no run has had it yet.", now, empty=True)
        return

    def save(out: IO[bytes]) -> None:
        engine.save_volume(volume.name, out, most_bytes=max(volume.made_bytes, volume.size_bytes))

    def keep(source: IO[bytes]) -> tuple[str, int, list[str]]:
        return chunks.bring_stream(owner, cast(BinaryIO, _Beating(source, volume)), now=now)

    try:
        digest, size, digests = _through_pipe(save, keep)
    except VolumeInUse:
        raise
    except EngineError as error:
        _failed(volume, snapshot, f"{error}.", now)
        return
    entry = manifests.Entry(path=FILE, size=size, digest=digest, chunks=tuple(digests))
    manifest = storage.put(manifests.written([entry]), now=now)
    with transaction.atomic():
        chunks.claim(owner, digests, now=now)
        moved = Snapshot.objects.filter(pk=snapshot.pk, state=SnapshotState.WAITING).update(
            state=SnapshotState.READY, manifest=manifest.digest, size_bytes=size, taken_at=now
        )
        if moved:
            storage.hold(holder_of(snapshot), manifest.digest)
            record(
                "snapshot.taken", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now,
                data={"snapshot": snapshot.pk, "bytes": size},
            )  # fmt: skip
            hint([f"team:{volume.team_id}"], work=False)


def _failed(volume: TeamVolume, snapshot: Snapshot, words: str, now: datetime, *, empty: bool = False) -> None:
    with transaction.atomic():
        Snapshot.objects.filter(pk=snapshot.pk, state=SnapshotState.WAITING).update(
            state=SnapshotState.FAILED, trouble=words[:300]
        )
        # Nothing is put in the place of what could not be kept.
        if snapshot.created_by_id is None and not empty:
            TeamVolume.objects.filter(pk=volume.pk).update(restoring=None)
            volume.restoring = None
        record(
            "snapshot.failed", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now,
            data={"snapshot": snapshot.pk, "why": words[:300]},
        )  # fmt: skip
        hint([f"team:{volume.team_id}"], work=False)


def _restore(engine: Engine, volume: TeamVolume, snapshot: Snapshot, now: datetime) -> None:
    size = max(volume.size_bytes, volume.made_bytes)

    def load(source: IO[bytes]) -> None:
        engine.load_volume(volume.name, source, size, length=entry.size)

    def feed(out: IO[bytes]) -> None:
        beat = _Beat(volume)
        for piece in entry.pieces():
            out.write(piece)
            beat()

    try:
        (entry,) = manifests.read(snapshot.manifest)
        _into_pipe(load, feed)
    except VolumeInUse:
        raise
    except (EngineError, FileNotFoundError, ValueError):
        # Asked again, it is tried again.
        TeamVolume.objects.filter(pk=volume.pk).update(restoring=None)
        raise
    TeamVolume.objects.filter(pk=volume.pk).update(restoring=None, made_bytes=size)
    record(
        "snapshot.restored", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now,
        data={"snapshot": snapshot.pk},
    )  # fmt: skip
    hint([f"team:{volume.team_id}"], work=False)
    volume.refresh_from_db()


class _Beat:
    """Renews the lease of a volume now and then. Raises EngineError once it is somebody else's."""

    def __init__(self, volume: TeamVolume) -> None:
        self._volume, self._next = volume, clock.now() + _LEASE / 10

    def __call__(self) -> None:
        now = clock.now()
        if now < self._next:
            return
        self._next = now + _LEASE / 10
        mine = TeamVolume.objects.filter(pk=self._volume.pk, lease=self._volume.lease)
        if not mine.update(leased_until=now + _LEASE):
            raise EngineError("another controller sees to the volume by now")


class _Beating:
    """A stream whose reader keeps the lease."""

    def __init__(self, source: IO[bytes], volume: TeamVolume) -> None:
        self._source, self._beat = source, _Beat(volume)

    def read(self, size: int = -1) -> bytes:
        self._beat()
        return self._source.read(size)


def _through_pipe(write: Callable[[IO[bytes]], None], read: Callable[[IO[bytes]], T]) -> T:
    """What `read` makes of what `write` writes, the two in two threads.

    Raises what `write` raises before what `read` does, but for a store that fails: then the other only says that nobody reads.
    """
    source, out = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))

    def work() -> None:
        with out:
            write(out)

    with ThreadPoolExecutor(1, thread_name_prefix="volume") as pool:
        writing = pool.submit(work)
        try:
            with source:
                found = read(source)
        except StoreFailed:
            writing.exception()
            raise
        except BaseException:
            writing.result()
            raise
        writing.result()
        return found


def _into_pipe(read: Callable[[IO[bytes]], None], write: Callable[[IO[bytes]], None]) -> None:
    """Let `read`, in a thread, read what `write`, here, writes. Raises what `read` raises before what `write` does."""
    source, out = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))

    def work() -> None:
        with source:
            read(source)

    with ThreadPoolExecutor(1, thread_name_prefix="volume") as pool:
        reading = pool.submit(work)
        try:
            with contextlib.suppress(BrokenPipeError), out:  # whoever hangs up says why
                write(out)
        finally:
            reading.result()


def sweep(now: datetime) -> int:
    """Give up chunks that no snapshot needs any more; returns how many went."""
    done = 0
    rows = Ownership.objects.filter(owner__startswith="volume:", promised_until__lte=now)
    for owner in rows.values_list("owner", flat=True).distinct():
        try:
            done += chunks.give_up(owner, needed_by(int(owner.partition(":")[2])), now=now)
        except (OSError, ValueError, KeyError) as error:  # without all manifests nobody knows what is needed
            log.warning("sweep_failed", owner=owner, error=str(error))
    return done
