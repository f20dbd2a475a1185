"""What a dataset says of itself. Pure."""

from enum import StrEnum


class Frequency(StrEnum):
    """How often its maker means to bring a new version."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


class ProfileState(StrEnum):
    """`waiting` for a run to be asked for, `running` from then on, also while the run is in the queue."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


PROFILE_MOVES: dict[ProfileState, frozenset[ProfileState]] = {
    ProfileState.WAITING: frozenset({ProfileState.RUNNING, ProfileState.FAILED}),
    ProfileState.RUNNING: frozenset({ProfileState.READY, ProfileState.FAILED}),
    ProfileState.READY: frozenset({ProfileState.WAITING}),
    ProfileState.FAILED: frozenset({ProfileState.WAITING}),
}
"""From each state, those that may follow."""


# Names of SPDX, which other catalogues know, with what people read. Others are taken as they are written.
LICENCES = {
    "CC0-1.0": "CC0: public domain",
    "CC-BY-4.0": "CC BY 4.0: name the source",
    "CC-BY-SA-4.0": "CC BY-SA 4.0: name the source, share alike",
    "CC-BY-NC-4.0": "CC BY-NC 4.0: name the source, not for money",
    "CC-BY-NC-SA-4.0": "CC BY-NC-SA 4.0: name the source, not for money, share alike",
    "ODbL-1.0": "ODbL: open database, share alike",
    "ODC-By-1.0": "ODC-By: open database, name the source",
    "PDDL-1.0": "PDDL: open database, public domain",
    "Apache-2.0": "Apache 2.0",
    "MIT": "MIT",
    "GPL-3.0-only": "GPL 3",
}
