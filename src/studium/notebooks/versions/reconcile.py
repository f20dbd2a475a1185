"""The passes of versions: follow their runs, keep what these left, render. Repeatable: a version is settled last."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from studium.compute.engines.base import Engine, EngineError
from studium.compute.engines.registry import Engines
from studium.compute.states import ENDINGS, Outcome, Reason, State
from studium.config.options import options
from studium.events.actions import hint, record
from studium.notebooks.document import summarise
from studium.notebooks.launching import volume_of_version
from studium.notebooks.models import Launch, Notebook, Version
from studium.notebooks.queries import room_of
from studium.notebooks.render import RENDERER, RenderError, render_html
from studium.notebooks.rendered import has_page_of_it
from studium.notebooks.subjects import tell_of_run
from studium.notebooks.taking import Taken, hold_taken, take_files
from studium.notebooks.versions.actions import COMPARISON, holder_of
from studium.notebooks.versions.previewing import PREVIEW
from studium.notebooks.versions.queries import how_it_ended, kept_volumes
from studium.storage import actions as storage
from studium.storage.errors import StoreFailed, in_words
from studium.storage.models import Blob, Hold

log = structlog.get_logger(__name__)
FOLLOW_EVERY = timedelta(seconds=3)
# What was settled lately is looked for often, by an index; everything, to make anew what is old, now and then.
LATELY = timedelta(minutes=10)
COMPARISONS_LAST = timedelta(days=7)
MOST_BYTES = 20 * 1024**3


def follow_running(engines: Engines, now: datetime) -> int:
    """Take over what running versions have saved since the last look, cell by cell; returns how many changed."""
    due = Launch.objects.filter(kind="version", settled_at=None, run__state=State.RUNNING)
    due = due.exclude(synced_at__gt=now - FOLLOW_EVERY).order_by(F("synced_at").asc(nulls_first=True))
    done = 0
    for launch in due.select_related("run__machine", "run__version__notebook")[:50]:
        Launch.objects.filter(pk=launch.pk).update(synced_at=now)
        try:
            done += _take_document(engines, launch.run.version, now)
        except Exception as error:  # one hostile document keeps no other waiting
            log.warning("version_follow_failed", run=launch.run_id, error=str(error))
    return done


def settle_ended(engines: Engines, now: datetime) -> int:
    """Keep document and output files of versions whose run has ended; from then on they never change. Returns how many."""
    ended = Version.objects.filter(settled_at=None, run__state=State.ENDED)
    done = 0
    for version in ended.select_related("run__machine", "notebook__team", "run__launch")[:20]:
        fault = ""
        taken: Taken | None = None
        try:
            _take_document(engines, version, now)
            taken = _take_files(engines, version, now)
        except Exception as error:
            if said := in_words(error):  # kept once there is a store and room in it; until then the workspace stays
                log.warning("version_waits", run=version.run_id, code=said.code, error=str(error))
                break
            log.warning("version_settle_failed", run=version.run_id, error=str(error))
            fault = f"Not all that the run left could be kept: {error}"[:300]
        done += _settle(version, taken, fault, now)
    return done


def _engine(engines: Engines, version: Version) -> Engine | None:
    """The engine that has the version's workspace; None when its run never began."""
    run = version.run
    assert run is not None
    return engines[run.machine.engine] if run.machine and run.running_at else None


def _take_document(engines: Engines, version: Version, now: datetime) -> bool:
    engine = _engine(engines, version)
    if engine is None:
        return False
    name = version.notebook.filename
    content = engine.read_file(volume_of_version(str(version.run_id)), name, options().notebook_bytes)
    summary = summarise(content) if content else None
    if not content or summary is None:  # removed by the run itself, or half-written: the last good document stays
        return False
    blob = storage.put(content, now=now)
    if blob.digest == version.document:
        return False
    with transaction.atomic():
        if not Version.objects.filter(pk=version.pk, settled_at=None).update(
            document=blob.digest, document_bytes=blob.size, cells=summary.cells
        ):
            return False
        storage.hold(holder_of(version, "document"), blob.digest)
        hint([f"notebook:{version.notebook_id}"])
    return True


def _take_files(engines: Engines, version: Version, now: datetime) -> Taken | None:
    """Store the output files; None without a workspace."""
    engine = _engine(engines, version)
    if engine is None:
        return None
    volume = volume_of_version(str(version.run_id))
    return take_files(
        engine,
        volume,
        skip=version.notebook.filename,
        most_bytes=room_of(version.notebook.team, MOST_BYTES, now),
        now=now,
        begun_with=version.begun_with,
    )


