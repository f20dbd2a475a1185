"""Have files brought from a source, call that off, try it again. The actor comes first; the caller fetched the dataset as them
with `change=True`. States move by compare-and-set."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from studium.accounts.models import User
from studium.compute.actions import stop_run
from studium.compute.states import LIVE as LIVE_RUNS
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.sources.kinds import kind_of
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import IMPORT_MOVES, LIVE, ImportState, SourceKind
from studium.errors import BadInput, NotFound, NotYet
from studium.events.actions import hint, record
from studium.plans import checks
from studium.plans import queries as plans
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage import actions as storage
from studium.storage.models import Blob
from studium.storage.providers.access import provider_again

NOTE_LENGTH = 500


def volume_of(row: Import) -> str:
    return f"import-{row.pk}"


def holder_of(row: Import) -> str:
    """Of what it needs until it has ended: blobs, and the secret its run is given."""
    return f"import:{row.pk}"


def place_of(row: Import) -> Place:
    """Where its run's secret is found: the team's, of which the attachment names one."""
    return Place(row.dataset.team, None, holder_of(row))


def begin(
    actor: User,
    dataset: Dataset,
    kind: SourceKind,
    asked: dict[str, Any],
    *,
    now: datetime,
    note: str = "",
    adds: bool = False,
    blobs: frozenset[str] = frozenset(),
) -> Import:
    """Bring what is asked for, as `naming` or a maker of manifests has checked it, and make a version of it. `blobs` are those
    that a manifest names.

    Raises NotYet while something is being brought, NotFound for a secret that the team has not, Refused where the plan has
    no network.
    """
    if kind_of(kind).fetching(asked, {}) is not None:
        checks.check_internet(plans.standing(dataset.team, now=now).plan)
    note = note.replace("\x00", "").strip()[:NOTE_LENGTH]
    try:
        with transaction.atomic():
            made = Import.objects.create(
                dataset=dataset,
                kind=kind,
                asked=asked,
                note=note,
                adds=adds,
                created_by=actor,
                created_at=now,
                due_at=now,
            )
            _hold(made, blobs)
            if name := asked.get("secret"):
                secrets.attach(actor, place_of(made), name, now=now)
            _recorded("dataset.import", actor, made, now)
    except IntegrityError:
        raise busy() from None
    return made


def _hold(row: Import, blobs: frozenset[str]) -> None:
    """So that what is shared stays until the version has it. Under a lock, since a collector may be at it."""
    if blobs:
        here = Blob.objects.select_for_update().filter(digest__in=blobs, deleting=False).order_by("digest")
        if len(here.values_list("pk", flat=True)) < len(blobs):
            raise NotYet("import.gone", "Some of these files are no longer kept.", "Choose another version.")
        storage.hold_all(holder_of(row), blobs)
    if manifest := row.asked.get("manifest"):
        storage.hold(f"{holder_of(row)}:manifest", manifest)


def again(actor: User, row: Import, *, now: datetime) -> Import:
    """Bring the same once more: one that failed or was called off goes on with what has come, of one that is done there is a
    new one. Raises NotYet while something is being brought, NotFound for a provider that the actor may not use."""
    state = ImportState(row.state)
    if state in LIVE:
        raise busy()
    if row.kind == SourceKind.PROVIDER:
        provider_again(actor, row.asked["provider"])
    if state == ImportState.DONE:
        return begin(actor, row.dataset, SourceKind(row.kind), row.asked, now=now, note=row.note, adds=row.adds)
    if row.cleaned_at is not None and row.kind == SourceKind.NOTEBOOK:
        raise NotYet("import.gone", "What was to be brought is no longer kept.", "Bring it from the notebook anew.")
    clear = {"run": None, "code": "", "message": "", "ended_at": None, "due_at": now, "steps": 0, "kept_bytes": 0}
    try:
        with transaction.atomic():
            if not move(row, ImportState.WAITING, **clear, cleaned_at=None, lease="", leased_until=None):
                raise busy()
            if name := row.asked.get("secret"):
                secrets.attach(actor, place_of(row), name, now=now)
            _recorded("dataset.import", actor, row, now)
    except IntegrityError:
        raise busy() from None
    row.refresh_from_db()
    return row


def cancel(actor: User, row: Import, *, now: datetime) -> Import:
    """Call it off. Raises NotYet for one that has ended."""
    for _ in range(5):
        row.refresh_from_db()
        if ImportState(row.state) not in LIVE:
            raise NotYet("import.ended", "It has ended already.", "Look at the dataset's versions.")
        with transaction.atomic():
            if not move(
                row, ImportState.CANCELLED, code="import.cancelled", message="It was called off.", ended_at=now
            ):
                continue
            if row.run is not None and row.run.state in LIVE_RUNS:
                stop_run(actor, row.run, now=now)
            _recorded("dataset.import_cancelled", actor, row, now)
        row.refresh_from_db()
        return row
    raise NotYet("import.busy", "It is changing state at this moment.", "Try again.")


def brought_before(row: Import) -> Import | None:
    """What the newest version was brought by, where that was the very same."""
    rows = DatasetVersion.objects.filter(dataset=row.dataset_id, deleted_at=None).order_by("-number")
    newest = rows.select_related("brought_by__version").first()
    before: Import | None = getattr(newest, "brought_by", None)
    if before is None or (before.kind, before.asked, before.adds) != (row.kind, row.asked, row.adds):
        return None
    return before


def move(row: Import, after: ImportState, **changes: Any) -> bool:
    """Whether it was this call that moved it, from the state that the row was read in."""
    if after not in IMPORT_MOVES[ImportState(row.state)]:
        return False
    rows = Import.objects.filter(pk=row.pk, state=row.state, run=row.run_id)
    moved = bool(rows.update(state=after, **changes))
    if moved:
        hint([f"dataset:{row.dataset_id}"])
    return moved


def import_of(dataset: Dataset, import_id: str) -> Import:
    """Raises NotFound."""
    row = Import.objects.filter(pk=import_id, dataset=dataset).select_related("run", "created_by", "version").first()
    if row is None:
        raise NotFound(
            "import.unknown",
            "There is no such import.",
            f"`studium datasets imports {dataset.team.slug}/{dataset.slug}` shows those there are.",
        )
    row.dataset = dataset
    return row


def busy() -> NotYet:
    return NotYet("import.busy", "Files are being brought to this dataset.", "Wait for them, or cancel that.")


def no_source() -> BadInput:
    return BadInput(
        "import.no_source",
        "Nothing is said of where the files are.",
        "Name a URL, a repository, a notebook or a provider.",
    )


def _recorded(name: str, actor: User, row: Import, now: datetime) -> None:
    record(
        name, subject=("dataset", row.dataset_id), actor=actor, team_id=row.dataset.team_id, now=now,
        data={"import": row.pk, "kind": row.kind},
    )  # fmt: skip
