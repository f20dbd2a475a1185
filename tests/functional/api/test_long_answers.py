"""Long answers take up three quarters of the web process's threads and no more, and leave them however they end."""

import gc
from collections.abc import Callable, Iterator

import pytest

from studium.api import long_answers
from studium.api.failures import Busy
from studium.api.long_answers import LongAnswer
from studium.config.options import options


@pytest.fixture(autouse=True)
def _three_of_four(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    given = options().model_copy(update={"web_threads": 4})
    monkeypatch.setattr(long_answers, "options", lambda: given)
    long_answers._room.cache_clear()
    yield
    gc.collect()
    long_answers._room.cache_clear()


def three() -> Iterator[bytes]:
    yield from (b"a", b"b", b"c")


def broken() -> Iterator[bytes]:
    yield b"a"
    raise OSError("the disk")


def refuses() -> Iterator[bytes]:
    raise FileNotFoundError("nothing there")


def taken(answer: LongAnswer) -> None:
    assert list(answer) == [b"a", b"b", b"c"]


def broken_off(answer: LongAnswer) -> None:
    assert next(answer) == b"a"
    answer.close()
    answer.close()
    assert list(answer) == [], "what it reads from is closed too"


def never_begun(answer: LongAnswer) -> None:
    answer.close()


@pytest.mark.parametrize("ends", [taken, broken_off, never_begun])
def test_room_is_left_to_others_however_it_ends(ends: Callable[[LongAnswer], None]) -> None:
    open_ones = [LongAnswer(three) for _ in range(3)]
    with pytest.raises(Busy) as said:
        LongAnswer(three)
    assert (said.value.code, said.value.status) == ("download.busy", 503)
    ends(open_ones.pop())
    open_ones.append(LongAnswer(three))
    with pytest.raises(Busy):
        LongAnswer(three)


def test_what_fails_leaves_its_room() -> None:
    for _ in range(5):
        with pytest.raises(OSError, match="the disk"):
            list(LongAnswer(broken))
        with pytest.raises(FileNotFoundError):
            LongAnswer(refuses)


def test_what_is_forgotten_leaves_its_room() -> None:
    for _ in range(5):
        next(LongAnswer(three))
        gc.collect()
