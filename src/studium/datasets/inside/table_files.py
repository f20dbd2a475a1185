"""Files with tables in them: one relation of DuckDB for each table, whatever the format, and what is told of it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
from column_numbers import numbers
from column_types import Column
from duck import Duck
from json_values import Trouble, cells, value
from looking import File
from relations import MOST_COLUMNS, Attempt, Table

HEAD, MOST_TABLES = 1000, 100
# Of the first rows of one table: a table of a thousand columns shows fewer rows.
_MOST_CELLS = 50_000
# What the first rows of all tables of a file have together, written down, and what is left to each whatever others have.
_ROOM, _LEAST_ROOM = 8 * 1024 * 1024, 64 * 1024
_NOTHING = {"name": "", "rows": 0, "columns_count": 0, "rows_exact": True, "columns": [], "head": []}

Tell = Callable[..., None]
Profile = dict[str, Any]


def read(file: File, tell: Tell) -> None:
    """Tell of each table, reading the file in one way after the other until one goes through. Raises Trouble."""
    if file.size == 0:
        tell(tables=[_NOTHING], trouble="It is empty.")
        return
    duck = Duck(file)
    ways = _ways(file, duck)
    for number, way in enumerate(ways, 1):
        try:
            _tell_tables(duck, way, tell)
            return
        except duckdb.OutOfMemoryException:
            raise MemoryError from None
        except duckdb.Error as error:
            if number == len(ways):
                raise Trouble(f"It cannot be read as {file.form}: {_words(error)}") from None


def _ways(file: File, duck: Duck) -> list[Attempt]:
    """From the quickest to the most forgiving."""
    if file.form in ("csv", "tsv"):
        import csv_files

        return csv_files.ways(file, duck)
    if file.form in ("json", "jsonl"):
        import json_files

        return json_files.ways(file, duck)
    if file.form == "parquet":
        import parquet_files

        return parquet_files.ways(file, duck)
    if file.form == "sqlite":
        import sqlite_files

        return sqlite_files.ways(file, duck)
    if file.form == "xlsx":
        import sheet_files

        return sheet_files.ways(file, duck)
    import arrow_files

    return arrow_files.ways(file, duck)


def _words(error: duckdb.Error) -> str:
    """The first line of what DuckDB says."""
    first = str(error).strip().split("\n")[0]
    return str(value("".join(each for each in first if each.isprintable()), 200))


def _tell_tables(duck: Duck, way: Attempt, tell: Tell) -> None:
    tell(tables=[], trouble="")
    troubles: list[str] = []
    room = _ROOM
    for number, table in enumerate(way()):
        if number == MOST_TABLES:
            troubles.append(f"It has more than {MOST_TABLES} tables; these are the first.")
            break
        for profile in _profiles(duck, table, max(room // 2, _LEAST_ROOM)):
            room -= len(json.dumps(profile.get("head", [])))
            tell(table=(number, profile))
        troubles += [table.trouble] if table.trouble else []
    tell(trouble=" ".join(troubles))


def _profiles(duck: Duck, table: Table, room: int) -> Iterator[Profile]:
    """Of one table, ever more: its first rows, told once, then the numbers of its columns."""
    found = [Column(*each) for each in table.columns or duck.columns(table.relation)]
    columns = found[:MOST_COLUMNS]
    profile: Profile = {
        "name": value(table.name),
        "rows": 0,
        "columns_count": table.columns_count or len(found),
        "rows_exact": False,
        "columns": [],
    }
    yield {**profile, "head": _head(duck, table, columns, room)}
    for rows, told in numbers(duck, table.relation, columns):
        yield {**profile, "rows": rows, "rows_exact": table.exact, "columns": told}


def _head(duck: Duck, table: Table, columns: list[Column], room: int) -> list[list[Any]]:
    """As many as there may be, and have room written down."""
    if not columns:
        return []
    rows = min(HEAD, max(1, _MOST_CELLS // len(columns)))
    asked = ", ".join(column.cell for column in columns)
    found = []
    for row in duck.rows(f"SELECT {asked} FROM {table.relation} LIMIT {rows}"):
        found.append(cells(row))
        room -= len(json.dumps(found[-1])) + 2
        if room < 0:
            break
    return found
