"""The pass over workspaces: snapshots are taken, and put back.

Each step can be done again: a snapshot that was half taken is taken anew, contents are put in place in one step. Whoever takes
one that no run has lets go as soon as a run is to start: that run waits for a moment, the snapshot is taken beside it.
"""

from datetime import datetime, timedelta

from django.db import transaction

from studium.compute.engines.base import Engine, EngineError, VolumeInUse
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.states import State
from studium.compute.volumes import streaming
from studium.compute.volumes.states import SnapshotState
from studium.events.actions import hint, record
from studium.notebooks.launching import DEFAULT_DISK, OWNER_KIND, volume_of
from studium.notebooks.models import Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.snapshots.actions import MOST_OF_PLATFORM, forget, forget_of_notebook, holder_of, room_of
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.queries import OWNER, had_by_a_run, needed_by, owner_of
from studium.notebooks.snapshots.states import NOTES, Why
from studium.notebooks.versions.actions import keep_document
from studium.notebooks.workspace import take_document, take_packages
from studium.plans import queries as plans

_RETRY = timedelta(minutes=1)


def run_pass(engines: Engines, now: datetime) -> int:
    """See to the workspaces that are due; returns how many were."""

    def see_to(care: WorkspaceCare) -> None:
        _see_to(engines, care, now)

    return streaming.see_to_due(
        WorkspaceCare.objects.select_related("notebook__team"),
        see_to,
        now,
        topic=lambda care: f"notebook:{care.notebook_id}",
        waits=_waits,
        retry=_RETRY,
    )


def _waits(care: WorkspaceCare) -> str:
    if had_by_a_run(care.notebook) and care.restoring_id is not None:
        return "It waits until no run has the workspace."
    return "It waits for a run that is just starting or ending."


def sweep(now: datetime) -> int:
    """Give up chunks that no snapshot needs any more; returns how many went."""
    return streaming.sweep(OWNER, needed_by, now)


def _see_to(engines: Engines, care: WorkspaceCare, now: datetime) -> None:
    """The next steps, in an order that loses nothing: what is to be kept is kept before anything is put in its place."""
    notebook = care.notebook
    if notebook.deleted_at is not None:  # asked for at the moment that it was deleted
        with transaction.atomic():
            forget_of_notebook(notebook)
        return
    rows = WorkspaceSnapshot.objects.filter(notebook=notebook, state=SnapshotState.WAITING)
    for snapshot in rows.order_by("created_at"):
        if snapshot.why != Why.ASKED:
            _require_nobody(notebook)
        _take(engines, care, snapshot, now)
    # Looked at once more: the notebook may be deleted by now, and no workspace is to come into being again.
    asked = WorkspaceCare.objects.filter(pk=care.pk, lease=care.lease).select_related("restoring", "asked_by").first()
    if asked is not None and asked.restoring is not None:
        _require_nobody(notebook)
        _put_back(engines, asked, asked.restoring, now)


def _require_nobody(notebook: Notebook) -> None:
    """Not only no run: what the last one left is to be taken over before anything else stands there."""
    if had_by_a_run(notebook):
        raise VolumeInUse("a run has the workspace")


def _engine_of(engines: Engines, volume: str) -> Engine | None:
    """Where the workspace is; None where it was never made."""
    for engine in engines.values():
        try:
            if engine.measure_volume(volume) is not None:
                return engine
        except VolumeInUse:
            return engine
    return None


def _beat_of(care: WorkspaceCare) -> streaming.Beat:
    lease = streaming.beat_of(care)
    coming = Run.objects.filter(
        owner_kind=OWNER_KIND, owner_id=care.notebook_id, state__in=[State.ASSIGNED, State.STARTING]
    )

    def beat() -> None:
        lease()
        if coming.exists():
            raise VolumeInUse("a run is about to have the workspace")

    return beat


def _take(engines: Engines, care: WorkspaceCare, snapshot: WorkspaceSnapshot, now: datetime) -> None:
    """Keep all that is in the workspace. What cannot be kept is a failed snapshot, and whatever waited for it is given up."""
    notebook, beat = care.notebook, _beat_of(care)
    beat()
    engine = _engine_of(engines, volume_of(notebook))
    if engine is None:
        _nothing_there(snapshot, now)
        return
    size = plans.standing(notebook.team, now=now).rules.storage_bytes_notebook or DEFAULT_DISK
    owner, most = owner_of(notebook.team_id), max(size, notebook.workspace_bytes)
    try:
        kept = streaming.keep(engine, volume_of(notebook), owner, most_bytes=most, beat=beat, now=now)
    except (VolumeInUse, streaming.LeaseLost):
        raise
    except EngineError as error:
        _failed(care, snapshot, f"{error}.", now)
        return
    with transaction.atomic():
        if not _move(
            snapshot, SnapshotState.READY, manifest=kept.manifest, size_bytes=kept.size, taken_at=now
        ):  # given up meanwhile, or the notebook deleted: what was brought is swept
            return
        kept.claim(owner, holder_of(snapshot), now=now)
        # With what it tells of, for a page that watches ends to watch then.
        WorkspaceCare.objects.filter(pk=care.pk).update(trouble="")
        _forget_old(notebook)
        _recorded("workspace.snapshot_taken", notebook, now, snapshot=snapshot.pk, bytes=kept.size)


