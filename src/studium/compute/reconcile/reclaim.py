"""The reclaim pass: keep an ended run's log and what it used over its life as blobs, then let the engine forget the run."""

import json
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
        # Both are named before the engine forgets, so a crash between the two loses nothing.
        if content := engine.read_log(run.pk, 0, LOG_LIMIT):
            Run.objects.filter(pk=run.pk).update(log_digest=_kept(run, "log", content, now))
        if series := engine.read_series(run.pk):
            content = json.dumps(series, separators=(",", ":")).encode()
            Run.objects.filter(pk=run.pk).update(series_digest=_kept(run, "series", content, now))
        engine.reclaim(run.pk)
        give_back(run, now=now, after=FOREVER, reclaimed_at=now)

    return each("reclaim", lease_due([State.ENDED], now=now), now, reclaim)


def _kept(run: Run, what: str, content: bytes, now: datetime) -> str:
    digest = storage.put(content, now=now).digest
    storage.hold(f"run:{run.pk}:{what}", digest)
    return digest


FOREVER = 100 * 365 * 86400.0
