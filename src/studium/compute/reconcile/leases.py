"""How passes share work: a run row is leased to one controller for a while, a whole pass by a row of its name.

A lease that was left behind by a dead controller simply runs out. Every write of a pass is guarded by its lease.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q

from studium.compute.models import PassLease, Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import Reason, State
from studium.lib.ids import new_id

log = structlog.get_logger(__name__)
RUN_LEASE = timedelta(seconds=30)
# A run that cannot be started for a fault of ours ends with words after about two minutes; one that runs is never given up.
GIVE_UP_STARTING = 6
_BACKOFF = (1, 2, 5, 10, 30, 60, 120, 300)


def lease_due(states: Iterable[State], *, now: datetime, limit: int = 50) -> list[Run]:
    """Runs in these states that are due and nobody's, oldest due first, now leased to the caller (token in `run.lease`)."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Run.objects.filter(free, state__in=[s.value for s in states], due_at__lte=now).order_by("due_at")
    token = new_id(20)
    with transaction.atomic():
        ids = list(due.values_list("pk", flat=True)[:limit])
        if not ids:
            return []
        Run.objects.filter(free, pk__in=ids, state__in=[s.value for s in states]).update(
            lease=token, leased_until=now + RUN_LEASE
        )
    return list(
        Run.objects.filter(lease=token).select_related("team", "user", "machine_type", "machine").order_by("due_at")
    )


def give_back(run: Run, *, now: datetime, after: float, **fields: object) -> bool:
    """Note what was seen and be asked again in `after` seconds. False if the lease was lost: then nothing is written."""
    return bool(
        Run.objects.filter(pk=run.pk, lease=run.lease, state=run.state).update(
            lease="", leased_until=None, due_at=now + timedelta(seconds=after), failures=0, **fields
        )
    )


def each(name: str, runs: Iterable[Run], now: datetime, work: Callable[[Run], None]) -> int:
    """Do `work` for each run. One that crashes is pushed forward, longer each time, and reported; the others go on."""
    done = 0
    for run in runs:
        structlog.contextvars.bind_contextvars(run=run.pk)
        try:
            work(run)
            done += 1
        except Exception:
            delay = _BACKOFF[min(run.failures, len(_BACKOFF) - 1)]
            log.exception("pass_failed", pass_name=name, retry_in=delay)
            try:
                if run.failures >= GIVE_UP_STARTING and State(run.state) in (State.ASSIGNED, State.STARTING):
                    finish(
                        run, Reason.FAULT, now=now, message="The platform could not start it; the log has the cause."
                    )
                    continue
                Run.objects.filter(pk=run.pk, lease=run.lease).update(
                    lease="", leased_until=None, failures=run.failures + 1, due_at=now + timedelta(seconds=delay)
                )
            except DatabaseError:
                log.exception("pass_pushback_failed", pass_name=name)
        finally:
            structlog.contextvars.unbind_contextvars("run")
    return done


def hold_pass(name: str, holder: str, *, now: datetime, seconds: float = 30) -> bool:
    """Whether `holder` may do the pass `name` now; it keeps others out until the lease runs out or is given back."""
    PassLease.objects.get_or_create(name=name)
    return bool(
        PassLease.objects.filter(Q(until=None) | Q(until__lt=now) | Q(holder=holder), name=name).update(
            holder=holder, until=now + timedelta(seconds=seconds)
        )
    )


def give_back_pass(name: str, holder: str) -> None:
    PassLease.objects.filter(name=name, holder=holder).update(holder="", until=None)
