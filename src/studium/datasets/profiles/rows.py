"""First rows of a table: those that have some words, in the order of a column. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studium.errors import BadInput

Row = list[Any]
_MOST_WORDS = 10


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A part of what was looked for. `matching` rows were found among the `read` first ones of the `count` that the table has.

    `columns` are names and types; `count` is None where nobody counted, and not exact where rows were left out.
    """

    columns: list[tuple[str, str]]
    rows: list[Row]
    start: int
    matching: int
    read: int
    count: int | None
    exact: bool


def chosen(
    table: Mapping[str, Any],
    head: Sequence[Row],
    *,
    search: str = "",
    sort: str = "",
    descending: bool = False,
    start: int = 0,
    limit: int = 100,
) -> Rows:
    """Rows in which each of the words stands somewhere, sorted by a column by name, missing values last.

    Raises BadInput for a column that there is not.
    """
    columns = [(str(each["name"]), str(each.get("type") or "")) for each in table["columns"]]
    found = [row for row in head if _has(row, search.casefold().split()[:_MOST_WORDS])]
    if sort:
        found = _sorted(found, _place(columns, sort), descending)
    count = table.get("rows")
    return Rows(
        columns=columns,
        rows=found[start : start + limit],
        start=start,
        matching=len(found),
        read=len(head),
        count=count if isinstance(count, int) else None,
        exact=table.get("rows_exact") is True,
    )


def _place(columns: Sequence[tuple[str, str]], name: str) -> int:
    for place, (each, _) in enumerate(columns):
        if each == name:
            return place
    raise BadInput("dataset.no_column", f"The table has no column {name[:100]!r}.", "Its page shows those it has.")


def _has(row: Row, words: Sequence[str]) -> bool:
    if not words:
        return True
    texts = [_text(cell) for cell in row]
    return all(any(word in text for text in texts) for word in words)


def _text(cell: Any) -> str:
    """As it is looked for: numbers without separators, small letters."""
    return "" if cell is None else str(cell).casefold()


def _sorted(rows: list[Row], place: int, descending: bool) -> list[Row]:
    """Numbers before texts; rows of the same value stay in their order, and those without one come last either way."""

    def cell(row: Row) -> Any:
        return row[place] if place < len(row) else None

    def key(row: Row) -> tuple[bool, Any]:
        found = cell(row)
        return (False, found) if isinstance(found, int | float) else (True, _text(found))

    here = [row for row in rows if cell(row) is not None]
    return sorted(here, key=key, reverse=descending) + [row for row in rows if cell(row) is None]
