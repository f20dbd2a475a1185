"""Taking room back: output files of versions, files of workspaces. The latter go in a pass, as the disk is not for a page."""

from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import transaction

from studium.accounts.models import Team, User
from studium.compute.engines.base import EngineError
from studium.compute.engines.registry import Engines
from studium.compute.reconcile.leases import give_back_pass, hold_pass
from studium.compute.volumes.states import SnapshotState
from studium.errors import StudiumError
from studium.events.actions import hint, record
from studium.notebooks.inputs.queries import kept_for_others
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook, Version
from studium.notebooks.snapshots.actions import take_before
from studium.notebooks.snapshots.queries import care_of, had_by_a_run
from studium.notebooks.snapshots.states import Why
from studium.notebooks.taking import named_in
from studium.storage.models import Hold

log = structlog.get_logger(__name__)
_LEASE = "emptying"
# Removing a large workspace takes a while, and who does it must stay the only one: afterwards runs may start in it again.
_SECONDS = 600


def ask_to_empty(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    """Have the workspaces of these notebooks emptied that nothing has. Until that is done no run starts in them."""
    _ask(actor, team, keys, now, keep=False)


def ask_to_keep_and_empty(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    """The same, each once a snapshot of it is taken. What cannot be kept stays as it is."""
    _ask(actor, team, keys, now, keep=True)


def _ask(actor: User, team: Team, keys: Collection[str], now: datetime, *, keep: bool) -> None:
    for key in keys:
        with transaction.atomic():
            rows = Notebook.objects.select_for_update(of=("self",))
            row = rows.filter(pk=key, team=team, deleted_at=None, emptying_at=None).first()
            if row is None or had_by_a_run(row) or care_of(row).restoring is not None:
                continue
            Notebook.objects.filter(pk=row.pk).update(emptying_at=now)
            if keep:
                take_before(Why.BEFORE_EMPTYING, row, now)
            data = {"bytes": row.workspace_bytes, "kept": keep}
            record(
                "notebook.emptying", subject=("notebook", row.pk), actor=actor, team_id=team.pk, now=now, data=data
            )  # fmt: skip


def remove_files(actor: User, team: Team, keys: Collection[str], now: datetime) -> None:
    """Remove the output files of these versions, but not what others read. Document, log and all else of them stay."""
    for version in Version.objects.filter(pk__in=list(keys), notebook__team=team).exclude(files=""):
        try:
            digests = named_in(version.files)
        except StudiumError:  # the list is lost, and with it what is to be let go
            log.warning("version_files_lost", version=version.pk)
            digests = frozenset()
        with transaction.atomic():
            rows = Version.objects.filter(pk=version.pk, files=version.files, pinned=False).exclude(kept_for_others())
            if not rows.update(files="", files_count=0, files_bytes=0, files_removed_at=now):
                continue
            holders = [f"version:{version.pk}:files", *(f"version:{version.pk}:{digest}" for digest in sorted(digests))]
            for first in range(0, len(holders), 500):
                Hold.objects.filter(holder__in=holders[first : first + 500]).delete()
            record(
                "version.files_removed", subject=("notebook", version.notebook_id), actor=actor, team_id=team.pk, now=now,
                data={"number": version.number, "bytes": version.files_bytes},
            )  # fmt: skip
            hint([f"notebook:{version.notebook_id}"])


def empty_asked(holder: str, engines: Engines, now: datetime) -> int:
    """Remove the files of workspaces that somebody asked to be emptied; returns how many. By one controller at a time."""
    # What a snapshot is taken of stays until that is there, or could not be taken: then the emptying may be given up.
    rows = Notebook.objects.exclude(emptying_at=None).exclude(snapshots__state=SnapshotState.WAITING)
    if not rows.exists() or not hold_pass(_LEASE, holder, now=now, seconds=_SECONDS):
        return 0
    try:
        return sum(_empty(engines, notebook) for notebook in rows.order_by("emptying_at")[:10])
    finally:
        give_back_pass(_LEASE, holder)


def _empty(engines: Engines, notebook: Notebook) -> bool:
    try:
        for engine in engines.values():
            engine.delete_volume(volume_of(notebook))
    except EngineError as error:
        log.warning("volume_kept", notebook=notebook.pk, error=str(error))
        return False
    with transaction.atomic():
        # The next start brings the document.
        changes = {"workspace_bytes": 0, "volume_document": "", "packages": [], "emptying_at": None}
        Notebook.objects.filter(pk=notebook.pk).update(**changes)
        hint([f"notebook:{notebook.pk}"])
    return True
