"""Hiding a run's secrets in what it prints: every byte of every occurrence, however the output is cut into chunks.

Values shorter than six characters are left alone: they would hide half of the words of a log. Neighbouring and overlapping
occurrences become one `***`. What might be the beginning of a value is held back until more is said or the run ends.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

SHORTEST = 6
MARK = b"***"


class _Value(NamedTuple):
    """What to look for. `period`: the smallest distance at which an occurrence can overlap another."""

    text: bytes
    period: int


def _period(text: bytes) -> int:
    """The smallest period of a text, its length when no part of its beginning is also its end."""
    borders = [0] * len(text)
    length = 0
    for place in range(1, len(text)):
        while length and text[place] != text[length]:
            length = borders[length - 1]
        if text[place] == text[length]:
            length += 1
        borders[place] = length
    return len(text) - (borders[-1] if borders else 0)


class Hidden:
    """The values of one run."""

    def __init__(self, values: Iterable[str]) -> None:
        self._words = sorted({value for value in values if len(value) >= SHORTEST}, key=len, reverse=True)
        self._values = tuple(_Value(word.encode(), _period(word.encode())) for word in self._words)

    def stream(self) -> "Stream":
        """For output that comes in chunks."""
        return Stream(self._values)

    def in_report(self, report: dict[str, Any] | None) -> dict[str, Any] | None:
        """A small JSON object with the values hidden in its texts."""
        return None if report is None else self._in_json(report)

    def _in_json(self, value: Any) -> Any:
        if isinstance(value, str):
            for word in self._words:
                value = value.replace(word, MARK.decode())
            return value
        if isinstance(value, dict):
            return {self._in_json(key): self._in_json(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._in_json(inner) for inner in value]
        return value


class Stream:
    """One output. What is given back and what is held, together, is everything that was taken, with the values hidden."""

    def __init__(self, values: tuple[_Value, ...]) -> None:
        self._values = values
        self._held = b""
        self._covered = 0  # bytes at the beginning of what is held that belong to an occurrence found before
        self._marked = False  # whether the last byte given back was part of an occurrence

    def take(self, data: bytes) -> bytes:
        if not self._values:
            return data
        held = self._held + data
        keep = max(_beginning(held, value.text) for value in self._values)
        return self._give(held, len(held) - keep)

    def finish(self) -> bytes:
        """The rest, in which a value may have begun that never came whole."""
        return self._give(self._held, len(self._held))

    def _give(self, held: bytes, upto: int) -> bytes:
        """Everything before `upto` with the values replaced; the rest is held from now on."""
        spans = _merged([(0, self._covered), *(span for value in self._values for span in _spans(held, value))])
        said, place = [], 0
        for begin, end in ((min(begin, upto), min(end, upto)) for begin, end in spans):
            if begin > place:
                said.append(held[place:begin])
                self._marked = False
            if end > begin:
                said.append(b"" if self._marked else MARK)
                self._marked = True
            place = max(place, end)
        if upto > place:
            said.append(held[place:upto])
            self._marked = False
        self._held = held[upto:]
        # Of the spans that lie in what is held, the one it begins in, which may be known from before; others are found again.
        self._covered = max((end - upto for begin, end in spans if begin <= upto < end), default=0)
        return b"".join(said)


def _spans(data: bytes, value: _Value) -> Iterable[tuple[int, int]]:
    """Where the value stands, chains of overlapping occurrences as one span each."""
    size, step = len(value.text), value.period
    place = data.find(value.text)
    while place >= 0:
        end = place + size
        while data[end : end + step] == value.text[size - step :]:
            end += step
        yield place, end
        place = data.find(value.text, end - size + 1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _beginning(data: bytes, text: bytes) -> int:
    """How many bytes at the end of the data could be the beginning of the text; less than all of it."""
    first = max(0, len(data) - len(text) + 1)
    place = data.find(text[:1], first)
    while place >= 0:
        if text.startswith(data[place:]):
            return len(data) - place
        place = data.find(text[:1], place + 1)
    return 0
