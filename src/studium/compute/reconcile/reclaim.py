"""The reclaim pass: keep an ended run's log as a blob, then let the engine forget the run."""

from datetime import datetime

from studium.compute.engines.base import Phase
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.reconcile.leases import each, give_back, lease_due
from studium.compute.states import State
from studium.storage import actions as storage

LOG_LIMIT = 64 * 1024**2


def run_pass(engines: Engines, now: datetime) -> int:
    """Reclaim ended runs that are due; returns how many."""

    def reclaim(run: Run) -> None:
        if run.machine is None:  # it never left the queue
            give_back(run, now=now, after=FOREVER, reclaimed_at=now)
            return
        engine = engines[run.machine.engine]
        if engine.poll(run.pk).phase in (Phase.STARTING, Phase.RUNNING):  # given up on, yet it came up after all
            engine.stop(run.pk, 0.0)
            give_back(run, now=now, after=1)
            return
        content = engine.read_log(run.pk, 0, LOG_LIMIT)
        digest = run.log_digest
        if content:
            digest = storage.put(content, now=now).digest
            storage.hold(f"run:{run.pk}:log", digest)
            # Named before the engine forgets, so a crash between the two loses no log.
            Run.objects.filter(pk=run.pk).update(log_digest=digest)
        engine.reclaim(run.pk)
        give_back(run, now=now, after=FOREVER, reclaimed_at=now)

    return each("reclaim", lease_due([State.ENDED], now=now), now, reclaim)


FOREVER = 100 * 365 * 86400.0
