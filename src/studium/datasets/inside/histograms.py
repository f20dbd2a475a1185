"""The bars of a histogram: twenty of the same width from the least to the greatest value."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from column_types import Column

BINS = 20
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Bars:
    """`measured` is SQL for a number, `edges` stand in numbers; a bar has what is above its lower and up to its upper edge."""

    measured: str
    edges: list[float]
    names: list[Any]

    @property
    def ends(self) -> str:
        return "[" + ", ".join(map(repr, self.edges[1:])) + "]"

    def told(self, counts: list[int] | None) -> dict[str, Any] | None:
        """None where edges fell together, as they do in a very narrow range far from zero."""
        if not counts or len(set(self.edges)) != BINS + 1:
            return None
        return {"edges": self.names, "counts": counts[:BINS]}


def bars(column: Column, found: dict[str, Any]) -> Bars | None:
    """For numbers and times that differ."""
    if column.type in ("integer", "number"):
        measured, low, high = f"{column.value}::DOUBLE", found["min"], found["max"]
    elif column.type in ("timestamp", "date"):
        measured, low, high = f"epoch({column.value})", found["low"], found["high"]
    else:
        return None
    if low is None or high is None or not low < high:
        return None
    low, high = float(low), float(high)
    # The difference of the two itself need not be finite.
    inner = [low * (1 - number / BINS) + high * (number / BINS) for number in range(1, BINS)]
    edges = [low, *inner, high]
    if not all(map(math.isfinite, edges)):
        return None
    names: list[Any] = edges
    if column.type in ("timestamp", "date"):
        try:
            names = [_time(edge) for edge in edges]
        except OverflowError:  # a year that no calendar of ours has
            return None
    return Bars(measured, edges, names)


def _time(seconds: float) -> str:
    return (_BEGINNING + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
