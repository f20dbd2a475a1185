"""What of a notebook's document is searched: the sources of its cells, within bounds. Outputs are not.

Light to import: the bounded child, which reads the large ones, needs it too.
"""

import json
from dataclasses import dataclass
from itertools import islice

from studium.errors import BadInput
from studium.notebooks import reading
from studium.notebooks.search.words import cleaned, words

# Raised when what is indexed changes: every row is then made anew.
LAYOUT = 1
# What is kept of one notebook. PostgreSQL counts no word beyond the 16,383rd.
MOST_CHARACTERS, MOST_WORDS = 200_000, 16_000
BREAK = "\f"
_KINDS = {"code": "c", "markdown": "m", "raw": "r"}


@dataclass(frozen=True)
class Contents:
    """`body` is the text of the cells with a form feed between two; `kinds` has a letter for each: c, m or r."""

    body: str
    kinds: str


NOTHING = Contents("", "")


def contents(data: bytes) -> Contents:
    """The texts of a document, the first so many characters and words. Raises BadInput for what is no notebook."""
    texts: list[str] = []
    kinds: list[str] = []
    characters, count = MOST_CHARACTERS, MOST_WORDS
    for cell in reading.parse(data)["cells"]:
        if characters <= 0 or count <= 0:
            break
        text = cleaned(cell["source"][:characters])[:characters]
        found = list(islice(words(text), count + 1))
        if len(found) > count:
            text = text[: found[count].start]
        texts.append(text)
        kinds.append(_KINDS[cell["cell_type"]])
        # A cell without words takes a place too, so that no number of empty ones is without a bound.
        characters, count = characters - len(text) - 1, count - len(found) - 1
    return Contents(BREAK.join(texts), "".join(kinds))


def answer_contents(data: bytes) -> bytes:
    """What the bounded process answers, as JSON."""
    try:
        found = contents(data)
    except BadInput:
        found = NOTHING
    return json.dumps([found.body, found.kinds]).encode()
