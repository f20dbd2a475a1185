"""The placement pass: read queue, capacity and allowances, ask the pure planner, write its decisions one by one.

Only one controller does it at a time. Each decision is one transaction of state, devices and claim, so whatever a crash
leaves behind is a correct smaller outcome.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db import IntegrityError, transaction

from studium.compute.models import Accelerator, Allocation, Machine, Run
from studium.compute.placement import plan
from studium.compute.placement.types import (
    Decision,
    Holding,
    MachineCapacity,
    Placement,
    TypicalDurations,
    Wait,
    Waiting,
)
from studium.compute.reconcile.leases import give_back_pass, hold_pass
from studium.compute.states import PLACED, State
from studium.compute.transitions import move
from studium.events.actions import hint
from studium.plans import actions as plan_actions
from studium.plans import queries as plans

MINIMUM_START_SECONDS = 60


def run_pass(holder: str, now: datetime) -> int:
    """One placement pass; returns how many runs were placed."""
    if not Run.objects.filter(state=State.QUEUED).exists() or not hold_pass("placement", holder, now=now):
        return 0
    try:
        rows = Run.objects.filter(state=State.QUEUED).select_related("team", "machine_type")
        queued = list(rows.defer("spec", "usage", "progress", "message"))  # a long queue must stay quick to read
        outcome, standings = decide(queued, now)
        by_id = {run.pk: run for run in queued}
        placed = sum(_apply(by_id[d.run_id], d, standings[by_id[d.run_id].team_id], now) for d in outcome.decisions)
        _note_waits(by_id, outcome.waits, now)
        return placed
    finally:
        give_back_pass("placement", holder)


def decide(queued: list[Run], now: datetime) -> tuple[Placement, dict[int, plans.Standing]]:
    """What the planner says of these queued runs, and each team's standing with its plan."""
    placed = list(Run.objects.filter(state__in=PLACED).select_related("machine_type"))
    devices = {a.accelerator_id: a.run_id for a in Allocation.objects.all()}
    standings = {team.pk: plans.standing(team, now=now) for team in {run.team for run in queued}}
    recent = plans.recent_use(standings.keys(), now=now)
    headroom = _headroom(standings, placed)
    waiting = [_waiting(run, standings[run.team_id], recent.get(run.team_id, 0.0)) for run in queued]
    outcome = plan(
        waiting,
        _capacity(placed, set(devices)),
        _holdings(placed, devices),
        headroom,
        now,
        expected=_typical(queued, now),
    )
    return outcome, standings


def _waiting(run: Run, standing: plans.Standing, recent: float) -> Waiting:
    kind = run.machine_type
    return Waiting(
        run_id=run.pk,
        team_id=str(run.team_id),
        recent_use=recent,
        priority=run.priority,
        submitted_at=run.submitted_at,
        vcpu=kind.vcpu,
        memory_bytes=kind.memory_bytes,
        max_seconds=float(run.max_seconds),
        type_key=kind.slug,
        accelerator_kind=kind.accelerator_kind or None,
        accelerator_count=kind.accelerator_count,
        needs=_needs(run, standing),
    )


def first_hold(run: Run, standing: plans.Standing) -> int:
    """Seconds of allowance a run takes at its start: one slice, or what is left if that still is worth starting."""
    kind = run.machine_type
    devices = max(1, kind.accelerator_count)
    wanted = min(run.max_seconds, plan_actions.SLICE_SECONDS) * devices
    left = standing.left_for(kind.as_spec())
    return wanted if left is None else min(wanted, max(left, MINIMUM_START_SECONDS * devices))


def _needs(run: Run, standing: plans.Standing) -> dict[str, float]:
    needs: dict[str, float] = {f"{run.team_id}:runs": 1}
    if run.interactive:
        needs[f"{run.team_id}:notebooks"] = 1
    kind = run.machine_type
    if standing.rules.windows_for(kind.as_spec().machine_class):
        needs[f"{run.team_id}:{kind.machine_class}"] = first_hold(run, standing)
    return needs


def _headroom(standings: dict[int, plans.Standing], placed: Iterable[Run]) -> dict[str, float]:
    running: dict[str, int] = {}
    for run in placed:
        running[f"{run.team_id}:runs"] = running.get(f"{run.team_id}:runs", 0) + 1
        if run.interactive:
            running[f"{run.team_id}:notebooks"] = running.get(f"{run.team_id}:notebooks", 0) + 1
    room: dict[str, float] = {}
    for team, standing in standings.items():
        for bucket, limit in (("notebooks", standing.rules.running_notebooks), ("runs", standing.rules.running_runs)):
            name = f"{team}:{bucket}"
            room[name] = float("inf") if limit is None else max(0, limit - running.get(name, 0))
        for machine_class in ("cpu", "gpu", "tpu"):
            left = standing.left_in(machine_class)
            room[f"{team}:{machine_class}"] = float("inf") if left is None else left
    return room


