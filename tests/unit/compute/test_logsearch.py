"""Searching a log: what counts as a hit, what is shown around it, and that the work has an end."""

import time

import pytest

from studium.compute import logsearch
from studium.compute.logsearch import Found, search_log
from studium.compute.models import Run
from studium.errors import BadInput

MIB = 1024**2


def search(monkeypatch: pytest.MonkeyPatch, log: bytes, text: str, *, piece: int = 1000, **more: int) -> Found:
    pieces = [log[n : n + piece] for n in range(0, len(log), piece)]
    monkeypatch.setattr(logsearch, "log_pieces", lambda run: iter(pieces))
    return search_log(Run(), text, **more)


def test_hits_have_their_line_their_place_and_the_lines_around(monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"one\ntwo\n\nfour: Loss 0.5\nfive\nsix\nseven: loss 0.4"
    found = search(monkeypatch, log, "LOSS")
    assert [(h.line, h.text, h.before, h.after) for h in found.hits] == [
        (4, "four: Loss 0.5", ["two", ""], ["five", "six"]),
        (7, "seven: loss 0.4", ["five", "six"], []),
    ]
    assert [log[h.offset :].split(b"\n")[0].decode() for h in found.hits] == ["four: Loss 0.5", "seven: loss 0.4"]
    assert not found.more
    assert search(monkeypatch, log, "loss", context=0).hits[0].before == []
    assert search(monkeypatch, b"", "x") == Found(hits=[], more=False)


@pytest.mark.parametrize("block", [1, 7, 16, 40, 10_000])
def test_it_is_the_same_wherever_blocks_end(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    log = b"".join(f"line {n} {'fünf' if n % 5 == 0 else ''}\n".encode() for n in range(1, 200))
    whole = search(monkeypatch, log, "FÜNF", context=3)
    assert [h.line for h in whole.hits] == list(range(5, 200, 5))
    monkeypatch.setattr(logsearch, "BLOCK", max(block, 16))
    assert search(monkeypatch, log, "FÜNF", piece=block, context=3) == whole


def test_more_is_asked_for_after_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"".join(f"hit {n}\n".encode() for n in range(1, 12))
    lines: list[int] = []
    after = 0
    while True:
        found = search(monkeypatch, log, "hit", after=after, limit=4, context=1)
        lines += [h.line for h in found.hits]
        if not found.more:
            break
        assert found.hits[-1].after, "what follows the last hit is shown though it is a hit of the next page"
        after = found.hits[-1].line
    assert lines == list(range(1, 12))
    exactly = search(monkeypatch, log, "hit", limit=11)
    assert (len(exactly.hits), exactly.more) == (11, False)


def test_colours_and_what_was_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"\x1b[31mred \x1b[0malert\n 10%\r 50% slow\r100%\n\0nul\xff\n"
    assert search(monkeypatch, log, "red alert").hits[0].text == "red alert"
    assert search(monkeypatch, log, "slow").hits[0].text == " 50% slow"
    assert search(monkeypatch, log, "100").hits[0].text == "100%"
    assert search(monkeypatch, log, "nul").hits[0].text == "nul\N{REPLACEMENT CHARACTER}"


def test_long_lines_are_cut_around_the_hit_and_endless_ones_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"a" * 5000 + b"needle" + b"b" * 5000 + b"\n" + b"c" * 3 * MIB + b"needle\n"
    found = search(monkeypatch, log, "needle", piece=100_000, context=0)
    assert all("needle" in h.text and len(h.text) <= logsearch.SHOWN + 2 for h in found.hits)
    assert found.hits[0].text.startswith("…a")
    assert len(found.hits) == 2


@pytest.mark.parametrize("text", ["", "  ", "\n", "x" * 201])
def test_a_text_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(BadInput):
        search(monkeypatch, b"x", text)


def test_a_huge_log_is_passed_in_one_walk_with_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b"epoch 12 loss 0.1234 accuracy 0.9876 aaaaaaaa\n"
    log = line * (40 * MIB // len(line)) + b"the needle\n"
    begun = time.process_time()
    found = search(monkeypatch, log, "needle", piece=MIB)
    assert time.process_time() - begun < 3
    assert found.hits[0].line == 40 * MIB // len(line) + 1
    monkeypatch.setattr(logsearch, "MOST_BYTES", 10 * MIB)
    assert search(monkeypatch, log, "needle", piece=MIB) == Found(hits=[], more=True)


def test_a_text_made_to_be_slow_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.process_time()
    assert search(monkeypatch, b"a" * 8 * MIB, "a" * 199 + "b", piece=MIB).hits == []
    assert time.process_time() - begun < 3
