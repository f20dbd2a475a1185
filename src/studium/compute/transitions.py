"""The only way a run changes state: compare-and-set with the event in the same transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction

from studium.accounts.models import User
from studium.compute.models import Allocation, Run
from studium.compute.reported import plain_text
from studium.compute.states import ENDINGS, Reason, State, may_move
from studium.events.actions import record

_STAMP = {
    State.ASSIGNED: "assigned_at",
    State.STARTING: "starting_at",
    State.RUNNING: "running_at",
    State.STOPPING: "stopping_at",
    State.ENDED: "ended_at",
}


def move(
    run: Run, to: State, *, now: datetime, actor: User | None = None, lease: str | None = None, **fields: Any
) -> bool:
    """Move `run` from the state it was loaded in to `to`. False when someone else got there first: then nothing changed.

    With `lease`, only while that lease is still held. `fields` are set in the same update. Raises ValueError for a
    move that is not legal: that is a bug, not a race.
    """
    old = State(run.state)
    if not may_move(old, to):
        raise ValueError(f"a run does not go from {old} to {to}")
    stamp = _STAMP.get(to)
    if stamp:
        fields.setdefault(stamp, now)
    fields.setdefault("due_at", now)
    with transaction.atomic():
        rows = Run.objects.filter(pk=run.pk, state=old)
        if lease is not None:
            rows = rows.filter(lease=lease)
        if not rows.update(state=to, failures=0, unknown_since=None, lease="", leased_until=None, **fields):
            return False
        if to in (State.ENDED, State.QUEUED):
            Allocation.objects.filter(run_id=run.pk).delete()
        record(
            f"run.{to}",
            subject=("run", run.pk),
            actor=actor,
            team_id=run.team_id,
            now=now,
            data={
                k: v
                for k, v in {
                    "from": old.value,
                    "reason": fields.get("reason"),
                    "message": fields.get("message"),
                }.items()
                if v
            },
        )
    for name, value in {**fields, "state": to.value}.items():
        setattr(run, name, value)
    return True


def end(
    run: Run,
    reason: Reason,
    *,
    now: datetime,
    actor: User | None = None,
    lease: str | None = None,
    message: str = "",
    exit_code: int | None = None,
    ended_at: datetime | None = None,
) -> bool:
    """Move to ended. The time of ending is clamped between the start of running and `now`, whatever a clock said."""
    at = min(ended_at or now, now)
    if run.running_at is not None:
        at = max(at, run.running_at)
    return move(
        run,
        State.ENDED,
        now=now,
        actor=actor,
        lease=lease,
        reason=reason.value,
        message=plain_text(message) or ENDINGS[reason].title,
        exit_code=exit_code,
        ended_at=at,
        endpoint="",
        wait={},
    )
