"""The stop pass: ask the engine to end what is stopping, until it has ended."""

from datetime import datetime, timedelta

from studium.compute.engines.base import Phase
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish, finish_observed
from studium.compute.reconcile.leases import each, give_back, lease_due
from studium.compute.states import Reason, State

GRACE_SECONDS = 10.0
FORCE_AFTER = timedelta(seconds=20)
GONE_AFTER = timedelta(seconds=30)


def run_pass(engines: Engines, now: datetime) -> int:
    """Stop what is to stop; returns how many runs were handled."""

    def stop(run: Run) -> None:
        reason = Reason(run.stop_reason or Reason.CANCELLED)
        if run.machine is None:
            finish(run, reason, now=now, message=run.stop_message)
            return
        engine = engines[run.machine.engine]
        seen = engine.poll(run.pk)
        if seen.phase == Phase.ENDED:
            finish_observed(run, seen, now=now)
            return
        since = run.stopping_at or now
        if seen.phase == Phase.UNKNOWN and (run.starting_at is None or now - since > GONE_AFTER):
            finish(run, reason, now=now, message=run.stop_message)
            return
        engine.stop(run.pk, 0.0 if now - since > FORCE_AFTER else GRACE_SECONDS)
        give_back(run, now=now, after=0.1 if now - since < timedelta(seconds=5) else 1.0)

    return each("stop", lease_due([State.STOPPING], now=now), now, stop)
