"""The notebooks' passes: keep documents as new as their workspaces, settle ended runs, render, restart, clean up.

Runs of notebooks are known only through `Launch`. Everything here is repeatable: content is compared by digest, and a
launch is settled last.
"""

import time
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from studium.compute.actions import stop_run
from studium.compute.engines.base import EngineError
from studium.compute.engines.registry import Engines
from studium.compute.states import State
from studium.errors import StudiumError
from studium.events.actions import hint, record
from studium.notebooks import actions
from studium.notebooks.access import may_change
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.render import RENDERER, RenderError, render_html
from studium.notebooks.rendered import has_page_of_it
from studium.notebooks.states import SETTLED_APART, LaunchKind, Visibility
from studium.notebooks.versions.queries import kept_volumes
from studium.notebooks.workspace import take_document, take_packages
from studium.storage import actions as storage
from studium.storage.errors import StoreFailed

log = structlog.get_logger(__name__)
SYNC_EVERY = timedelta(seconds=5)
# A document that takes long to read rests for so many times as long, so that it takes a small share of the pass.
SLOW_SYNC_SECONDS, SLOW_SYNC_REST = 1.0, 20
# What changed lately is looked for often, by an index; everything, to make anew what is old, now and then.
LATELY = timedelta(minutes=10)


def sync_running(engines: Engines, now: datetime) -> int:
    """Take over what running sessions and executions have saved since the last look; returns how many changed."""
    due = Launch.objects.filter(settled_at=None, run__state=State.RUNNING).exclude(kind__in=SETTLED_APART)
    due = due.exclude(synced_at__gt=now - SYNC_EVERY)
    # Those not seen for longest first: many sessions, or some that take long, keep nobody from their turn.
    due = due.order_by(F("synced_at").asc(nulls_first=True))
    return sum(_sync_apart(engines, launch, now) for launch in due.select_related("notebook", "run__machine")[:50])


def _sync_apart(engines: Engines, launch: Launch, now: datetime) -> bool:
    """Sync one launch. What goes wrong with it concerns no other; what takes long is looked at less often."""
    began = time.monotonic()
    Launch.objects.filter(pk=launch.pk).update(synced_at=now)
    try:
        return _sync(engines, launch, now)
    except Exception as error:
        log.warning("sync_failed", run=launch.run_id, error=str(error))
        return False
    finally:
        took = time.monotonic() - began
        rest = {"synced_at": now + timedelta(seconds=SLOW_SYNC_REST * took)} if took > SLOW_SYNC_SECONDS else {}
        Launch.objects.filter(pk=launch.pk).update(looked_at=now, **rest)


def settle_ended(engines: Engines, now: datetime) -> int:
    """Take over the last state of ended runs, note it on the launch, and start what was to follow; returns how many."""
    ended = Launch.objects.filter(settled_at=None, run__state=State.ENDED).exclude(kind__in=SETTLED_APART)
    ended = ended.select_related("notebook__next_user", "run__machine")
    done = 0
    for launch in ended[:50]:
        try:
            _sync(engines, launch, now)
            if launch.run.machine is not None and launch.run.running_at is not None:
                take_packages(engines[launch.run.machine.engine], launch.notebook)
        except StoreFailed as error:  # it is taken over once there is a store and room in it
            log.warning("settle_waits", run=launch.run_id, error=str(error))
            break
        except Exception as error:  # one hostile document must not keep everybody's results waiting
            log.warning("settle_failed", run=launch.run_id, error=str(error))
            Launch.objects.filter(pk=launch.pk).update(fault=str(error)[:300])
        _settle(launch, now)
        done += 1
    return done


def _sync(engines: Engines, launch: Launch, now: datetime) -> bool:
    """Make the document what the workspace holds. False when nothing changed or nothing can be read."""
    notebook, run = launch.notebook, launch.run
    if run.machine is None or run.running_at is None:
        return False
    Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=run.usage.get("disk_bytes") or 0)
    engine = engines[run.machine.engine]
    if not take_document(engine, notebook, now):
        return False
    take_packages(engine, notebook)
    return True


