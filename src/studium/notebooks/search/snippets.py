"""Where in a notebook something was found, as a short piece of its text with the hits marked. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from studium.notebooks.search.asked import Term
from studium.notebooks.search.contents import BREAK
from studium.notebooks.search.words import Word, words

BEFORE, LENGTH = 60, 220
_SPACES = re.compile(r"\s+")
Kind = Literal["code", "text"]


@dataclass(frozen=True)
class Part:
    """Some of a text; `hit` where it is what was asked for."""

    text: str
    hit: bool


@dataclass(frozen=True)
class Place:
    """A cell, counted from 1, and what stands there."""

    cell: int
    kind: Kind
    parts: list[Part]


def place_in(body: str, kinds: str, terms: tuple[Term, ...]) -> Place | None:
    """The first of the cells in which most of the terms stand; without terms the first that has text; else None."""
    best: tuple[int, str, list[tuple[int, int]], int] | None = None
    for number, text in enumerate(body.split(BREAK)):
        if terms:
            spans, count = _found(text, terms)
        else:
            spans, count = [], int(bool(text.strip()))
        if count and (best is None or count > best[3]):
            best = (number, text, spans, count)
            if count >= max(1, len(terms)):
                break
    if best is None:
        return None
    number, text, spans, _ = best
    kind: Kind = "code" if kinds[number : number + 1] == "c" else "text"
    return Place(number + 1, kind, _cut(text, spans))


def marked(text: str, terms: tuple[Term, ...]) -> list[Part]:
    """The whole text with the hits marked."""
    return _parts(text, _found(text, terms)[0])


def _found(text: str, terms: tuple[Term, ...]) -> tuple[list[tuple[int, int]], int]:
    """Where the terms stand in a text, in order and apart, and how many of them do."""
    standing = list(words(text)) if terms else []
    spans: list[tuple[int, int]] = []
    count = 0
    for term in terms:
        own = [span for at in range(len(standing)) if (span := _stands(standing, at, term))]
        spans += own
        count += bool(own)
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined, count


def _stands(standing: list[Word], at: int, term: Term) -> tuple[int, int] | None:
    these = standing[at : at + len(term.words)]
    if len(these) < len(term.words):
        return None
    last = these[-1].text
    ends = last.startswith(term.words[-1]) if term.open_end else last == term.words[-1]
    if not ends or any(word.text != asked for word, asked in zip(these[:-1], term.words[:-1], strict=True)):
        return None
    return these[0].start, these[-1].end


def _cut(text: str, spans: list[tuple[int, int]]) -> list[Part]:
    """A piece of the text around the first hit, begun at a line or a word."""
    first = spans[0][0] if spans else 0
    start = max(0, first - BEFORE)
    line = text.rfind("\n", start, first) + 1
    if line > start:
        start = line
    elif start:
        start = max(start, text.find(" ", start, first) + 1)
    end = start + LENGTH
    inside = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end]
    parts = _parts(text[start:end], inside)
    if start and text[:start].strip():
        parts.insert(0, Part("… ", False))
    if text[end:].strip():
        parts.append(Part(" …", False))
    return parts


def _parts(text: str, spans: list[tuple[int, int]]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for start, end in spans:
        parts += [Part(text[at:start], False), Part(text[start:end], True)]
        at = end
    parts.append(Part(text[at:], False))
    return [Part(_SPACES.sub(" ", part.text), part.hit) for part in parts if part.text]
