"""The pass of imports: ask for runs of those that wait, take out what ended ones fetched, keep it or get it, make versions.

What a run tells and leaves is untrusted. Repeatable, also by two at once: a row that is worked on is leased, and moves by
compare-and-set alone.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from studium.accounts.models import Team
from studium.compute.engines.base import EngineError
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.states import ENDINGS, Reason, State
from studium.datasets import actions as datasets
from studium.datasets.files import MOST_FILES, put_together
from studium.datasets.models import DatasetVersion
from studium.datasets.queries import files_of
from studium.datasets.sources import actions, keeping, launching, provided
from studium.datasets.sources.kinds import kind_of
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import LIVE, ImportState, SourceKind
from studium.errors import NotYet, StudiumError
from studium.lib.folders import flush, remove
from studium.lib.ids import new_id
from studium.plans import checks
from studium.plans import queries as plans
from studium.secrets import actions as secrets
from studium.storage import actions as storage
from studium.storage.errors import StoreFailed, StoreFull, in_words, is_full

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=10)
# Of one whose steps are short: whoever died is followed sooner.
_BRIEF = timedelta(minutes=3)
_PAUSE = timedelta(seconds=15)
# So long one that failed can go on where it was.
KEPT_FAILED = timedelta(days=1)
_TOLD_BYTES = 2 * 1024**2
Used = Callable[[Team], int]


class _Lost(Exception):
    """Somebody else has the row now, or it was called off."""


def run_pass(engines: Engines, now: datetime, used: Used) -> int:
    """How many rows were moved or brought further. `used` says what a team stores."""
    done = 0
    for row in _leased(now):
        try:
            done += _step(engines, row, now, used)
        except _Lost:
            continue
        except StoreFailed as error:
            _not_stored(row, error, now)
        except NotYet:
            _give_back(row, due_at=now + _PAUSE)
        except StudiumError as error:
            done += _fail(row, error.code, f"{error.message} {error.next_step}", now)
        except Exception as error:  # one that the platform stumbles over keeps no other waiting
            if said := in_words(error):
                _not_stored(row, said, now)
                continue
            log.exception("import_failed", import_id=row.pk)
            done += _fail(row, "import.failed", "The platform could not keep the files.", now)
    return done + clean(engines, now)


def _not_stored(row: Import, error: StoreFailed, now: datetime) -> None:
    """What came waits for a store that is away or full."""
    log.warning("import_waits", import_id=row.pk, code=error.code, error=str(error))
    _give_back(row, due_at=now + _PAUSE, code=error.code, message=error.message)


def _leased(now: datetime) -> Iterator[Import]:
    """Rows that have something to be done about, one at a time, each leased while it is worked on."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    ready = Q(state__in=[ImportState.WAITING, ImportState.KEEPING]) | Q(
        state=ImportState.FETCHING, run__state=State.ENDED
    )
    ready |= Q(state=ImportState.FETCHING, run=None)
    rows = Import.objects.filter(free, ready, due_at__lte=now).order_by("due_at", "created_at")
    for pk in list(rows.values_list("pk", flat=True)[:20]):
        token = new_id(20)
        if Import.objects.filter(free, pk=pk, state__in=LIVE).update(lease=token, leased_until=now + LEASE):
            found = Import.objects.select_related("dataset__team", "run__machine", "created_by").filter(lease=token)
            yield from found


def _give_back(row: Import, **changes: Any) -> None:
    Import.objects.filter(pk=row.pk, lease=row.lease).update(lease="", leased_until=None, **changes)


def _step(engines: Engines, row: Import, now: datetime, used: Used) -> int:
    if row.dataset.deleted_at:
        return _fail(row, "import.deleted", "The dataset was deleted.", now)
    if row.state == ImportState.WAITING:
        return _begin(row, now, used)
    if row.state == ImportState.FETCHING:
        return _take_out(engines, row, now, used)
    return _keep(row, now, used)


