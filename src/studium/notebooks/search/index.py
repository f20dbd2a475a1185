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
MOST_RANKED = 2000

# Both have two halves: found in titles, and found anywhere. Each stops at so many, the newest first, before they are ranked.
_SQLITE_HALF = """
    SELECT * FROM (
        SELECT cached.notebook_id AS notebook_id, -bm25(notebooks_search, 8.0, 1.0) AS score
        FROM notebooks_search JOIN notebooks_searchcache cached ON cached.id = notebooks_search.rowid
        WHERE notebooks_search MATCH %s AND {readable}
        ORDER BY notebooks_search.rowid DESC LIMIT %s
    )
"""
_POSTGRES_HALF = """
    (
        SELECT cached.notebook_id AS notebook_id, ts_rank(cached.words, %s::tsquery, 1) AS score
        FROM notebooks_searchcache cached
        WHERE cached.words @@ %s::tsquery AND {readable}
        ORDER BY cached.id DESC LIMIT %s
    )
"""
_BEST = "SELECT notebook_id FROM ({half} UNION ALL {half}) AS found GROUP BY notebook_id "
_BEST += "ORDER BY max(score) DESC, notebook_id LIMIT %s OFFSET %s"
_SQLITE, _POSTGRES = (_BEST.replace("{half}", half) for half in (_SQLITE_HALF, _POSTGRES_HALF))


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


def matching(
    readable: QuerySet[Notebook], terms: tuple[Term, ...], *, offset: int, limit: int, few: bool = False
) -> list[str]:
    """The ids of those of the `readable` notebooks that have all the terms, the best first.

    What is not readable is taken out here, where rows are counted off, so neither a page's length nor its position tells
    of it. Of words that very many have, the newest `MOST_RANKED` are ranked, and as many that have them in the title.
    `few` says that the readable ones are listed sooner than each match is looked up among them.
    """
    keys = readable.order_by().values("pk")
    if few:
        test = "cached.notebook_id IN"
    else:
        test, keys = "EXISTS", keys.filter(pk=RawSQL("cached.notebook_id", ()))
    subquery, found = keys.query.sql_with_params()
    arguments = cast(tuple[str | int, ...], found)
    statement, asked = (_SQLITE, _for_sqlite(terms)) if _sqlite() else (_POSTGRES, _for_postgres(terms))
    given = [part for text in asked for part in (*text, *arguments, MOST_RANKED)]
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("{readable}", f"{test} ({subquery})"), [*given, limit, offset])
        return [str(row[0]) for row in cursor.fetchall()]


def _for_sqlite(terms: tuple[Term, ...]) -> list[tuple[str, ...]]:
    """What each half of the statement is given: the question to titles, and the question to all."""
    phrases = [f'"{" ".join(term.words)}"' + (" *" if term.open_end else "") for term in terms]
    return [(" AND ".join(f"title : {phrase}" for phrase in phrases),), (" AND ".join(phrases),)]


def _for_postgres(terms: tuple[Term, ...]) -> list[tuple[str, ...]]:
    halves = [" & ".join(f"({' <-> '.join(_lexemes(term, weight))})" for term in terms) for weight in ("A", "")]
    return [(halves[1], half) for half in halves]


def _lexemes(term: Term, weight: str) -> Iterator[str]:
    for number, word in enumerate(term.words, 1):
        beginning = "*" if term.open_end and number == len(term.words) else ""
        yield f"'{word}'" + (f":{beginning}{weight}" if beginning or weight else "")
