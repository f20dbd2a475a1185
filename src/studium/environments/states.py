"""Words of environments: the life of a build, and what a build is made from. Pure."""

from enum import StrEnum


class BuildState(StrEnum):
    """`collected` is a ready one whose files were removed because nobody used it; its lock is kept, so it can come back."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    COLLECTED = "collected"


MOVES: dict[BuildState, frozenset[BuildState]] = {
    BuildState.BUILDING: frozenset({BuildState.READY, BuildState.FAILED, BuildState.COLLECTED}),
    BuildState.READY: frozenset({BuildState.COLLECTED}),
    BuildState.FAILED: frozenset(),
    BuildState.COLLECTED: frozenset({BuildState.BUILDING}),
}
"""From each state, those that may follow. Building again what was collected and failing leaves it collected."""


def may_move(before: BuildState, after: BuildState) -> bool:
    return after in MOVES[before]


class SourceKind(StrEnum):
    """What a build is resolved from. `packages` is the form's: a requirement a line."""

    REQUIREMENTS = "requirements"
    PYPROJECT = "pyproject"
    PACKAGES = "packages"


SOURCE_BYTES = 64 * 1024
MOST_IN_A_TEAM = 50
MOST_PACKAGES = 500
