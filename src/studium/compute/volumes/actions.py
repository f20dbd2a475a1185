"""Every change people make to a team's volume. The pass in `reconcile` carries it out. The actor comes first.

The caller fetched the volume as the actor, and says in `used` what the team stores in all, as its plan counts it.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.compute.volumes.queries import holders_of
from studium.compute.volumes.states import SnapshotState
from studium.errors import BadInput, NotFound, NotYet, Refused
from studium.events.actions import hint, record
from studium.lib.units import GIB, MIB, size_words
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage import actions as storage

SMALLEST, LARGEST = 64 * MIB, 16 * 1024 * GIB
MOST_SNAPSHOTS = 50


def create_volume(actor: User, team: Team, size: int, *, used: int, now: datetime) -> TeamVolume:
    """Give the team a volume. Raises BadInput, NotYet where it has one, Refused where the plan has no room for it."""
    require(actor, team, Role.ADMIN)
    size = _checked(size)
    checks.check_team_storage(plans.standing(team, now=now).plan, used, size)
    try:
        with transaction.atomic():
            made = TeamVolume.objects.create(
                team=team, size_bytes=size, made_bytes=size, created_by=actor, created_at=now, due_at=now
            )
            _recorded("volume.created", actor, team, now, size=size)
    except IntegrityError:
        raise NotYet(
            "volume.there",
            f"The team {team.slug} has a volume already, or an earlier one is just being deleted.",
            "Change its size instead, or try again in a minute.",
        ) from None
    return made


def resize_volume(actor: User, volume: TeamVolume, size: int, *, used: int, now: datetime) -> TeamVolume:
    """Have it larger at once, or smaller as soon as no run has it. Repeatable.

    Raises BadInput, also for a size that its files do not fit into, Refused where the plan has no room, NotYet while it is deleted.
    """
    require(actor, volume.team, Role.ADMIN)
    size = _checked(size)
    with transaction.atomic():
        found = _locked(volume)
        if size > found.size_bytes:
            held = max(found.size_bytes, found.made_bytes)
            checks.check_team_storage(plans.standing(volume.team, now=now).plan, used, max(0, size - held))
        elif size < found.used_bytes:
            raise BadInput(
                "volume.too_small",
                f"Its files take {size_words(found.used_bytes)}, which do not fit into {size_words(size)}.",
                "Delete files from it first, or choose a larger size.",
                {"used": found.used_bytes, "size": size},
            )
        if size != found.size_bytes:
            TeamVolume.objects.filter(pk=found.pk).update(size_bytes=size, trouble="", due_at=now)
            _recorded("volume.resized", actor, volume.team, now, size=size, before=found.size_bytes)
    volume.refresh_from_db()
    return volume


def delete_volume(actor: User, volume: TeamVolume, *, now: datetime) -> None:
    """Delete it with all its files and snapshots as soon as no run has it. Repeatable."""
    require(actor, volume.team, Role.ADMIN)
    with transaction.atomic():
        if TeamVolume.objects.filter(pk=volume.pk, deleted_at=None).update(deleted_at=now, due_at=now):
            _recorded("volume.deleted", actor, volume.team, now)


def take_snapshot(actor: User, volume: TeamVolume, *, now: datetime, note: str = "") -> Snapshot:
    """Keep what is in the volume now; runs go on meanwhile. Raises NotYet where one is being taken or there are many."""
    require(actor, volume.team, Role.MEMBER)
    with transaction.atomic():
        _locked(volume)
        rows = Snapshot.objects.filter(team=volume.team)
        if rows.filter(state=SnapshotState.WAITING).exists():
            raise NotYet("snapshot.waiting", "A snapshot is just being taken.", "Wait until it is there.")
        if rows.count() >= MOST_SNAPSHOTS:
            raise Refused(
                "snapshot.too_many", f"A volume has at most {MOST_SNAPSHOTS} snapshots.", "Delete an old one first."
            )
        made = _snapshot(volume, actor, note, now)
        _recorded("snapshot.asked", actor, volume.team, now, snapshot=made.pk)
    return made


def delete_snapshot(actor: User, snapshot: Snapshot, *, now: datetime) -> None:
    """Its content goes, except what other snapshots share. Raises NotYet where it is being taken or put back."""
    require(actor, snapshot.team, Role.MEMBER)
    with transaction.atomic():
        found = Snapshot.objects.select_for_update(of=("self",)).filter(pk=snapshot.pk).first()
        if found is None:
            raise NotFound("snapshot.unknown", "This snapshot is deleted already.", "")
        if found.state == SnapshotState.WAITING or TeamVolume.objects.filter(restoring=found).exists():
            raise NotYet("snapshot.busy", "The snapshot is being taken or put back.", "Wait until that has ended.")
        forget_snapshot(found)
        _recorded("snapshot.deleted", actor, snapshot.team, now, snapshot=snapshot.pk)


def forget_snapshot(snapshot: Snapshot) -> None:
    """In the caller's transaction. What its chunks take is free once the pass has swept."""
    storage.release(holder_of(snapshot))
    snapshot.delete()