def _begin(row: Import, now: datetime, used: Used) -> int:
    if kind_of(row.kind).fetching(row.asked, {}) is None:
        checks.check_team_storage(plans.standing(row.dataset.team, now=now).plan, used(row.dataset.team), 0)
        moved = actions.move(row, ImportState.KEEPING)
    else:
        moved = launching.start(row, used=used(row.dataset.team), now=now)
    _give_back(row)
    return moved


def _take_out(engines: Engines, row: Import, now: datetime, used: Used) -> int:
    """What its run fetched, out of its volume into a folder of ours."""
    run = row.run
    if run is None:
        return _fail(row, "import.failed", "Its run is gone.", now)
    if said := _trouble(row, run):
        return _fail(row, *said, now)
    assert run.machine is not None
    engine = engines[run.machine.engine]
    told = json.loads(engine.read_file(actions.volume_of(row), "told.json", _TOLD_BYTES) or b"{}")
    if not isinstance(told, dict) or told.get("work") != row.pk:
        return _fail(row, "import.failed", "The run left no answer.", now)
    if told.get("unchanged") is True:
        return _same(row, now)
    room = launching.room_of(row, used=used(row.dataset.team), now=now)
    target = keeping.folder_of(row) / "files"
    remove(keeping.folder_of(row))
    target.mkdir(parents=True, mode=0o700)
    try:
        engine.export(actions.volume_of(row), "out", target, most_files=2 * MOST_FILES, most_bytes=room)
        flush(target)  # from here on they are all there is: their run's volume may go
    except EngineError as error:
        if is_full(error):
            remove(keeping.folder_of(row))
            raise StoreFull(str(error)) from error
        return _fail(row, "import.failed", f"The files could not be taken out: {error}", now)
    files = keeping.files_of(row)
    if not files:
        return _fail(row, "import.no_files", "There is no file in it.", now)
    counted = {"files_count": len(files), "files_bytes": sum(size for _, size in files), "code": "", "message": ""}
    moved = _as_leased(row, ImportState.KEEPING, facts=kind_of(row.kind).facts(told), **counted)
    _give_back(row)
    return moved


def _trouble(row: Import, run: Run) -> tuple[str, str] | None:
    """Code and sentence of what went wrong with its run."""
    told: dict[str, Any] = run.progress if isinstance(run.progress, dict) else {}
    if told.get("work") != row.pk:
        told = {}
    if run.reason == Reason.FINISHED and told.get("state") == "done":
        return None
    error = told.get("error")
    if isinstance(error, dict) and run.reason == Reason.FAILED:
        code = str(error.get("name", ""))
        known = code.startswith(("url.", "git.", "outbound.", "import.")) and code.isprintable() and len(code) <= 40
        return code if known else "import.failed", str(error.get("message", ""))[:600]
    ending = ENDINGS[Reason(run.reason)].title if run.reason else "The run did not end well"
    return "import.run", f"{ending}. {run.message}".strip()


def _remark(facts: dict[str, Any]) -> str:
    """What whoever reads the version should know of it."""
    pointers = facts.get("lfs", 0)
    return (
        f"{pointers:,} of its files are pointers of Git LFS: the server does not keep what they stand for."
        if pointers
        else ""
    )


def _same(row: Import, now: datetime) -> int:
    words = "Nothing is new there: the newest version has it already."
    return _as_leased(row, ImportState.DONE, ended_at=now, code="import.unchanged", message=words)


