"""The life of a snapshot. Pure."""

from enum import StrEnum


class SnapshotState(StrEnum):
    """Where a snapshot is. It only moves forward."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


MOVES: dict[SnapshotState, frozenset[SnapshotState]] = {
    SnapshotState.WAITING: frozenset({SnapshotState.READY, SnapshotState.FAILED}),
    SnapshotState.READY: frozenset(),
    SnapshotState.FAILED: frozenset(),
}


def may_move(old: SnapshotState, new: SnapshotState) -> bool:
    """Whether a snapshot in `old` may go to `new`."""
    return new in MOVES[old]
