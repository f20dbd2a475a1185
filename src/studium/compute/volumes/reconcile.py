"""The pass over teams' volumes: what they are to be is done, snapshots are taken, use is measured.

Each step can be done again: a size is the same size, contents are put in place in one step, a snapshot that was half
taken is taken anew. A lease keeps two controllers from doing the same; it is renewed while bytes flow.
"""

from datetime import datetime, timedelta

from django.db import transaction

from studium.compute.engines.base import Engine, EngineError, VolumeInUse
from studium.compute.engines.registry import Engines
from studium.compute.volumes import streaming
from studium.compute.volumes.actions import forget_snapshot, holder_of, snapshot_before
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.queries import OWNER, had_since, holders_of, needed_by, owner_of
from studium.compute.volumes.states import SnapshotState
from studium.events.actions import hint, record

_MEASURE_EVERY = timedelta(minutes=1)


def run_pass(engines: Engines, now: datetime) -> int:
    """See to the volumes that are due; returns how many were."""

    def see_to(volume: TeamVolume) -> timedelta:
        _see_to(engines, volume, now)
        return _MEASURE_EVERY

    return streaming.see_to_due(
        TeamVolume.objects.select_related("team"),
        see_to,
        now,
        topic=lambda volume: f"team:{volume.team_id}",
        waits=lambda _: "It waits until no run has the volume.",
        retry=_MEASURE_EVERY,
    )


def _see_to(engines: Engines, volume: TeamVolume, now: datetime) -> None:
    """The next steps, in an order that loses nothing: what is to be kept is kept before anything is put in its place."""
    if volume.deleted_at is not None:
        _delete(engines, volume, now)
        return
    engine = _engine_of(engines, volume)
    for snapshot in Snapshot.objects.filter(team=volume.team, state=SnapshotState.WAITING).order_by("created_at"):
        if snapshot.created_by_id is None:
            _require_nobody(volume)
        _take(engine, volume, snapshot, now)
    if volume.restoring is not None:
        _require_nobody(volume)
        _keep_what_came(engine, volume, now)
    if volume.restoring is not None:
        _restore(engine, volume, volume.restoring, now)
    if volume.size_bytes != volume.made_bytes:
        _resize(engine, volume, now)
    use = engine.measure_volume(volume.name)
    measured = {"used_bytes": use.used_bytes if use else 0, "measured_at": now}
    TeamVolume.objects.filter(pk=volume.pk).update(**measured)


def _require_nobody(volume: TeamVolume) -> None:
    """What a run still writes would be in neither: not in the snapshot before, nor in the volume after."""
    if holders_of(volume):
        raise VolumeInUse("a run has the volume")


def _keep_what_came(engine: Engine, volume: TeamVolume, now: datetime) -> None:
    """A run that was in the queue already may have had the volume since the snapshot before was taken."""
    taken = Snapshot.objects.filter(team=volume.team, created_by=None, state=SnapshotState.READY)
    before = taken.order_by("-created_at", "-pk").first()
    if before is not None and before.taken_at is not None and had_since(volume, before.taken_at):
        _take(engine, volume, snapshot_before(volume, now), now)


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

    try:
        most = max(volume.made_bytes, volume.size_bytes)
        found = streaming.keep(engine, volume.name, owner, most_bytes=most, beat=streaming.beat_of(volume), now=now)
    except (VolumeInUse, streaming.LeaseLost):
        raise
    except EngineError as error:
        _failed(volume, snapshot, f"{error}.", now)
        return
    with transaction.atomic():
        moved = Snapshot.objects.filter(pk=snapshot.pk, state=SnapshotState.WAITING).update(
            state=SnapshotState.READY, manifest=found.manifest, size_bytes=found.size, taken_at=now
        )
        if moved:
            found.claim(owner, holder_of(snapshot), now=now)
            record(
                "snapshot.taken", subject=("team", str(volume.team_id)), team_id=volume.team_id, now=now,
                data={"snapshot": snapshot.pk, "bytes": found.size},
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

    try:
        streaming.put_back(engine, volume.name, snapshot.manifest, size_bytes=size, beat=streaming.beat_of(volume))
    except (VolumeInUse, streaming.LeaseLost):
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


def sweep(now: datetime) -> int:
    """Give up chunks that no snapshot needs any more; returns how many went."""
    return streaming.sweep(OWNER, needed_by, now)
