"""Windows at their exact boundaries: weeks, months, rolling stretches, and what lies partly inside."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from studium.plans.rules import Window
from studium.plans.windows import left, next_comeback, reset_words, used_in, window_bounds, window_words

HOUR = 3600
SATURDAY = datetime(2026, 3, 14, tzinfo=UTC)
WEEK = Window(resource="gpu", seconds=30 * HOUR, kind="weekly", weekday="saturday", time="00:00")
NOON = Window(resource="gpu", seconds=30 * HOUR, kind="weekly", weekday="wednesday", time="12:30")
MONTH = Window(resource="accelerator", seconds=100 * HOUR, kind="monthly")
ROLLING = Window(resource="gpu", seconds=10 * HOUR, kind="rolling", length_seconds=24 * HOUR)


@dataclass(frozen=True)
class Entry:
    started_at: datetime
    ended_at: datetime
    seconds: int


def entry(start: datetime, hours: float, devices: int = 1) -> Entry:
    return Entry(start, start + timedelta(hours=hours), int(hours * HOUR) * devices)


BOUNDS = [
    (WEEK, SATURDAY, SATURDAY), (WEEK, SATURDAY - timedelta(microseconds=1), SATURDAY - timedelta(days=7)),
    (WEEK, SATURDAY + timedelta(days=6, hours=23, minutes=59, seconds=59), SATURDAY),
    (WEEK, SATURDAY + timedelta(days=7), SATURDAY + timedelta(days=7)),
    (NOON, datetime(2026, 3, 11, 12, 30, tzinfo=UTC), datetime(2026, 3, 11, 12, 30, tzinfo=UTC)),
    (NOON, datetime(2026, 3, 11, 12, 29, 59, tzinfo=UTC), datetime(2026, 3, 4, 12, 30, tzinfo=UTC)),
    (NOON, datetime(2026, 3, 10, 23, 0, tzinfo=UTC), datetime(2026, 3, 4, 12, 30, tzinfo=UTC)),
    (MONTH, datetime(2026, 2, 28, 23, 59, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    (MONTH, datetime(2026, 12, 31, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
]  # fmt: skip


@pytest.mark.parametrize(("window", "now", "start"), BOUNDS)
def test_start_of_the_window(window: Window, now: datetime, start: datetime) -> None:
    assert window_bounds(window, now)[0] == start


def test_ends() -> None:
    assert window_bounds(WEEK, SATURDAY)[1] == SATURDAY + timedelta(days=7)
    assert window_bounds(MONTH, datetime(2026, 12, 5, tzinfo=UTC))[1] == datetime(2027, 1, 1, tzinfo=UTC)
    assert window_bounds(ROLLING, SATURDAY) == (SATURDAY - timedelta(hours=24), SATURDAY)


@given(
    st.integers(0, 15 * 365 * 86400).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.sampled_from((WEEK, NOON, MONTH)),
)
def test_now_always_lies_in_its_window_and_windows_touch(now: datetime, window: Window) -> None:
    start, end = window_bounds(window, now)
    assert start <= now < end
    assert window_bounds(window, end)[0] == end
    assert window_bounds(window, start - timedelta(seconds=1))[1] == start


def test_thirty_hours_are_used_up_on_friday_and_back_on_saturday_at_midnight() -> None:
    used = [entry(SATURDAY - timedelta(days=2), 30)]
    before = SATURDAY - timedelta(seconds=1)
    assert left(WEEK, used, before) == 0
    assert left(WEEK, used, SATURDAY) == 30 * HOUR
    assert reset_words(WEEK, used, before) == "resets on Saturday 14 March at 00:00 UTC, in 1 s"


def test_a_session_across_the_boundary_counts_in_each_week_with_its_part() -> None:
    across = [entry(SATURDAY - timedelta(hours=3), 9, devices=2)]
    assert used_in(WEEK, across, SATURDAY - timedelta(seconds=1)) == 6 * HOUR
    assert used_in(WEEK, across, SATURDAY + timedelta(hours=7)) == 12 * HOUR


@given(st.integers(1, 50), st.integers(-200_000, 200_000), st.integers(1, 90_000))
def test_parts_of_a_stretch_never_add_up_to_more_than_the_whole(devices: int, offset: int, length: int) -> None:
    start = SATURDAY + timedelta(seconds=offset)
    one = [Entry(start, start + timedelta(seconds=length), length * devices)]
    weeks = [used_in(WEEK, one, SATURDAY + timedelta(days=7 * n)) for n in (-1, 0, 1)]
    assert sum(weeks) == length * devices


def test_a_rolling_window_gives_back_what_slides_out() -> None:
    now = SATURDAY
    used = [entry(now - timedelta(hours=25), 4), entry(now - timedelta(hours=5), 2)]
    assert used_in(ROLLING, used, now) == 5 * HOUR  # three of the four hours and both of the two
    back = next_comeback(ROLLING, used, now)
    assert back is not None
    assert (back.at, back.seconds) == (now + timedelta(hours=3), 3 * HOUR)
    assert left(ROLLING, used, back.at) == 8 * HOUR
    assert "3 h 00 min of it are back by Saturday 14 March at 03:00 UTC" in reset_words(ROLLING, used, now)
    assert next_comeback(ROLLING, [], now) is None
    assert reset_words(ROLLING, [], now) == "counts the last 24 h 00 min"


def test_a_fixed_window_gives_everything_back_at_its_end() -> None:
    now = SATURDAY + timedelta(days=1)
    back = next_comeback(WEEK, [entry(SATURDAY, 5)], now)
    assert back is not None
    assert (back.at, back.seconds) == (SATURDAY + timedelta(days=7), 5 * HOUR)
    assert next_comeback(WEEK, [], now) is None


def test_a_stretch_that_ends_before_it_starts_never_counts_less_than_nothing() -> None:
    now = SATURDAY + timedelta(hours=2)
    assert used_in(WEEK, [Entry(SATURDAY, SATURDAY, 5)], now) == 5
    assert used_in(WEEK, [Entry(SATURDAY - timedelta(hours=1), SATURDAY - timedelta(hours=9), 5)], now) == 0


def test_left_is_never_negative() -> None:
    assert left(WEEK, [entry(SATURDAY, 31)], SATURDAY + timedelta(days=2)) == 0


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (WEEK, "30 h of GPU time a week, from Saturday 00:00 UTC"),
        (MONTH, "100 h of accelerator time a month"),
        (ROLLING, "10 h of GPU time in any 24 h 00 min"),
    ],
)
def test_words(window: Window, words: str) -> None:
    assert window_words(window) == words


@pytest.mark.parametrize(
    "given_keys",
    [
        {"kind": "rolling"}, {"kind": "weekly", "length_seconds": 5}, {"kind": "monthly", "weekday": "friday"},
        {"kind": "weekly", "time": "24:00"}, {"kind": "daily"}, {"kind": "weekly", "seconds": 0},
    ],
)  # fmt: skip
def test_windows_that_make_no_sense_are_refused(given_keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate({"resource": "gpu", "seconds": 5, **given_keys})
