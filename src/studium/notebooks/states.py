"""Who may see a notebook, and the kinds of run one can have. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from studium.accounts.states import SharedRole, Visibility

__all__ = ["SharedRole", "Visibility"]

SHARED_ROLE_WORDS = {
    SharedRole.READER: "Read the notebook and its versions, and copy it",
    SharedRole.EDITOR: "Change it and run it, on the allowance of its team",
}


class LaunchKind(StrEnum):
    """A session serves JupyterLab; an execution runs all cells in the notebook's workspace; a version runs them in a
    fresh one of its own, beside whatever else runs; a git run clones, pulls or pushes the workspace."""

    SESSION = "session"
    EXECUTION = "execution"
    VERSION = "version"
    GIT = "git"


# What a person may start of a notebook as such; a version is saved, which starts its run.
STARTED = (LaunchKind.SESSION, LaunchKind.EXECUTION)
# Those whose ends are taken over by passes of their own.
SETTLED_APART = (LaunchKind.VERSION, LaunchKind.GIT)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How all cells of a notebook are run: the longest that one of them may take, and whether an error ends the run."""

    cell_seconds: int | None = None
    keep_going: bool = False


class VersionKind(StrEnum):
    """The notebook as it was, or what running all of it gave."""

    QUICK = "quick"
    RUN = "run"


class Missed(StrEnum):
    """What becomes of times at which the platform was down: none is made up for, the last one, or every one."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """What happens when a time comes while the run of the one before still goes on."""

    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"


class Notify(StrEnum):
    """When the person who made the schedule is sent an e-mail."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class TurnState(StrEnum):
    """One time of a schedule: `due` until its version is queued, then `running` until that has ended for good."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


TURN_MOVES: dict[TurnState, frozenset[TurnState]] = {
    TurnState.DUE: frozenset({TurnState.RUNNING, TurnState.SKIPPED, TurnState.FAILED}),
    # A retry goes back to due.
    TurnState.RUNNING: frozenset({TurnState.DONE, TurnState.FAILED, TurnState.DUE}),
    TurnState.DONE: frozenset(),
    TurnState.FAILED: frozenset(),
    TurnState.SKIPPED: frozenset(),
}
TURN_LIVE = (TurnState.DUE, TurnState.RUNNING)