def _nothing_there(snapshot: WorkspaceSnapshot, now: datetime) -> None:
    notebook = snapshot.notebook
    with transaction.atomic():
        if snapshot.why != Why.ASKED:
            forget(snapshot)
        elif _move(snapshot, SnapshotState.FAILED, trouble="The workspace is empty: nothing ran in it yet."):
            _recorded("workspace.snapshot_failed", notebook, now, snapshot=snapshot.pk, why="empty")


def _failed(care: WorkspaceCare, snapshot: WorkspaceSnapshot, words: str, now: datetime) -> None:
    """Nothing is put in the place of what could not be kept, and nothing of it is removed."""
    with transaction.atomic():
        if not _move(snapshot, SnapshotState.FAILED, trouble=words[:300]):
            return
        if snapshot.why == Why.BEFORE_PUT_BACK:
            WorkspaceCare.objects.filter(pk=care.pk).update(restoring=None)
        elif snapshot.why == Why.BEFORE_EMPTYING:
            Notebook.objects.filter(pk=care.notebook_id).update(emptying_at=None)
        _forget_old(care.notebook)
        _recorded("workspace.snapshot_failed", care.notebook, now, snapshot=snapshot.pk, why=words[:300])


def _move(snapshot: WorkspaceSnapshot, to: SnapshotState, **changes: object) -> bool:
    rows = WorkspaceSnapshot.objects.filter(pk=snapshot.pk, state=SnapshotState.WAITING)
    return rows.update(state=to, **changes) > 0


def _forget_old(notebook: Notebook) -> None:
    """Of those that the platform took the newest stay, and the one that is just being put back."""
    rows = WorkspaceSnapshot.objects.filter(notebook=notebook, created_by=None)
    for old in rows.order_by("-created_at", "-pk")[MOST_OF_PLATFORM:]:
        if old.state != SnapshotState.WAITING and not WorkspaceCare.objects.filter(restoring=old).exists():
            forget(old)


def _put_back(engines: Engines, care: WorkspaceCare, snapshot: WorkspaceSnapshot, now: datetime) -> None:
    notebook, volume = care.notebook, volume_of(care.notebook)
    engine = _engine_of(engines, volume) or next(iter(engines.values()))
    notebook.refresh_from_db()
    if notebook.document != notebook.volume_document and care.asked_by is not None:
        # What was put in the notebook's place after a run last had the workspace is in no snapshot of that.
        keep_document(care.asked_by, notebook, NOTES[Why.BEFORE_PUT_BACK], now=now)
    size = room_of(notebook, stored_bytes(notebook.team), now)
    try:
        streaming.put_back(engine, volume, snapshot.manifest, size_bytes=size, beat=streaming.beat_of(care))
    except (VolumeInUse, streaming.LeaseLost):
        raise
    except (EngineError, FileNotFoundError, ValueError) as error:
        # In words of its own: what may be no room in the workspace is none of the installation's, and nothing is tried again.
        words = f"The snapshot was not put back ({error}), and the workspace is as it was"
        WorkspaceCare.objects.filter(pk=care.pk).update(restoring=None, trouble=f"{words}."[:300])
        raise EngineError(words) from None
    _take_over(engine, notebook, now)
    with transaction.atomic():
        if WorkspaceCare.objects.filter(pk=care.pk, restoring=snapshot).update(restoring=None, trouble=""):
            _recorded("workspace.put_back", notebook, now, snapshot=snapshot.pk)


def _take_over(engine: Engine, notebook: Notebook, now: datetime) -> None:
    """What the workspace holds by now is the notebook's. Where no document is in it, the next start brings the present one."""
    use = engine.measure_volume(volume_of(notebook))
    changes = {"workspace_bytes": use.used_bytes if use else 0, "volume_document": "", "packages": []}
    Notebook.objects.filter(pk=notebook.pk).update(**changes)
    notebook.refresh_from_db()
    take_document(engine, notebook, now)
    take_packages(engine, notebook)


def _recorded(name: str, notebook: Notebook, now: datetime, **data: object) -> None:
    record(name, subject=("notebook", notebook.pk), team_id=notebook.team_id, now=now, data=data)
    hint([f"notebook:{notebook.pk}"], work=False)