def _keep(row: Import, now: datetime, used: Used) -> int:
    """One step more, or the version, once all is kept."""
    if not keeping.is_there(row):
        return _anew(row, now)

    began, brief = time.monotonic(), row.kind == SourceKind.PROVIDER

    def alive() -> None:
        """Have the lease longer. Raises _Lost where it was called off."""
        until = now + timedelta(seconds=time.monotonic() - began) + (_BRIEF if brief else LEASE)
        mine = Import.objects.filter(pk=row.pk, lease=row.lease, state=ImportState.KEEPING)
        if not mine.update(leased_until=until):
            raise _Lost

    datasets.sweep_later(row.dataset.team_id, now=now)
    alive()
    step = (
        provided.step(row, now=now, alive=alive, used=used) if brief else keeping.keep_step(row, now=now, alive=alive)
    )
    rows = Import.objects.filter(pk=row.pk, lease=row.lease, state=ImportState.KEEPING, steps=row.steps)
    if step.counted:
        row.files_count, row.files_bytes = step.counted
    counted = {"files_count": row.files_count, "files_bytes": row.files_bytes}
    if not rows.update(steps=row.steps + 1, kept_bytes=row.kept_bytes + step.bytes, code="", message="", **counted):
        raise _Lost
    row.steps += 1
    if not step.whole:
        _give_back(row, due_at=now)
        return 1
    if brief:
        brought, facts = provided.brought(row, now=now, alive=alive), provided.facts(row, now=now)
        return _make_version(row, brought, facts, now)
    return _make_version(row, keeping.brought(row, alive), row.facts, now)


def _anew(row: Import, now: datetime) -> int:
    """Its files are gone from this machine, as after a restore: the source is asked again. Nothing was promised of them yet."""
    log.warning("import_anew", import_id=row.pk)
    keeping.forget(row)
    return _as_leased(
        row, ImportState.WAITING, run=None, steps=0, kept_bytes=0, files_count=0, files_bytes=0, facts={}, due_at=now,
        lease="", leased_until=None,
    )  # fmt: skip


def _make_version(row: Import, brought: list[Any], facts: dict[str, Any], now: datetime) -> int:
    def settle(version: DatasetVersion) -> None:
        if not _as_leased(
            row, ImportState.DONE, ended_at=now, version=version, facts=facts, code="", message=_remark(facts)
        ):
            raise _Lost
        counted = {"files_count": len(brought), "files_bytes": sum(each.size for each in brought)}
        Import.objects.filter(pk=row.pk).update(**counted)
        if listing := facts.get("listing"):
            storage.hold(f"{datasets.holder_of(version)}:source", listing)

    files = brought
    if row.adds:
        newest = DatasetVersion.objects.filter(dataset=row.dataset, deleted_at=None).order_by("-number").first()
        files = put_together(files_of(newest) if newest else (), brought, ())
    try:
        datasets.make_version(row.created_by, row.dataset, files, now=now, note=row.note, made_of=settle)
    except NotYet as error:
        if error.code == "dataset.unchanged":
            return _same(row, now)
        raise
    return 1


def _as_leased(row: Import, after: ImportState, **changes: Any) -> bool:
    """Move it if it is still the caller's."""
    with transaction.atomic():
        mine = Import.objects.select_for_update(of=("self",)).filter(pk=row.pk, lease=row.lease).exists()
        return mine and actions.move(row, after, **changes)


def _fail(row: Import, code: str, words: str, now: datetime) -> int:
    moved = _as_leased(row, ImportState.FAILED, code=code[:40], message=words.strip()[:700], ended_at=now)
    _give_back(row)
    return moved


def clean(engines: Engines, now: datetime) -> int:
    """Remove what ended imports left on the machine: of failed ones after a day, in which they can go on."""
    ended = Q(state__in=[ImportState.DONE, ImportState.CANCELLED]) | Q(
        state=ImportState.FAILED, ended_at__lt=now - KEPT_FAILED
    )
    done = 0
    for row in Import.objects.filter(ended, cleaned_at=None).order_by("ended_at")[:20]:
        try:
            for engine in engines.values():
                engine.delete_volume(actions.volume_of(row))
            keeping.forget(row)
        except (EngineError, OSError) as error:  # its run has not ended yet
            log.info("import_not_cleaned", import_id=row.pk, error=str(error))
            continue
        with transaction.atomic():
            if Import.objects.filter(pk=row.pk, state=row.state, cleaned_at=None).update(cleaned_at=now):
                storage.release_under(f"{actions.holder_of(row)}:")
                secrets.forget_holder(actions.holder_of(row))
                done += 1
    return done
