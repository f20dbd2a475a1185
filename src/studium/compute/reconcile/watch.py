"""The watch pass: look at what is starting and running, charge it, and keep its limits.

Limits are enforced here while a run runs: session length, idle time and allowance, each warned of at five minutes and
at one. Unknown is not gone: only time and the machine's own sign of life make a run lost.
"""

import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.db import transaction

from studium.compute import actions
from studium.compute.engines.base import Observation, Phase
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish, finish_observed, usage_data
from studium.compute.reconcile.leases import each, give_back, lease_due
from studium.compute.reconcile.start import ask
from studium.compute.reported import plain_report, plain_text
from studium.compute.states import Reason, State
from studium.compute.transitions import move
from studium.events.actions import hint, record
from studium.plans import actions as plan_actions
from studium.plans import queries as plans
from studium.plans.checks import session_ends_after

POLL_STARTING = 0.05
POLL_RUNNING = 2.0
START_PATIENCE = timedelta(seconds=120)
LOST_AFTER = timedelta(seconds=90)
WARN_AT = (300, 60)


class Told:
    """The runs that runners said something of, from one thread to the next look of the pass."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def add(self, run_id: str) -> None:
        with self._lock:
            self._ids.add(run_id)

    def take(self) -> set[str]:
        with self._lock:
            taken, self._ids = self._ids, set()
        return taken


def run_pass(engines: Engines, now: datetime, told: Collection[str] = ()) -> int:
    """Look at every due run, and at those that were `told` of, due or not; returns how many were handled."""
    if told:
        Run.objects.filter(pk__in=told, state__in=[State.STARTING, State.RUNNING]).update(due_at=now)

    def watch(run: Run) -> None:
        assert run.machine is not None
        seen = engines[run.machine.engine].poll(run.pk)
        if seen.phase == Phase.ENDED:
            finish_observed(run, seen, now=now)
        elif seen.phase == Phase.UNKNOWN:
            _unknown(engines, run, now)
        elif State(run.state) == State.STARTING:
            _starting(engines, run, seen, now)
        else:
            _running(run, seen, now)

    return each("watch", lease_due([State.STARTING, State.RUNNING], now=now), now, watch)


def _unknown(engines: Engines, run: Run, now: datetime) -> None:
    since = run.unknown_since or now
    if State(run.state) == State.STARTING and now - since < LOST_AFTER:
        ask(engines, run, now)  # the controller may have died between its word and its deed; starting twice starts once
        give_back(run, now=now, after=1, unknown_since=since)
        return
    machine_alive = run.machine is not None and not run.machine.gone and run.machine.seen_at > since
    if now - since >= LOST_AFTER and (machine_alive or now - since >= LOST_AFTER * 4):
        finish(run, Reason.LOST, now=now, message="The machine no longer knows of this run.")
        return
    give_back(run, now=now, after=5, unknown_since=since)


def _starting(engines: Engines, run: Run, seen: Observation, now: datetime) -> None:
    if seen.phase == Phase.RUNNING:
        assert run.machine is not None
        endpoint = engines[run.machine.engine].endpoint(run.pk)
        with transaction.atomic():
            if move(
                run,
                State.RUNNING,
                now=now,
                lease=run.lease,
                endpoint=endpoint.socket if endpoint else "",
                active_at=now,
                usage=usage_data(seen),
            ):
                plan_actions.begin_charging(run.pk, since=now)
        return
    if run.starting_at is not None and now - run.starting_at > START_PATIENCE:
        actions.stop_run(
            None, run, now=now, reason=Reason.COULD_NOT_START, message="It was not ready within two minutes."
        )
        return
    give_back(run, now=now, after=POLL_STARTING)


def _running(run: Run, seen: Observation, now: datetime) -> None:
    active = _active_at(run, seen, now)
    run.active_at = active
    run.quota_deadline = _charge_and_hold(run, now)
    ending = _limit_reached(run, now)
    if ending is not None:
        reason, words = ending
        actions.stop_run(None, run, now=now, reason=reason, message=words)
        return
    with transaction.atomic():
        warned = _warn(run, now)
        give_back(
            run,
            now=now,
            after=POLL_RUNNING,
            usage=usage_data(seen),
            progress=plain_report(seen.progress) or run.progress,
            active_at=active,
            active_what=plain_text(seen.activity.what) if seen.activity.busy else run.active_what,
            quota_deadline=run.quota_deadline,
            warned=warned,
            unknown_since=None,
        )
        hint([f"run:{run.pk}"], work=False)


def _active_at(run: Run, seen: Observation, now: datetime) -> datetime:
    """The last moment it was at work: now if busy, else the latest of what the engine and the edge saw."""
    known = [run.active_at, run.running_at]
    if seen.activity.busy:
        known.append(now)
    elif seen.activity.last_busy_at:
        known.append(min(now, datetime.fromtimestamp(seen.activity.last_busy_at, UTC)))
    # The edge may have noted a cell in the meantime.
    known.append(Run.objects.values_list("active_at", flat=True).get(pk=run.pk))
    return max(moment for moment in known if moment is not None)


def _charge_and_hold(run: Run, now: datetime) -> datetime | None:
    """Enter the time since the last charge and keep the hold ahead of it. When the allowance will be used up, or None."""
    standing = plans.standing(run.team, now=now)
    claim = plans.claim_of(run.pk)
    if claim is None or claim.running_since is None:
        return None
    if claim.charged_until is None or now - claim.charged_until >= timedelta(seconds=30):
        plan_actions.charge(run.pk, until=now)
    if not standing.rules.windows_for(run.machine_type.as_spec().machine_class):
        return None
    used = int((now - claim.running_since).total_seconds()) * claim.devices
    ahead = claim.hold_seconds - used
    if ahead < WARN_AT[0] * 2 * claim.devices:
        left = standing.left_for(run.machine_type.as_spec()) or 0
        more = min(left, plan_actions.SLICE_SECONDS * claim.devices)
        if more > 0:
            plan_actions.top_up(run.pk, claim.hold_seconds + more)
            ahead += more
    still_free = plans.standing(run.team, now=now).left_for(run.machine_type.as_spec()) or 0
    ends_after = session_ends_after(standing.rules, ahead + still_free, claim.devices)
    return None if ends_after is None else now + timedelta(seconds=ends_after)


def _limit_reached(run: Run, now: datetime) -> tuple[Reason, str] | None:
    limit = actions.time_deadline(run)
    if limit is not None and now >= limit:
        return Reason.TIME_LIMIT, "The session reached its longest time."
    if run.quota_deadline is not None and now >= run.quota_deadline:
        return Reason.QUOTA, f"The team's {run.machine_type.machine_class.upper()} allowance is used up."
    idle = actions.idle_deadline(run)
    if idle is not None and now >= idle:
        return Reason.IDLE, f"Nothing ran for {(run.idle_seconds or 0) // 60} minutes."
    return None


def _warn(run: Run, now: datetime) -> list[str]:
    """Say once that an end is near, at five minutes and at one; activity or an extension starts the warnings again."""
    ends = {"time": actions.time_deadline(run), "idle": actions.idle_deadline(run), "quota": run.quota_deadline}
    warned = []
    for kind, at in ends.items():
        if at is None:
            continue
        for mark in WARN_AT:
            if (at - now).total_seconds() <= mark:
                warned.append(f"{kind}:{mark}")
                if f"{kind}:{mark}" not in run.warned:
                    left = int((at - now).total_seconds())
                    record(
                        "run.warning",
                        subject=("run", run.pk),
                        team_id=run.team_id,
                        now=now,
                        data={"kind": kind, "seconds_left": left},
                    )
    return warned
