"""The words of pages: waits, times, logs, days; pure functions."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studium.plans.rules import PlanRules, Window
from studium.web.shown.days import days_of
from studium.web.shown.logs import plain, whole
from studium.web.shown.meters import meter
from studium.web.shown.plans import rules_in_words, window_rule
from studium.web.shown.runs import about_words, progress_share, progress_words, wait_line
from studium.web.templatetags.studium import ago_words, duration, per_hour

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        ({}, "its place is being worked out"),
        ({"reason": "impossible", "waits_for": "P100"}, "No machine here can ever hold this"),
        ({"reason": "headroom:7:notebooks", "waits_for": "7:notebooks"}, "the plan limits how many run at once"),
        ({"reason": "headroom:7:gpu", "waits_for": "7:gpu"}, "GPU allowance"),
        ({"reason": "capacity", "waits_for": "cpu"}, "Waits for a free machine · no start can be foretold"),
        (
            {"reason": "capacity", "waits_for": "P100", "expected_at": at(11.2), "at_most_at": at(119)},
            "Waits for a free P100 · expected to start in about 12 min, at most 1 h 59 min",
        ),
        ({"reason": "capacity", "waits_for": "cpu", "expected_at": at(-3), "at_most_at": at(0.5)}, "any moment"),
    ],
)
def test_wait_line(wait: dict[str, object], said: str) -> None:
    assert said in wait_line(wait, now=NOW)


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 min"), (600, "10 min"), (601, "11 min"), (7200, "2 h"), (7260, "2 h 15 min")]
)
def test_about_words(seconds: int, said: str) -> None:
    assert about_words(seconds) == said


@pytest.mark.parametrize(
    ("progress", "words", "share"),
    [
        ({"cell": 3, "of": 12}, "cell 3 of 12", 25),
        ({"cell": 0, "of": 0}, "cell 0 of 0", 0),
        ({"cell": "<b>", "of": 2}, "", None),
        ({"cell": 9, "of": 2}, "", None),
        ([1], "", None),
        (None, "", None),
    ],
)
def test_progress_is_not_trusted(progress: object, words: str, share: int | None) -> None:
    assert (progress_words(progress), progress_share(progress)) == (words, share)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "just now"),
        (-5, "in a moment"),
        (600, "10 min ago"),
        (-7200, "in 2 h"),
        (90000, "25 h ago"),
        (86400 * 5, "5 days ago"),
        (1 - 86400 * 7, "in 7 days"),
        (1 - 86400 * 90, "in 90 days"),
        (86400 * 120, "4 months ago"),
    ],
)
def test_ago(seconds: float, said: str) -> None:
    assert ago_words(seconds) == said


def test_figures() -> None:
    assert (duration(None), duration(43200), duration(3660)) == ("", "12 h", "1 h 01 min")
    assert (per_hour(0), per_hour(510_000)) == ("no charge", "$0.51 / h")


def test_log_without_terminal_codes() -> None:
    assert plain("\x1b[31mred\x1b[0m\r\n") == "red\n"
    assert plain(" 10%\r 50%\r100%\ndone") == "100%\ndone"
    assert plain("50%\r") == "50%"
    assert plain("\x1b]0;title\x07text\x00") == "text"


@given(st.text(), st.integers(0, 400))
def test_a_piece_of_a_log_ends_at_a_whole_character(text: str, cut: int) -> None:
    content = text.encode()[:cut]
    length = whole(content)
    assert len(content) - length <= 3
    assert content[:length].decode() == text.encode()[:length].decode("utf-8", "ignore")


def test_days() -> None:
    days = days_of("GPU", {date(2026, 3, 4): 7200, date(2026, 3, 2): 3600}, until=date(2026, 3, 4), count=3)
    assert [bar.seconds for bar in days.bars] == [3600, 0, 7200]
    assert [bar.height for bar in days.bars] == [20.0, 0.0, 40.0]
    assert days.total == 10800


def test_meter_tones() -> None:
    assert [meter("x", used, 100, "").tone for used in (10, 80, 95, 200)] == ["", "warn", "bad", "bad"]
    assert meter("x", 5, 0, "").percent == 0
    assert meter("x", 99, 100, "", alarm=False).tone == ""


def test_rules_in_words() -> None:
    weekly = Window(resource="gpu", seconds=30 * 3600, kind="weekly", weekday="saturday")
    assert window_rule(weekly) == "30 h of GPU time a week, given anew on Saturday 00:00 UTC"
    rolling = Window(resource="cpu", seconds=3600, kind="rolling", length_seconds=86400)
    assert window_rule(rolling) == "1 h of CPU time in any 24 h"
    words = dict(rules_in_words(PlanRules.model_validate({"idle_seconds": "20min", "projects": 5, "terminal": False})))
    assert words["Idle sessions"] == "Stop after 20 min in which nothing runs"
    assert words["Projects"] == "5 projects"
    assert words["Terminal"] == "No"
    assert words["Running at once"] == "No limit"
