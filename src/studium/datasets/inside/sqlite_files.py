"""SQLite, opened as a file that somebody made to do harm: nothing of what it defines is run, only plain tables are read.

Views, triggers, virtual tables and generated columns are programs of the file's author; they are not looked into.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from duck import Duck, column
from json_values import Trouble
from looking import File
from relations import Attempt, Table
from staging import Staged, distinct_names

_LONGEST = 64 * 1024 * 1024
_STEPS = 10_000
# Of the time there is for this file, so that what was read can still be told.
_SHARE = 0.6
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
_SETTINGS = ("trusted_schema = off", "query_only = on", "cell_size_check = on", "temp_store = memory", "mmap_size = 0")


def ways(file: File, duck: Duck) -> list[Attempt]:
    return [lambda: _tables(file)]


def _tables(file: File) -> Iterator[Table]:
    ends = time.monotonic() + file.limits.seconds * _SHARE
    try:
        with contextlib.closing(_opened(file, ends)) as database:
            yield from _each(file, database)
    except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
        raise Trouble(f"It cannot be read as SQLite: {str(error)[:200]}.") from None


def _opened(file: File, ends: float) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(file.path)}?mode=ro&immutable=1", uri=True, isolation_level=None)
    for setting in _SETTINGS:
        database.execute(f"PRAGMA {setting}")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.text_factory = lambda read: read.decode("utf-8", "replace")
    database.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    return database


def _each(file: File, database: sqlite3.Connection) -> Iterator[Table]:
    # A virtual table has no page of its own.
    found = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
    ).fetchall()
    plain = [(name, _columns(database, name)) for (name,) in found]
    database.set_authorizer(lambda what, *rest: sqlite3.SQLITE_OK if what in _ALLOWED else sqlite3.SQLITE_DENY)
    for number, (name, columns) in enumerate(plain):
        if not columns:
            continue
        staged = Staged(file, distinct_names(columns), number)
        try:
            staged.fill(_rows(database, name, columns))
        except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
            late = "interrupted" in str(error)
            staged.trouble = (
                f"Not all rows of {name[:100]!r} were read: {'the time was up' if late else str(error)[:100]}."
            )
        yield staged.table(name)


def _rows(database: sqlite3.Connection, name: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Asked for when the first is wanted, so that what cannot even be asked for is a table without rows."""
    yield from database.execute(f"SELECT {', '.join(map(column, columns))} FROM main.{column(name)}")


def _columns(database: sqlite3.Connection, name: str) -> list[str]:
    """Those that are stored."""
    asked = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0"
    return [each for (each,) in database.execute(asked, (name,))]
