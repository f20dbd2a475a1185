"""What is typed into the search box, understood. Pure; every text means something, and no text is an error.

`churn model` both words · `"mean squared error"` the phrase · `np.linalg.norm`, `read_csv` code as it is written ·
`tag:time-series` · `language:python` · `by:maria`. Words of three letters and more also find what begins with them.
"""

import re
from dataclasses import dataclass, field

from studium.community.tag_names import tag_name
from studium.notebooks.search.words import cleaned, words

LONGEST, MOST_TERMS, MOST_WORDS, PREFIX_FROM = 300, 12, 12, 3
_PART = re.compile(r'(?:(tag|language|by):)?(?:"([^"]*)(?:"|$)|(\S+))', re.IGNORECASE)


@dataclass(frozen=True)
class Term:
    """Words that follow each other. With `open_end` the last one need only begin so."""

    words: tuple[str, ...]
    open_end: bool


@dataclass(frozen=True)
class Asked:
    """All of it must be true of a notebook."""

    terms: tuple[Term, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    # Typed, but nothing that could be found: nothing is found then, not everything.
    impossible: bool = field(default=False)

    @property
    def empty(self) -> bool:
        return not (self.terms or self.tags or self.languages or self.people or self.impossible)


def understand(text: str) -> Asked:
    """What is meant by a text of any length and kind."""
    terms: dict[Term, None] = {}
    tags: dict[str, None] = {}
    languages: dict[str, None] = {}
    people: dict[str, None] = {}
    impossible = False
    text = cleaned(text[:LONGEST])
    for found in list(_PART.finditer(text))[:MOST_TERMS]:
        what, quoted, bare = (found[1] or "").lower(), found[2], found[3]
        said = quoted if quoted is not None else bare
        if what == "tag":
            name = tag_name(said)
            impossible |= not name
            tags |= {name: None} if name else {}
        elif what == "language":
            languages[said.strip().lower()] = None
        elif what == "by":
            people[said.strip().removeprefix("@")] = None
        else:
            _add_term(terms, said, quoted=quoted is not None)
    typed = bool(text.strip())
    asked = Asked(tuple(terms), tuple(tags), tuple(languages), tuple(people), impossible)
    return Asked(impossible=True) if typed and asked.empty else asked


def _add_term(terms: dict[Term, None], said: str, *, quoted: bool) -> None:
    found = [word.text for word in words(said)][:MOST_WORDS]
    if found:
        terms[Term(tuple(found), not quoted and len(found[-1]) >= PREFIX_FROM)] = None
