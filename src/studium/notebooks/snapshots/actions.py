"""Every change people make to snapshots of workspaces. The pass in `reconcile` carries it out. The actor comes first.

The caller fetched the notebook as the actor with `change=True`.
"""

from datetime import datetime

from django.db import transaction

from studium.accounts.models import User
from studium.compute.volumes.states import SnapshotState
from studium.errors import BadInput, NotYet, Refused
from studium.events.actions import hint, record
from studium.lib.units import size_words
from studium.notebooks.git.queries import require_ready
from studium.notebooks.launching import disk_bytes
from studium.notebooks.models import Notebook
from studium.notebooks.snapshots.access import unknown_snapshot
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.queries import had_by_a_run, require_free
from studium.notebooks.snapshots.states import NOTES, Why
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage import actions as storage

# Of those that people asked for, and of those that the platform took by itself.
MOST, MOST_OF_PLATFORM = 20, 5


def holder_of(snapshot: WorkspaceSnapshot) -> str:
    return f"workspace:{snapshot.notebook_id}:{snapshot.pk}"


def take(actor: User, notebook: Notebook, *, stored: int, now: datetime, note: str = "") -> WorkspaceSnapshot:
    """Keep what is in the workspace now; a session goes on meanwhile. `stored` is what the team stores in all.

    Raises NotYet where one is being taken or put back, Refused where there are many or the team's storage is full.
    """
    checks.check_team_storage(plans.standing(notebook.team, now=now).plan, stored, 0)
    with transaction.atomic():
        require_free(notebook)
        rows = WorkspaceSnapshot.objects.filter(notebook=notebook)
        if rows.filter(state=SnapshotState.WAITING).exists():
            raise NotYet("snapshot.waiting", "A snapshot is just being taken.", "Wait until it is there.")
        if rows.exclude(created_by=None).count() >= MOST:
            raise Refused(
                "snapshot.too_many", f"A notebook has at most {MOST} snapshots of its own.", "Delete an old one first."
            )
        made = WorkspaceSnapshot.objects.create(notebook=notebook, note=_line(note), created_by=actor, created_at=now)
        _due(notebook, now)
        _recorded("workspace.snapshot_asked", actor, notebook, now, snapshot=made.pk)
    return made


def take_before(why: Why, notebook: Notebook, now: datetime) -> WorkspaceSnapshot:
    """Have the platform keep what is in the workspace before something else happens to it, in the caller's transaction.

    It is taken when no run has the workspace. Where it cannot be kept, what was to follow is given up; where nothing is there
    it goes without a word.
    """
    made = WorkspaceSnapshot.objects.create(notebook=notebook, note=NOTES[why], why=why, created_at=now)
    _due(notebook, now)
    return made


def delete(actor: User, snapshot: WorkspaceSnapshot, *, now: datetime) -> None:
    """Its content goes, except what other snapshots share. Raises NotYet where it is being taken or put back."""
    with transaction.atomic():
        found = WorkspaceSnapshot.objects.select_for_update(of=("self",)).filter(pk=snapshot.pk).first()
        if found is None:
            raise unknown_snapshot(snapshot.notebook, snapshot.pk)
        if found.state == SnapshotState.WAITING or WorkspaceCare.objects.filter(restoring=found).exists():
            raise NotYet("snapshot.busy", "The snapshot is being taken or put back.", "Wait until that has ended.")
        forget(found)
        _recorded("workspace.snapshot_deleted", actor, snapshot.notebook, now, snapshot=snapshot.pk)


def forget(snapshot: WorkspaceSnapshot) -> None:
    """In the caller's transaction. What its chunks take is free once the pass has swept."""
    storage.release(holder_of(snapshot))
    snapshot.delete()


def forget_of_notebook(notebook: Notebook) -> None:
    """All of a notebook that is deleted, in the caller's transaction; nothing more is done to its workspace."""
    WorkspaceCare.objects.filter(notebook=notebook).delete()
    storage.release_under(f"workspace:{notebook.pk}:")
    WorkspaceSnapshot.objects.filter(notebook=notebook).delete()


def put_back(actor: User, notebook: Notebook, snapshot: WorkspaceSnapshot, *, stored: int, now: datetime) -> None:
    """Have the workspace, and so the document, be those of the snapshot as soon as no run has it; until then none starts in it.

    What is in it then is kept as a snapshot first. `stored` is what the team stores in all. Repeatable. Raises NotYet while
    something else is done to it or a repository has no document yet, BadInput where the snapshot does not fit.
    """
    require_ready(notebook)
    room = room_of(notebook, stored, now)
    with transaction.atomic():
        row = Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
        care = WorkspaceCare.objects.filter(notebook=row).first()
        if care is not None and care.restoring_id == snapshot.pk:
            return
        require_free(row)
        present = WorkspaceSnapshot.objects.select_for_update(of=("self",)).filter(pk=snapshot.pk).first()
        if present is None:
            raise unknown_snapshot(notebook, snapshot.pk)
        if present.state != SnapshotState.READY:
            raise NotYet("snapshot.not_ready", f"The snapshot is {present.state}.", "Choose one that is there.")
        if WorkspaceSnapshot.objects.filter(notebook=row, state=SnapshotState.WAITING).exists():
            raise NotYet("snapshot.waiting", "A snapshot is just being taken.", "Wait until it is there.")
        if present.size_bytes > room:
            raise BadInput(
                "snapshot.too_large",
                f"The snapshot has {size_words(present.size_bytes)}, the workspace {size_words(room)}.",
                "Make room in the team's storage first, or choose a smaller one.",
                {"snapshot": present.size_bytes, "size": room},
            )
        take_before(Why.BEFORE_PUT_BACK, row, now)
        WorkspaceCare.objects.filter(notebook=row).update(restoring=present, asked_by=actor)
        _recorded("workspace.put_back_asked", actor, row, now, snapshot=present.pk)


def give_up(actor: User, notebook: Notebook, *, now: datetime) -> None:
    """Leave the workspace as it is where a snapshot waits to be put back. Repeatable. Raises NotYet while that is being done."""
    with transaction.atomic():
        row = Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
        care = WorkspaceCare.objects.select_for_update(of=("self",)).filter(notebook=row).first()
        if care is None or care.restoring_id is None:
            return
        if care.leased_until is not None and care.leased_until > now and not had_by_a_run(row):
            raise NotYet("snapshot.busy", "It is just being put back.", "Wait until that has ended.")
        WorkspaceCare.objects.filter(notebook=row).update(restoring=None, trouble="", due_at=now)
        for waiting in row.snapshots.filter(why=Why.BEFORE_PUT_BACK, state=SnapshotState.WAITING):
            forget(waiting)
        _recorded("workspace.put_back_given_up", actor, row, now)


def room_of(notebook: Notebook, stored: int, now: datetime) -> int:
    """The size that the workspace would be given now."""
    return disk_bytes(plans.standing(notebook.team, now=now).plan, stored=stored, own=notebook.workspace_bytes)


def _due(notebook: Notebook, now: datetime) -> None:
    WorkspaceCare.objects.update_or_create(
        notebook=notebook, defaults={"due_at": now, "trouble": ""}, create_defaults={"due_at": now}
    )


def _line(note: str) -> str:
    return " ".join(note.replace("\x00", "").split())[:200]


def _recorded(name: str, actor: User | None, notebook: Notebook, now: datetime, **data: object) -> None:
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
    hint([f"notebook:{notebook.pk}"])