def _capacity(placed: Iterable[Run], taken: set[str]) -> list[MachineCapacity]:
    used: dict[str, list[float]] = {}
    for run in placed:
        if run.machine_id:
            held = used.setdefault(run.machine_id, [0.0, 0])
            held[0] += run.machine_type.vcpu
            held[1] += run.machine_type.memory_bytes
    free: dict[str, dict[str, list[str]]] = {}
    for device in Accelerator.objects.filter(gone=False).order_by("index", "id"):
        if device.pk not in taken:
            free.setdefault(device.machine_id, {}).setdefault(device.kind, []).append(device.pk)
    return [
        MachineCapacity(
            name=machine.name,
            free_vcpu=machine.vcpu - used.get(machine.name, [0.0, 0])[0],
            free_memory_bytes=int(machine.memory_bytes - used.get(machine.name, [0, 0])[1]),
            free_devices={kind: tuple(ids) for kind, ids in free.get(machine.name, {}).items()},
            draining=machine.draining,
            simulated=machine.simulated,
        )
        for machine in Machine.objects.filter(gone=False)
    ]


def _holdings(placed: Iterable[Run], devices: dict[str, str]) -> list[Holding]:
    held: dict[str, list[str]] = {}
    for device, run_id in devices.items():
        held.setdefault(run_id, []).append(device)
    found = []
    for run in placed:
        since = run.running_at or run.assigned_at or run.submitted_at
        end = since + timedelta(seconds=run.max_seconds)
        kind = run.machine_type
        found.append(
            Holding(
                run_id=run.pk,
                team_id=str(run.team_id),
                machine=run.machine_id or "",
                vcpu=kind.vcpu,
                memory_bytes=kind.memory_bytes,
                accelerator_kind=kind.accelerator_kind or None,
                devices=tuple(held.get(run.pk, ())),
                max_end=end,
                expected_end=since + (end - since) / 2,
            )
        )
    return found


def _typical(queued: Iterable[Run], now: datetime) -> TypicalDurations:
    """The median length of the last runs of each type that is waited for."""
    known: dict[str, float] = {}
    for slug in {run.machine_type_id for run in queued}:
        last = Run.objects.filter(
            machine_type_id=slug, state=State.ENDED, ended_at__gt=now - timedelta(days=30)
        ).exclude(running_at=None)
        times = last.order_by("-ended_at").values_list("running_at", "ended_at")[:50]
        spans = [(ended - began).total_seconds() for began, ended in times if began and ended]
        if len(spans) >= 5:
            known[slug] = median(spans)
    return TypicalDurations(by_type=known)


def _apply(run: Run, decision: Decision, standing: plans.Standing, now: datetime) -> int:
    kind = run.machine_type
    try:
        with transaction.atomic():
            if not move(run, State.ASSIGNED, now=now, machine_id=decision.machine, wait={}):
                return 0
            Allocation.objects.bulk_create([Allocation(run=run, accelerator_id=device) for device in decision.devices])
            plan_actions.take_claim(
                run.pk,
                run.team,
                user_id=run.user_id,
                machine_type=kind.slug,
                resource=kind.machine_class,
                kind=kind.accelerator_kind or "cpu",
                devices=max(1, kind.accelerator_count),
                price_micros_hour=kind.price_micros_hour,
                hold_seconds=first_hold(run, standing),
                now=now,
            )
    except IntegrityError:  # a device was given away in between: the run stays queued
        return 0
    return 1


def _note_waits(by_id: dict[str, Run], waits: Iterable[Wait], now: datetime) -> None:
    changed = []
    for wait in waits:
        run = by_id[wait.run_id]
        seen = _wait_data(wait, now)
        if _coarse(seen) != _coarse(run.wait):
            run.wait = seen
            changed.append(run)
    if changed:
        Run.objects.bulk_update(changed, ["wait"], batch_size=500)
        with transaction.atomic():
            hint([f"run:{run.pk}" for run in changed[:50]], work=False)


def _wait_data(wait: Wait, now: datetime) -> dict[str, Any]:
    def at(seconds: float | None) -> str | None:
        return None if seconds is None else (now + timedelta(seconds=seconds)).isoformat()

    return {
        "reason": wait.reason,
        "waits_for": wait.waits_for,
        "place": wait.place,
        "expected_at": at(wait.expected_seconds),
        "at_most_at": at(wait.at_most_seconds),
    }


def _coarse(data: dict[str, Any]) -> tuple[object, ...]:
    """What people can see of a wait, to the minute, so that rows are not rewritten each pass."""
    return tuple(value[:16] if isinstance(value, str) else value for _, value in sorted(data.items()))