def _settle(launch: Launch, now: datetime) -> None:
    notebook = Notebook.objects.get(pk=launch.notebook_id)
    with transaction.atomic():
        if not Launch.objects.filter(pk=launch.pk, settled_at=None).update(
            settled_at=now, document=notebook.document, document_bytes=notebook.document_bytes
        ):
            return
        storage.hold(f"launch:{launch.pk}:document", notebook.document)
        record(
            "notebook.settled",
            subject=("notebook", notebook.pk),
            team_id=notebook.team_id,
            now=now,
            data={"run": launch.run_id},
        )


def restart_moved(now: datetime) -> int:
    """Start the sessions that were stopped to change their machine; returns how many."""
    waiting = (
        Notebook.objects.filter(deleted_at=None).exclude(next_machine="").select_related("team", "next_user", "project")
    )
    done = 0
    for notebook in waiting:
        if notebook.launches.filter(settled_at=None).exclude(kind=LaunchKind.VERSION).exists():
            continue
        machine, user = notebook.next_machine, notebook.next_user
        Notebook.objects.filter(pk=notebook.pk).update(next_machine="", next_user=None)
        if user is None or not may_change(user, notebook):  # who asked may have lost the right meanwhile
            continue
        try:
            actions.start(user, notebook, LaunchKind.SESSION, machine, now=now)
            done += 1
        except StudiumError as error:
            record(
                "notebook.restart_refused",
                subject=("notebook", notebook.pk),
                team_id=notebook.team_id,
                now=now,
                data={"code": error.code, "message": error.message},
            )
    return done


def render_lately(now: datetime) -> int:
    """Render documents that changed in the last minutes; a live one is rendered when asked for. Returns how many."""
    # By each visibility, for that is what the index begins with: the number of notebooks costs nothing.
    return _render(_unrendered().filter(visibility__in=list(Visibility), changed_at__gt=now - LATELY), now)


def render_changed(now: datetime) -> int:
    """Render documents whose page is of other content or another renderer, however old they are; looks at all of them. Returns
    how many."""
    return _render(_unrendered(), now)


def _unrendered() -> QuerySet[Notebook]:
    return Notebook.objects.filter(deleted_at=None).exclude(rendered_of=F("document"), renderer=RENDERER)


def _render(stale: QuerySet[Notebook], now: datetime) -> int:
    done = 0
    for notebook in stale.order_by("changed_at")[:10]:
        digest, error = "", ""
        try:
            blob = storage.put(render_html(storage.get(notebook.document)), now=now)
            digest = blob.digest
        except StoreFailed as problem:
            log.warning("render_waits", notebook=notebook.pk, error=str(problem))
            break
        except RenderError as problem:
            error = str(problem)[:300]
        except Exception as problem:  # as above: the others are to be rendered
            log.warning("render_failed", notebook=notebook.pk, error=str(problem))
            error = "It could not be rendered."
        if has_page_of_it(notebook):
            error = ""
        with transaction.atomic():
            if digest:
                storage.hold(f"notebook:{notebook.pk}:rendered", digest)
            Notebook.objects.filter(pk=notebook.pk).update(
                rendered=digest or notebook.rendered,
                rendered_of=notebook.document,
                renderer=RENDERER,
                render_error=error,
            )
            hint([f"notebook:{notebook.pk}"])
        done += 1
    return done


def clean_deleted(engines: Engines, now: datetime) -> int:
    """Remove the workspaces of deleted notebooks whose runs have ended; returns how many."""
    done = 0
    for notebook in Notebook.objects.exclude(deleted_at=None).filter(volume_deleted_at=None)[:20]:
        for launch in notebook.launches.filter(settled_at=None).select_related("run"):
            stop_run(None, launch.run, now=now, message="The notebook was deleted.")
        if notebook.launches.filter(settled_at=None).exists() or notebook.versions.filter(kept_volumes()).exists():
            continue
        try:
            for engine in engines.values():
                engine.delete_volume(volume_of(notebook))
        except EngineError as error:
            log.warning("volume_kept", notebook=notebook.pk, error=str(error))
            continue
        storage.release_under(f"notebook:{notebook.pk}:")
        for version in notebook.versions.all():
            storage.release_under(f"version:{version.pk}:")
        Notebook.objects.filter(pk=notebook.pk).update(volume_deleted_at=now)
        done += 1
    return done
