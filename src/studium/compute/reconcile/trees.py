"""The trees pass: lays down the inputs of runs that have a machine, so that the start pass never waits for bytes."""

from datetime import datetime, timedelta

import structlog

from studium.compute.actions import spec_of
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import LIVE, Reason, State
from studium.events.actions import hint
from studium.storage import trees

log = structlog.get_logger(__name__)
GIVE_UP_AFTER = timedelta(minutes=15)


def run_pass(now: datetime) -> int:
    """Lay down what assigned runs are to be shown; returns how many runs have theirs now."""
    done = 0
    for run in Run.objects.filter(state=State.ASSIGNED).select_related("team", "user", "machine_type", "machine"):
        wanted = [manifest for manifest in spec_of(run).manifests if not trees.is_down(manifest)]
        if not wanted:
            continue
        try:
            for manifest in wanted:
                trees.lay_down(manifest, now=now)
        except (FileNotFoundError, ValueError, KeyError) as error:
            log.warning("tree_lost", run=run.pk, error=str(error))
            finish(run, Reason.COULD_NOT_START, now=now, message="Files of an input are no longer kept.")
            continue
        except Exception as error:  # a full disk, a store that does not answer: tried again for a while
            log.warning("tree_failed", run=run.pk, error=str(error))
            if run.assigned_at is not None and now - run.assigned_at > GIVE_UP_AFTER:
                finish(run, Reason.FAULT, now=now, message="Its inputs could not be laid down; the log has the cause.")
            continue
        if Run.objects.filter(pk=run.pk, state=State.ASSIGNED, due_at__gt=now).update(due_at=now):
            hint([f"run:{run.pk}"])
        done += 1
    return done


def collect(now: datetime) -> int:
    """Remove trees that no live run is shown and none was for a week; returns how many."""

    def shown(manifest: str) -> bool:
        live = Run.objects.filter(state__in=[state.value for state in LIVE])
        return any(manifest in spec_of(run).manifests for run in live.only("spec").iterator())

    return trees.collect(now, kept=shown)
