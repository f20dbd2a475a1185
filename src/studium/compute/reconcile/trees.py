"""The trees pass: lays down the inputs of runs that have a machine, so that the start pass never waits for bytes.

Runs that go on while their inputs change are shown the new ones here.
"""

from datetime import datetime, timedelta

import structlog

from studium.compute.actions import spec_of
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish
from studium.compute.reconcile.start import mounts_of
from studium.compute.states import LIVE, Reason, State
from studium.events.actions import hint
from studium.storage import trees
from studium.storage.errors import in_words

log = structlog.get_logger(__name__)
GIVE_UP_AFTER = timedelta(minutes=15)


def run_pass(engines: Engines, now: datetime) -> int:
    """Lay down what runs are to be shown; returns how many have theirs now."""
    return _of_assigned(now) + _of_running(engines, now)


def _of_assigned(now: datetime) -> int:
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
                finish(run, Reason.FAULT, now=now, message=_why(error))
            continue
        if Run.objects.filter(pk=run.pk, state=State.ASSIGNED, due_at__gt=now).update(due_at=now):
            hint([f"run:{run.pk}"])
        done += 1
    return done


def _why(error: Exception) -> str:
    said = in_words(error)
    if said is None:
        return "Its inputs could not be laid down; the log has the cause."
    return f"Its inputs could not be laid down. {said.message} {said.next_step}"


def _of_running(engines: Engines, now: datetime) -> int:
    """Show running runs the inputs that were changed meanwhile. Asking again, after a crash or by another, changes nothing."""
    done = 0
    changed = Run.objects.filter(state=State.RUNNING, trees_changed_at__isnull=False, trees_changed_at__lte=now)
    for run in changed.select_related("machine"):
        assert run.machine is not None
        spec = spec_of(run)
        trouble, over = "", True
        try:
            for manifest in spec.manifests:
                if not trees.is_down(manifest):
                    trees.lay_down(manifest, now=now)
                trees.note_use(manifest, now=now)
            engines[run.machine.engine].show(run.pk, mounts_of(spec))
            done += 1
        except (FileNotFoundError, ValueError, KeyError) as error:
            log.warning("tree_lost", run=run.pk, error=str(error))
            trouble = "Files of an input are no longer kept."
        except Exception as error:  # a full disk, a store or a runner that does not answer: tried again for a while
            log.warning("tree_not_shown", run=run.pk, error=str(error))
            said = in_words(error)
            trouble = f"The inputs could not be shown: {said.message if said else f'{error}.'}"[:300]
            over = now - (run.trees_changed_at or now) > GIVE_UP_AFTER
        # Changed once more meanwhile: then it is looked at again.
        same = Run.objects.filter(pk=run.pk, trees_changed_at=run.trees_changed_at)
        same.update(trees_trouble=trouble, **({"trees_changed_at": None} if over else {}))
        if over or trouble != run.trees_trouble:
            hint([f"run:{run.pk}"], work=False)
    return done


def collect(now: datetime) -> int:
    """Remove trees that no live run is shown and none was for a week; returns how many."""

    def shown(manifest: str) -> bool:
        live = Run.objects.filter(state__in=[state.value for state in LIVE])
        return any(manifest in spec_of(run).manifests for run in live.only("spec").iterator())

    return trees.collect(now, kept=shown)