def restore_snapshot(actor: User, volume: TeamVolume, snapshot: Snapshot, *, now: datetime) -> TeamVolume:
    """Have the volume's contents be those of the snapshot as soon as no run has it; what is in it then is kept as a snapshot.

    Raises NotYet while something else is done to it, BadInput where the snapshot does not fit.
    """
    require(actor, volume.team, Role.ADMIN)
    with transaction.atomic():
        found = _locked(volume)
        if snapshot.team_id != volume.team_id:
            raise NotFound("snapshot.unknown", "There is no such snapshot of this volume.", "")
        if snapshot.state != SnapshotState.READY:
            raise NotYet("snapshot.not_ready", f"The snapshot is {snapshot.state}.", "Choose one that is there.")
        if found.restoring_id == snapshot.pk:
            return volume
        if found.restoring_id or Snapshot.objects.filter(team=volume.team, state=SnapshotState.WAITING).exists():
            raise NotYet("volume.busy", "A snapshot is being taken or put back.", "Wait until that has ended.")
        if snapshot.size_bytes > found.size_bytes:
            raise BadInput(
                "volume.too_small",
                f"The snapshot has {size_words(snapshot.size_bytes)}, the volume {size_words(found.size_bytes)}.",
                "Make the volume larger first.",
                {"snapshot": snapshot.size_bytes, "size": found.size_bytes},
            )
        snapshot_before(volume, now)
        TeamVolume.objects.filter(pk=found.pk).update(restoring=snapshot, trouble="", due_at=now)
        _recorded("snapshot.restore_asked", actor, volume.team, now, snapshot=snapshot.pk)
    volume.refresh_from_db()
    return volume


def cancel(actor: User, volume: TeamVolume, *, now: datetime) -> TeamVolume:
    """Give up what waits for runs to end: a smaller size, or putting a snapshot back. A deletion is not given up."""
    require(actor, volume.team, Role.ADMIN)
    with transaction.atomic():
        found = _locked(volume)
        if found.leased_until is not None and found.leased_until > now and not holders_of(found):
            raise NotYet("volume.busy", "It is just being done.", "Wait until it has ended.")
        TeamVolume.objects.filter(pk=found.pk).update(
            size_bytes=max(found.size_bytes, found.made_bytes), restoring=None, trouble="", due_at=now
        )
        for waiting in Snapshot.objects.filter(team=volume.team, created_by=None, state=SnapshotState.WAITING):
            forget_snapshot(waiting)
        _recorded("volume.change_given_up", actor, volume.team, now)
    volume.refresh_from_db()
    return volume


def holder_of(snapshot: Snapshot) -> str:
    return f"snapshot:{snapshot.pk}"


def snapshot_before(volume: TeamVolume, now: datetime) -> Snapshot:
    """The platform's own, of what another one is put in the place of."""
    return _snapshot(volume, None, "Before a snapshot was put back", now)


def _snapshot(volume: TeamVolume, actor: User | None, note: str, now: datetime) -> Snapshot:
    return Snapshot.objects.create(
        team=volume.team, note=note.replace("\x00", "").strip()[:200], created_by=actor, created_at=now
    )


def _locked(volume: TeamVolume) -> TeamVolume:
    """The row, held for this transaction. Raises NotFound where it is gone, NotYet where it is being deleted."""
    found = TeamVolume.objects.select_for_update(of=("self",)).filter(pk=volume.pk).first()
    if found is None:
        raise NotFound("volume.none", "The volume is deleted.", "")
    if found.deleted_at is not None:
        raise NotYet("volume.deleting", "The volume is being deleted.", "Make a new one when it is gone.")
    return found


def _checked(size: int) -> int:
    if not SMALLEST <= size <= LARGEST:
        least, most = size_words(SMALLEST), size_words(LARGEST)
        step = f"Choose {least} or more." if size < SMALLEST else f"Choose {most} or less."
        raise BadInput("volume.size", f"A volume has {least} to {most}, not {size_words(size)}.", step, {"size": size})
    return size - size % MIB


def _recorded(name: str, actor: User | None, team: Team, now: datetime, **data: object) -> None:
    record(name, subject=("team", str(team.pk)), actor=actor, team_id=team.pk, now=now, data=data)
    hint([f"team:{team.pk}"])
