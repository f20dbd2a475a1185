"""Who may see a notebook, and the kinds of run one can have. Pure."""

from enum import StrEnum


class Visibility(StrEnum):
    """Who may read: the team's members by default, everybody when public. `team` and `private` differ in listings."""

    PRIVATE = "private"
    TEAM = "team"
    PUBLIC = "public"


class LaunchKind(StrEnum):
    """A session serves JupyterLab; an execution runs all cells and ends."""

    SESSION = "session"
    EXECUTION = "execution"
