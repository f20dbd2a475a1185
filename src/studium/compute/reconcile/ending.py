"""How runs end: the engine's cause becomes a reason in words, and the claim is settled in the same transaction."""

from datetime import UTC, datetime

from django.db import transaction

from studium.compute.engines.base import Cause, Observation
from studium.compute.models import Run
from studium.compute.reported import plain_report
from studium.compute.states import Reason, State
from studium.compute.transitions import end
from studium.lib.units import size_words
from studium.plans import actions as plans


def finish(
    run: Run,
    reason: Reason,
    *,
    now: datetime,
    message: str = "",
    exit_code: int | None = None,
    ended_at: datetime | None = None,
) -> bool:
    """End a run and settle its claim, both or neither. False if someone else ended it first."""
    with transaction.atomic():
        if not end(run, reason, now=now, message=message, exit_code=exit_code, ended_at=ended_at):
            return False
        plans.settle(run.pk, until=run.ended_at if run.running_at else None, now=now)
    return True


def finish_observed(run: Run, seen: Observation, *, now: datetime) -> bool:
    """End a run as the engine saw it end. A run that ended before it was seen running is charged for what it ran."""
    reason, message = reason_of(run, seen)
    ended_at = datetime.fromtimestamp(seen.ended_at, UTC) if seen.ended_at else now
    with transaction.atomic():
        ran = State(run.state) == State.STARTING and seen.started_at and seen.cause != Cause.COULD_NOT_START
        if ran and run.running_at is None:
            started = min(datetime.fromtimestamp(seen.started_at or 0, UTC), ended_at, now)
            Run.objects.filter(pk=run.pk).update(running_at=started)
            run.running_at = started
            plans.begin_charging(run.pk, since=started)
        Run.objects.filter(pk=run.pk).update(
            usage=usage_data(seen), progress=plain_report(seen.progress) or run.progress
        )
        return finish(run, reason, now=now, message=message, exit_code=seen.exit_code, ended_at=ended_at)


def reason_of(run: Run, seen: Observation) -> tuple[Reason, str]:
    """The end reason and its sentence for what the engine saw."""
    cause = seen.cause or Cause.VANISHED
    if run.stop_reason and cause in (Cause.STOPPED, Cause.EXIT, Cause.VANISHED):
        return Reason(run.stop_reason), run.stop_message
    if cause == Cause.OUT_OF_MEMORY:
        limit = size_words(run.machine_type.memory_bytes)
        return Reason.OUT_OF_MEMORY, f"Out of memory: it needed more than the {limit} of {run.machine_type.label}."
    if cause == Cause.DISK_FULL:
        return Reason.DISK_FULL, seen.message or "The workspace disk is full."
    if cause == Cause.COULD_NOT_START:
        return Reason.COULD_NOT_START, seen.message or "The sandbox could not be started."
    if cause == Cause.VANISHED:
        return Reason.LOST, seen.message or "The run's processes vanished without a word."
    if cause == Cause.STOPPED:
        return Reason.CANCELLED, "Stopped."
    if seen.exit_code == 0:
        return Reason.FINISHED, "Finished."
    return Reason.FAILED, _failure_words(run, seen)


def _failure_words(run: Run, seen: Observation) -> str:
    report = plain_report(seen.progress) or {}
    error = report.get("error")
    if not isinstance(error, dict):
        return f"The command ended with exit code {seen.exit_code}."
    # No cell is to blame for a missing kernel.
    place = f"Cell {error['cell']} failed: " if error.get("cell") else ""
    return f"{place}{error.get('name')}: {error.get('message')}"[:500] + _others_words(report)


def _others_words(report: dict[str, object]) -> str:
    """What else failed in a run that was to go on after a failure."""
    count = report.get("failed_cells")
    others = count - 1 if isinstance(count, int) and 0 < count < 1_000_000 else 0
    through = report.get("through") is True
    if not others:
        return " (it went on: all other cells were run)" if through else ""
    cells = f"{others} cell{'s' if others > 1 else ''}"
    return f" (it went on: {cells} {'after' if through else 'before'} it failed too)"


def usage_data(seen: Observation) -> dict[str, object]:
    """Usage as stored on the row and shown in pages."""
    use = seen.usage
    return {
        "cpu_seconds": round(use.cpu_seconds, 2),
        "cpu_cores": round(use.cpu_cores, 2),
        "memory_bytes": use.memory_bytes,
        "memory_peak_bytes": use.memory_peak_bytes,
        "disk_bytes": use.disk_bytes,
        "disk_total_bytes": use.disk_total_bytes,
        "pids": use.pids,
        "accelerators": [
            {
                "id": a.id,
                "utilisation": a.utilisation,
                "memory_used_bytes": a.memory_used_bytes,
                "memory_total_bytes": a.memory_total_bytes,
            }
            for a in use.accelerators
        ],
    }
