"""The course of a run: when it entered each state and how long it stayed, as bars of a small picture. Pure."""

from dataclasses import dataclass
from datetime import datetime

from studium.compute.models import Run
from studium.compute.states import State

_STEPS = (
    (State.QUEUED, "submitted_at", "In queue"),
    (State.ASSIGNED, "assigned_at", "Machine taken"),
    (State.STARTING, "starting_at", "Starting"),
    (State.RUNNING, "running_at", "Running"),
    (State.STOPPING, "stopping_at", "Stopping"),
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One state on the way. `x` and `width` are per mille of the whole course; `now` marks the state it is in."""

    words: str
    state: str
    at: datetime
    seconds: float
    x: int
    width: int
    now: bool


def timeline(run: Run, *, now: datetime) -> list[Step]:
    """The states it has been in, in order. A clock that jumped back shows as no time, never as negative time."""
    entered = [(state, getattr(run, field), words) for state, field, words in _STEPS if getattr(run, field) is not None]
    end = run.ended_at or now
    whole = max(1.0, (end - run.submitted_at).total_seconds())
    steps = []
    for number, (state, at, words) in enumerate(entered):
        until = entered[number + 1][1] if number + 1 < len(entered) else end
        seconds = max(0.0, (until - at).total_seconds())
        begin = min(1000, max(0, int(1000 * (at - run.submitted_at).total_seconds() / whole)))
        steps.append(
            Step(
                words=words,
                state=state.value,
                at=at,
                seconds=seconds,
                x=begin,
                width=max(3, int(1000 * seconds / whole)),
                now=State(run.state) == state,
            )
        )
    return steps
