"""A table of a file as DuckDB takes it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

# Columns of a table that are looked into.
MOST_COLUMNS = 1000


@dataclass
class Table:
    """`relation` is what can stand after FROM. `exact` is False where rows were left out; `trouble` says which and why.

    `columns` are names and DuckDB's types where they are known already, `columns_count` how many
    there are where the relation has only the first of them.
    """

    relation: str
    name: str = ""
    exact: bool = True
    trouble: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    columns_count: int | None = None


# One way to read the tables of a file. May raise what DuckDB raises, and Trouble.
Attempt = Callable[[], Iterable[Table]]
