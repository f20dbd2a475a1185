"""Who may see a notebook, and the kinds of run one can have. Pure."""

from enum import StrEnum


class Visibility(StrEnum):
    """Who may read: the team's members by default, everybody when public. `team` and `private` differ in listings."""

    PRIVATE = "private"
    TEAM = "team"
    PUBLIC = "public"


class LaunchKind(StrEnum):
    """A session serves JupyterLab; an execution runs all cells in the notebook's workspace; a version runs them in a
    fresh one of its own, beside whatever else runs."""

    SESSION = "session"
    EXECUTION = "execution"
    VERSION = "version"


# What a person may start of a notebook as such; a version is saved, which starts its run.
STARTED = (LaunchKind.SESSION, LaunchKind.EXECUTION)


class VersionKind(StrEnum):
    """The notebook as it was, or what running all of it gave."""

    QUICK = "quick"
    RUN = "run"
