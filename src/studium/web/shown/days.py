"""A row of days as bars of a small picture. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

_HEIGHT = 40
_STEP = 8


@dataclass(frozen=True)
class Bar:
    """One day: the place of its bar in the picture and what it stands for."""

    day: date
    seconds: int
    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Days:
    """The bars of one resource; `width` is the picture's."""

    label: str
    bars: list[Bar]
    total: int
    width: int


def days_of(label: str, used: dict[date, int], *, until: date, count: int) -> Days:
    """The last `count` days up to `until`. The tallest bar is the busiest day."""
    most = max(used.values(), default=0) or 1
    bars = []
    for number in range(count):
        day = until - timedelta(days=count - 1 - number)
        seconds = used.get(day, 0)
        height = round(_HEIGHT * seconds / most, 1)
        bars.append(Bar(day, seconds, number * _STEP, _HEIGHT - height, height))
    return Days(label, bars, sum(bar.seconds for bar in bars), count * _STEP)