def _settle(version: Version, taken: Taken | None, fault: str, now: datetime) -> bool:
    with transaction.atomic():
        changes: dict[str, object] = {"settled_at": now, "fault": fault}
        if taken is not None:
            changes |= {"files": taken.manifest.digest, "files_count": taken.count, "files_bytes": taken.size}
        if not Version.objects.filter(pk=version.pk, settled_at=None).update(**changes):
            return False  # another controller was first
        if taken is not None:
            hold_taken(f"version:{version.pk}", taken.manifest.digest, taken.digests)
        kept = Version.objects.values_list("document", "document_bytes").get(pk=version.pk)
        Launch.objects.filter(run=version.run_id).update(
            settled_at=now, document=kept[0], document_bytes=kept[1], fault=fault
        )
        record(
            "version.settled", subject=("notebook", version.notebook_id), team_id=version.notebook.team_id, now=now,
            data={"number": version.number, "run": version.run_id},
        )  # fmt: skip
        _tell_of_failure(version, now)
        hint([f"notebook:{version.notebook_id}", f"run:{version.run_id}"])
    return True


def _tell_of_failure(version: Version, now: datetime) -> None:
    """Tell who had it run. Of a schedule's runs it is told once the schedule has given up."""
    run = version.run
    if run and ENDINGS[Reason(run.reason)].outcome == Outcome.BAD and not version.turns.exists():
        tell_of_run(version.created_by, version.notebook, f"versions/{version.number}/", how_it_ended(run), now=now)


def clean_volumes(engines: Engines, now: datetime) -> int:
    """Remove the workspaces of settled versions' runs; returns how many."""
    done = 0
    for version in Version.objects.filter(kept_volumes()).exclude(settled_at=None)[:50]:
        try:
            for engine in engines.values():
                engine.delete_volume(volume_of_version(str(version.run_id)))
        except EngineError as error:
            log.warning("volume_kept", version=version.pk, error=str(error))
            continue
        Version.objects.filter(pk=version.pk).update(volume_deleted_at=now)
        done += 1
    return done


def forget_comparisons(now: datetime) -> int:
    """Let go of old pages of comparisons and previews, which can be made again; returns how many."""
    made = Q(holder__startswith=COMPARISON) | Q(holder__startswith=PREVIEW)
    return Hold.objects.filter(made, blob__created_at__lt=now - COMPARISONS_LAST).delete()[0]


def render_lately(now: datetime) -> int:
    """Render versions that were settled in the last minutes; the same content is rendered once. Returns how many."""
    return _render(_unrendered().filter(settled_at__gt=now - LATELY), now)


def render_settled(now: datetime) -> int:
    """Render versions that will not change any more, however old they are; looks at all of them. Returns how many."""
    return _render(_unrendered().exclude(settled_at=None), now)


def _unrendered() -> QuerySet[Version]:
    return Version.objects.filter(notebook__deleted_at=None).exclude(rendered_of=F("document"), renderer=RENDERER)


def _render(stale: QuerySet[Version], now: datetime) -> int:
    done = 0
    for version in stale.order_by("settled_at")[:10]:
        try:
            digest, problem = _rendered(version.document, now)
        except StoreFailed as error:
            log.warning("render_waits", document=version.document, error=str(error))
            break
        if not digest and has_page_of_it(version):
            digest, problem = version.rendered, ""
        with transaction.atomic():
            if digest:
                storage.hold(holder_of(version, "rendered"), digest)
            Version.objects.filter(pk=version.pk).update(
                rendered=digest, rendered_of=version.document, renderer=RENDERER, render_error=problem
            )
            hint([f"notebook:{version.notebook_id}"])
        done += 1
    return done


def _rendered(document: str, now: datetime) -> tuple[str, str]:
    """The digest of the document's page, made unless there is one already, and what went wrong."""
    for known in (Version.objects, Notebook.objects):
        made = known.filter(rendered_of=document, renderer=RENDERER).exclude(rendered="")
        found = made.values_list("rendered", flat=True).first()
        if found and Blob.objects.filter(digest=found, deleting=False).update(created_at=now):
            return str(found), ""
    try:
        return storage.put(render_html(storage.get(document)), now=now).digest, ""
    except StoreFailed:
        raise
    except RenderError as error:
        return "", str(error)[:300]
    except Exception as error:
        log.warning("render_failed", document=document, error=str(error))
        return "", "It could not be rendered."
