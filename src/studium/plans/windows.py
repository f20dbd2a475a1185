"""Allowance windows: their bounds, what was used inside, what is left, and when more comes back.

Pure, whole seconds, UTC throughout, so no hour is ever counted twice or lost to daylight saving.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from studium.lib.units import duration_words
from studium.plans.rules import WEEKDAYS, Window

_WEEK = timedelta(days=7)
_NAMES = {"gpu": "GPU time", "tpu": "TPU time", "accelerator": "accelerator time", "cpu": "CPU time"}


class Entry(Protocol):
    """A stretch of use, as the ledger keeps it: `seconds` are device seconds spread evenly from start to end."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime: ...
    @property
    def seconds(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Comeback:
    """When the next amount comes back, and how much: all of a fixed window, or the oldest stretch of a rolling one."""

    at: datetime
    seconds: int


def window_bounds(window: Window, now: datetime) -> tuple[datetime, datetime]:
    """The window that `now` lies in: start included, end not. A rolling window is the stretch that ends now."""
    if window.kind == "rolling":
        assert window.length_seconds is not None
        return now - timedelta(seconds=window.length_seconds), now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if window.kind == "monthly":
        start = midnight.replace(day=1)
        return start, (start + timedelta(days=32)).replace(day=1)
    hour, minute = (int(part) for part in window.time.split(":"))
    back = (midnight.weekday() - WEEKDAYS.index(window.weekday)) % 7
    start = midnight - timedelta(days=back) + timedelta(hours=hour, minutes=minute)
    if start > now:
        start -= _WEEK
    return start, start + _WEEK


def used_in(window: Window, entries: Iterable[Entry], now: datetime) -> int:
    """Device seconds of these entries that fall into the current window. One that lies partly inside counts partly."""
    start, end = window_bounds(window, now)
    return sum(_inside(entry, start, end) for entry in entries)


def left(window: Window, entries: Iterable[Entry], now: datetime) -> int:
    """Device seconds left in the current window, never below zero."""
    return max(0, window.seconds - used_in(window, entries, now))


def _inside(entry: Entry, start: datetime, end: datetime) -> int:
    if start <= entry.started_at and entry.ended_at <= end:
        return entry.seconds
    whole = entry.ended_at - entry.started_at
    overlap = min(entry.ended_at, end) - max(entry.started_at, start)
    if overlap <= timedelta(0) or whole <= timedelta(0):
        return 0
    return entry.seconds * (overlap // timedelta(microseconds=1)) // (whole // timedelta(microseconds=1))


def next_comeback(window: Window, entries: Iterable[Entry], now: datetime) -> Comeback | None:
    """When some of what was used comes back. None when nothing was used in the window."""
    known = list(entries)
    if window.kind != "rolling":
        used = used_in(window, known, now)
        return Comeback(at=window_bounds(window, now)[1], seconds=used) if used else None
    start, end = window_bounds(window, now)
    length = end - start
    inside = [(entry, amount) for entry in known if (amount := _inside(entry, start, end))]
    if not inside:
        return None
    # A stretch comes back as slowly as it was used: it is back in full one length after its end.
    entry, amount = min(inside, key=lambda pair: (pair[0].ended_at, pair[0].started_at))
    return Comeback(at=entry.ended_at + length, seconds=amount)


def reset_words(window: Window, entries: Iterable[Entry], now: datetime) -> str:
    """When more may be used: `resets on Saturday 14 March at 00:00 UTC, in 2 d 3 h`."""
    if window.kind != "rolling":
        end = window_bounds(window, now)[1]
        return f"resets on {moment_words(end)}, in {duration_words((end - now).total_seconds())}"
    back = next_comeback(window, entries, now)
    length = duration_words((now - window_bounds(window, now)[0]).total_seconds())
    if back is None:
        return f"counts the last {length}"
    return f"counts the last {length}; {duration_words(back.seconds)} of it are back by {moment_words(back.at)}"


def moment_words(at: datetime) -> str:
    """`Saturday 14 March at 00:00 UTC`."""
    return f"{at:%A} {at.day} {at:%B} at {at:%H:%M} UTC"


def window_words(window: Window) -> str:
    """The window as a plan's line: `30 h of GPU time a week, from Saturday 00:00 UTC`."""
    amount = f"{_hours(window.seconds)} of {_NAMES[window.resource]}"
    if window.kind == "rolling":
        return f"{amount} in any {duration_words(window.length_seconds or 0)}"
    if window.kind == "monthly":
        return f"{amount} a month"
    return f"{amount} a week, from {window.weekday.capitalize()} {window.time} UTC"


def resource_words(window: Window) -> str:
    """`GPU time`."""
    return _NAMES[window.resource]


def _hours(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else duration_words(seconds)
