"""What a word is, for what is indexed, what is asked and what is highlighted alike. Pure.

The database's own ideas of words are not used: SQLite and PostgreSQL differ in them, and both in what they make of code.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Scripts without spaces between words: each sign is a word, and what people type is a phrase of them.
_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_SIGN}]|[^\W_{_SIGN}]+")
LONGEST = 60


@dataclass(frozen=True)
class Word:
    """A word as it is compared, and where it stands in the text."""

    text: str
    start: int
    end: int


def words(text: str) -> Iterator[Word]:
    """The words of a text in order: runs of letters and digits, so that `np.linalg.norm` has three and `read_csv` two."""
    for found in _WORD.finditer(text):
        folded = fold(found[0])
        if folded:
            yield Word(folded, found.start(), found.end())


def fold(word: str) -> str:
    """Without case and accents, cut where no word is longer."""
    if word.isascii():
        return word.lower()[:LONGEST]
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in apart.casefold() if char.isalnum())[:LONGEST]


def cleaned(text: str) -> str:
    """The text composed, so that an accent does not cut a word in two, and without what cannot be stored or shown."""
    composed = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    return "".join(char if char >= " " or char in "\n\t" else " " for char in composed)
