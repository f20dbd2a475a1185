"""The life of a run: few states, many end reasons. Pure; every reason is mapped, every pair of states is decided."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a run is. It only moves forward."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.ASSIGNED, State.ENDED}),
    # Back to the queue: the machine was drained or vanished before the engine was asked.
    State.ASSIGNED: frozenset({State.STARTING, State.QUEUED, State.STOPPING, State.ENDED}),
    State.STARTING: frozenset({State.RUNNING, State.STOPPING, State.ENDED}),
    State.RUNNING: frozenset({State.STOPPING, State.ENDED}),
    State.STOPPING: frozenset({State.ENDED}),
    State.ENDED: frozenset(),
}

WAITING = (State.QUEUED,)
PLACED = (State.ASSIGNED, State.STARTING, State.RUNNING, State.STOPPING)
LIVE = (*WAITING, *PLACED)


class Reason(StrEnum):
    """Why a run ended."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIME_LIMIT = "time_limit"
    IDLE = "idle"
    QUOTA = "quota"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    LOST = "lost"
    COULD_NOT_START = "could_not_start"
    PREEMPTED = "preempted"
    FAULT = "fault"
    OWNER_INACTIVE = "owner_inactive"


class Outcome(StrEnum):
    """How an ending counts."""

    GOOD = "good"
    NEUTRAL = "neutral"
    BAD = "bad"


class Retry(StrEnum):
    """Whether running the same again can help."""

    NEVER = "never"
    SAME = "same"
    AFTER_CHANGE = "after_change"


@dataclass(frozen=True)
class Ending:
    """What a reason means: for statistics, for schedulers of retries, and in words for people."""

    outcome: Outcome
    retry: Retry
    title: str
    advice: str


ENDINGS: dict[Reason, Ending] = {
    Reason.FINISHED: Ending(Outcome.GOOD, Retry.NEVER, "Finished", ""),
    Reason.FAILED: Ending(
        Outcome.BAD, Retry.AFTER_CHANGE, "Failed", "Read the log, mend the cell that failed, run again."
    ),
    Reason.CANCELLED: Ending(Outcome.NEUTRAL, Retry.SAME, "Stopped", ""),
    Reason.TIME_LIMIT: Ending(
        Outcome.NEUTRAL, Retry.SAME, "Time limit reached", "Everything in the workspace was kept. Start again to go on."
    ),
    Reason.IDLE: Ending(
        Outcome.NEUTRAL,
        Retry.SAME,
        "Stopped because nothing was running",
        "Everything in the workspace was kept. Start again to go on.",
    ),
    Reason.QUOTA: Ending(
        Outcome.NEUTRAL,
        Retry.SAME,
        "Allowance used up",
        "Use a machine type with allowance left, or wait for the next window; the usage page shows when.",
    ),
    Reason.OUT_OF_MEMORY: Ending(
        Outcome.BAD,
        Retry.AFTER_CHANGE,
        "Out of memory",
        "Choose a machine with more memory, or read the data in parts.",
    ),
    Reason.DISK_FULL: Ending(
        Outcome.BAD,
        Retry.AFTER_CHANGE,
        "Workspace disk full",
        "Delete files you no longer need from the workspace, then start again.",
    ),
    Reason.LOST: Ending(
        Outcome.BAD, Retry.SAME, "Lost", "The machine went away. What had been saved is kept; start again."
    ),
    Reason.COULD_NOT_START: Ending(
        Outcome.BAD,
        Retry.SAME,
        "Could not start",
        "Try again; if it stays so, an administrator finds the cause with `studium doctor`.",
    ),
    Reason.PREEMPTED: Ending(
        Outcome.NEUTRAL, Retry.SAME, "Made way for another run", "Start again; it goes to the queue."
    ),
    Reason.FAULT: Ending(
        Outcome.BAD,
        Retry.SAME,
        "Platform fault",
        "This is not your doing. Start again; an administrator sees the cause in the events.",
    ),
    Reason.OWNER_INACTIVE: Ending(Outcome.NEUTRAL, Retry.NEVER, "Account deactivated", "Ask an administrator."),
}


def may_move(old: State, new: State) -> bool:
    """Whether a run in `old` may go to `new`."""
    return new in MOVES[old]
