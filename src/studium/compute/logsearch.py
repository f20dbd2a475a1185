"""Finding text in what a run printed: one walk over the log in blocks of whole lines, with a bound on everything.

A log has at most some tens of MiB, which such a walk passes in a fraction of a second. There are no patterns, only text, in
upper or lower case alike; what colours a terminal is no part of it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from studium.compute.models import Run
from studium.compute.queries import log_pieces
from studium.errors import BadInput

LONGEST_TEXT = 200
MOST_HITS, MOST_CONTEXT = 200, 10
# How much of a line is shown.
SHOWN = 400
BLOCK = 1024 * 1024
# What is looked through at one go. No log is larger; should one be, the answer says so.
MOST_BYTES = 80 * 1024**2
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A line that has the text, counted from 1, with its byte offset and the lines around it. Long lines are cut."""

    line: int
    offset: int
    text: str
    before: list[str]
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hits in the order of the log. With `more` there are others: ask again for those after the last line."""

    hits: list[Hit]
    more: bool


def search_log(run: Run, text: str, *, after: int = 0, limit: int = 50, context: int = 2) -> Found:
    """The lines behind line `after` that hold `text`, at most `limit`. Raises BadInput for a text that is none."""
    wanted = text.strip("\r\n")
    if not wanted.strip() or len(wanted) > LONGEST_TEXT:
        long = f"The text has more than {LONGEST_TEXT} characters."
        raise BadInput(
            "log.search_text",
            long if wanted.strip() else "There is nothing to search for.",
            "Give a word or a part of a line.",
        )
    search = _Search(wanted.lower(), after, min(limit, MOST_HITS), min(context, MOST_CONTEXT))
    return search.through(_blocks(log_pieces(run)))


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that end with a line; a line of a MiB and more is taken apart."""
    rest = b""
    for piece in pieces:
        rest += piece
        while len(rest) >= BLOCK:
            end = rest.rfind(b"\n", 0, BLOCK) + 1 or BLOCK
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


class _Search:
    def __init__(self, wanted: str, after: int, limit: int, context: int) -> None:
        self._wanted, self._after, self._limit, self._context = wanted, after, limit, context
        self._hits: list[Hit] = []
        self._more = False
        self._line = self._offset = 0
        # The lines just passed, for what stands before a hit.
        self._passed: list[bytes] = []

    def through(self, blocks: Iterable[bytes]) -> Found:
        for block in blocks:
            if self._offset > MOST_BYTES:
                self._more = True
                break
            lines = block.count(b"\n") + (not block.endswith(b"\n"))
            if self._open() or (self._line + lines > self._after and self._wanted in _folded(block)):
                self._closely(block)
            else:
                self._line += lines
                self._offset += len(block)
            if self._more and not self._open():
                break
            if self._context:
                last = block.removesuffix(b"\n").rsplit(b"\n", self._context)[-self._context :]
                self._passed = (self._passed + last)[-self._context :]
        return Found(hits=self._hits, more=self._more)

    def _open(self) -> bool:
        """Whether the next line still stands behind a hit."""
        return bool(self._hits) and self._line - self._hits[-1].line < self._context

    def _closely(self, block: bytes) -> None:
        end, lines = self._offset + len(block), block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for place, raw in enumerate(lines):
            self._line += 1
            holds = self._line > self._after and self._wanted in _folded(raw)
            for hit in reversed(self._hits):
                if self._line - hit.line > self._context:
                    break
                hit.after.append(self._shown(raw))
            if holds and len(self._hits) == self._limit:
                self._more = True
            elif holds:
                before = (self._passed + lines[max(0, place - self._context) : place])[-self._context :]
                around = [self._shown(line) for line in before] if self._context else []
                self._hits.append(Hit(line=self._line, offset=self._offset, text=self._shown(raw), before=around))
            self._offset += len(raw) + 1
            if self._more and not self._open():
                return
        self._offset = end

    def _shown(self, raw: bytes) -> str:
        """The line as a person reads it: what was overwritten is left out, unless it has the text."""
        parts = raw.decode("utf-8", "replace").rstrip("\r").split("\r")
        part = next((p for p in parts if self._wanted in _CODES.sub("", p).lower()), parts[-1])
        text = _CODES.sub("", part)
        if len(text) <= SHOWN:
            return text
        start = max(0, min(text.lower().find(self._wanted) - SHOWN // 4, len(text) - SHOWN))
        return f"{'…' if start else ''}{text[start : start + SHOWN]}{'…' if start + SHOWN < len(text) else ''}"


def _folded(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return (_CODES.sub("", text) if "\x1b" in text else text).lower()
