"""Secrets in a run's output are hidden, however the output is cut into chunks and the values overlap."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studium.runner.hiding import MARK, Hidden
from studium.runner.logfile import Log

# Few letters, so that values overlap themselves and each other.
VALUES = st.lists(st.text("ab", min_size=1, max_size=12) | st.text("abcé\n", min_size=6, max_size=9), max_size=4)


def whole(text: bytes, values: list[str]) -> bytes:
    """What hiding means, said in one go: each run of bytes that belong to an occurrence is a mark."""
    covered = [False] * len(text)
    for value in [v.encode() for v in values if len(v) >= 6]:
        for found in re.finditer(b"(?=" + re.escape(value) + b")", text):
            covered[found.start() : found.start() + len(value)] = [True] * len(value)
    said = b""
    for place, byte in enumerate(text):
        if not covered[place]:
            said += bytes([byte])
        elif place == 0 or not covered[place - 1]:
            said += MARK
    return said


@settings(max_examples=1000, deadline=None)
@given(data=st.data(), values=VALUES)
def test_output_in_any_chunks_is_hidden_as_the_whole(data: st.DataObject, values: list[str]) -> None:
    parts = data.draw(st.lists(st.text("abcé\n", max_size=9) | st.sampled_from(values or [""]), max_size=12))
    text = "".join(parts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    stream = Hidden(values).stream()
    said = b"".join(stream.take(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))
    assert said + stream.finish() == whole(text, values)


def test_a_value_cut_by_two_chunks_never_reaches_the_log(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), 1_000_000, Hidden(["correct-horse"]))
    for piece in (b"token: corre", b"ct-ho", b"rse!\ncorrect", b" and so on\n"):
        log.take(piece)
        assert b"correct-horse" not in log.latest
    log.finish()
    assert (tmp_path / "log").read_bytes() == b"token: ***!\ncorrect and so on\n"


def test_what_may_begin_a_value_is_written_when_the_run_ends(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), 1_000_000, Hidden(["correct-horse"]))
    log.take(b"the end is correct")
    assert (tmp_path / "log").read_bytes() == b"the end is "
    log.finish()
    assert (tmp_path / "log").read_bytes() == b"the end is correct"


def test_short_values_are_left_alone() -> None:
    assert Hidden(["no", "five5"]).stream().take(b"no five5") == b"no five5"


@pytest.mark.timeout(20)
def test_values_made_to_be_slow_are_not() -> None:
    values = ["a" * 32_768, "a" * 20_000 + "b", "ab" * 10_000]
    stream = Hidden(values).stream()
    began = time.process_time()
    for _ in range(30):
        stream.take(b"a" * 65_536)
        stream.take(b"ab" * 32_768)
    # Four megabytes: a search that begins anew at every byte would take hours.
    assert time.process_time() - began < 60


def test_a_report_loses_its_secrets_wherever_they_stand() -> None:
    report = {"error": {"message": 'bad key "correct\nhorse"', "cell": 3}, "correct\nhorse": ["correct\nhorse"]}
    hidden = Hidden(["correct\nhorse"]).in_report(report)
    assert hidden == {"error": {"message": 'bad key "***"', "cell": 3}, "***": ["***"]}
    assert "horse" not in json.dumps(hidden)
    assert Hidden(["correct\nhorse"]).in_report(None) is None


def test_a_value_within_the_beginning_of_another_covers_no_more_than_itself() -> None:
    stream = Hidden(["xx-abcdef-yy", "abcdef"]).stream()
    assert stream.take(b"xx-abcdef") + stream.take(b"-zz") + stream.finish() == b"xx-***-zz"


def test_the_end_of_a_value_stays_hidden_when_nothing_follows_for_a_while() -> None:
    stream = Hidden(["aaaaaa"]).stream()
    said = [stream.take(b"a" * 13), stream.take(b""), stream.take(b"b"), stream.finish()]
    assert b"".join(said) == b"***b"
