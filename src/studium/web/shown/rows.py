"""First rows of a table on its page: searched, sorted by a click on a column's name, a hundred at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.http import urlencode

from studium.datasets.profiles.rows import Rows
from studium.lib.values import cell_words

ROWS_A_PAGE, MOST_COLUMNS = 100, 200
_LONGEST = 200
# What an address says of rows; beside it stand the version and the path.
_WORDS = ("table", "q", "sort", "desc", "after")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an address asks for of the tables of a file. Of other tables than `table` nothing is asked."""

    table: int = 0
    search: str = ""
    sort: str = ""
    descending: bool = False
    start: int = 0

    def of(self, table: int) -> "Asked":
        return self if table == self.table else Asked(table=table)

    def query(self, **changes: str | int) -> str:
        """These words of an address, with some changed."""
        said: dict[str, str | int] = {
            "table": self.table,
            "q": self.search,
            "sort": self.sort,
            "desc": "1" if self.descending else "",
        }
        said |= changes
        return urlencode([(name, said[name]) for name in _WORDS if said.get(name)])


@dataclass(frozen=True, kw_only=True)
class Head:
    """A column's name; `query` sorts by it, the other way round where that is so already. `order` is for `aria-sort`,
    `number` where all that is shown of it are numbers.
    """

    name: str
    query: str
    order: str
    number: bool


@dataclass(frozen=True, kw_only=True)
class ShownRows:
    """Rows as they are read, each cell with whether it is a number. `words` says how many of how many; `before` and `after`
    are addresses of what is beside them.
    """

    asked: Asked
    heads: list[Head]
    rows: list[list[tuple[str, bool]]]
    words: str
    before: str
    after: str


def asked_in(given: Mapping[str, str]) -> Asked:
    """Read from an address; what is no number is nothing."""
    return Asked(
        table=_number(given.get("table", "")),
        search=given.get("q", "").strip()[:_LONGEST],
        sort=given.get("sort", "")[:_LONGEST],
        descending=given.get("desc", "") == "1",
        start=_number(given.get("after", "")),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def shown_rows(found: Rows, asked: Asked) -> ShownRows:
    """A part of a table's first rows, in words."""
    end = found.start + len(found.rows)
    return ShownRows(
        asked=asked,
        heads=[
            _head(name, asked, [row[n] for row in found.rows])
            for n, (name, _) in enumerate(found.columns[:MOST_COLUMNS])
        ],
        rows=[[(cell_words(cell), _is_number(cell)) for cell in row[:MOST_COLUMNS]] for row in found.rows],
        words=_words(found, asked, end),
        before=asked.query(after=max(0, found.start - ROWS_A_PAGE)) if found.start else "",
        after=asked.query(after=end) if end < found.matching else "",
    )


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _head(name: str, asked: Asked, cells: list[Any]) -> Head:
    here = name == asked.sort
    turned = "1" if here and not asked.descending else ""
    order = ("descending" if asked.descending else "ascending") if here else ""
    there = [cell for cell in cells if cell is not None]
    number = bool(there) and all(map(_is_number, there))
    return Head(name=name, query=asked.query(sort=name, desc=turned), order=order, number=number)


def _words(found: Rows, asked: Asked, end: int) -> str:
    """Which rows these are: whatever is looked for is looked for among the first ones."""
    whole = found.exact and found.count == found.read
    among = f"all {found.read:,} rows" if whole else f"the first {found.read:,} rows"
    if not whole and found.count is not None:
        among += f" of {'' if found.exact else 'about '}{found.count:,}"
    if not found.rows:
        return f"None of {among}"
    part = f"{found.start + 1:,} to {end:,} of " if found.start or end < found.matching else ""
    return f"{part}{found.matching:,} among {among}" if asked.search else f"{part}{among}".capitalize()
