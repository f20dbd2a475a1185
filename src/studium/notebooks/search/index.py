"""The index of words, which each database keeps in its own way: SQLite in an FTS5 table, PostgreSQL in a column with GIN.

Both are given the words that `words` finds and nothing else, so both find the same. The row of a notebook is that of its
`SearchCache`.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from studium.notebooks.models import Notebook
from studium.notebooks.search.asked import Term
from studium.notebooks.search.contents import BREAK
from studium.notebooks.search.words import words

# A sign that is no word stands between two cells and after the title, so that no phrase goes across.
_GAP = "\u00b7"
_LAST_POSITION = 16_383


def _sqlite() -> bool:
    return connection.vendor == "sqlite"


def put(row: int, title: str, body: str) -> None:
    """Index the words of a row anew. In the transaction that saves the row."""
    with connection.cursor() as cursor:
        if _sqlite():
            cursor.execute("DELETE FROM notebooks_search WHERE rowid = %s", [row])
            spaced = [" ".join(_words(text)) for text in (title, body)]
            cursor.execute("INSERT INTO notebooks_search (rowid, title, body) VALUES (%s, %s, %s)", [row, *spaced])
        else:
            cursor.execute(
                "UPDATE notebooks_searchcache SET words = %s::tsvector WHERE id = %s", [_vector(title, body), row]
            )


def drop(rows: list[int]) -> None:
    """Forget the words of rows that are deleted, in the same transaction."""
    if rows and _sqlite():
        marks = ", ".join(["%s"] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM notebooks_search WHERE rowid IN ({marks})", rows)  # noqa: S608


def _words(text: str) -> Iterator[str]:
    for number, part in enumerate(text.split(BREAK)):
        if number:
            yield _GAP
        for word in words(part):
            yield word.text


def _vector(title: str, body: str) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    every = chain(((w, "A") for w in _words(title)), [(_GAP, "")], ((w, "") for w in _words(body)))
    for place, (word, weight) in enumerate(every, 1):
        if word != _GAP and place <= _LAST_POSITION:
            places[word].append(f"{place}{weight}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def matching(readable: QuerySet[Notebook], terms: tuple[Term, ...], *, offset: int, limit: int) -> list[str]:
    """The ids of those of the `readable` notebooks that have all the terms, the best first.

    What is not readable is taken out here, where rows are counted off, so neither a page's length nor its position tells of it.
    """
    one = readable.order_by().filter(pk=RawSQL("cached.notebook_id", ())).values("pk")
    exists, found = one.query.sql_with_params()
    arguments = cast(tuple[str | int, ...], found)
    if _sqlite():
        text = " AND ".join(f'"{" ".join(t.words)}"' + (" *" if t.open_end else "") for t in terms)
        hits = "notebooks_search JOIN notebooks_searchcache cached ON cached.id = notebooks_search.rowid"
        match, order = "notebooks_search MATCH %s", "bm25(notebooks_search, 8.0, 1.0)"
        given: tuple[str | int, ...] = (text, *arguments, limit, offset)
    else:
        text = " & ".join(f"({' <-> '.join(_lexemes(t))})" for t in terms)
        hits, match = "notebooks_searchcache cached", "cached.words @@ %s::tsquery"
        order = "ts_rank(cached.words, %s::tsquery, 1) DESC"
        given = (text, *arguments, text, limit, offset)
    statement = (
        f"SELECT cached.notebook_id FROM {hits} WHERE {match} AND EXISTS ({exists}) "  # noqa: S608
        f"ORDER BY {order}, cached.notebook_id LIMIT %s OFFSET %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return [str(row[0]) for row in cursor.fetchall()]


def _lexemes(term: Term) -> Iterator[str]:
    for number, word in enumerate(term.words, 1):
        yield f"'{word}'" + (":*" if term.open_end and number == len(term.words) else "")
