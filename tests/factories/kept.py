"""What many tests begin with, made once, and its rows put back for each further test: making it anew takes longer than most
tests that use it."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import IntegrityError, connection, transaction

from studium.storage import stores
from studium.storage.models import Blob

Row = tuple[Any, ...]
Made = TypeVar("Made")


@dataclass
class _Kept:
    """What making it left: rows as statements, contents of the store, and what was returned."""

    rows: list[tuple[str, list[Row]]]
    blobs: dict[str, bytes]
    returned: bytes


_kept: dict[Callable[[], Any], _Kept] = {}


def kept(make: Callable[[], Made]) -> Made:
    """What `make` returns, with its rows, in the caller's transaction; models and plain data only.

    `make` adds rows and changes none. Where rows of the test are in the way it is called again.
    """
    if make not in _kept:
        return _first(make)
    found = _kept[make]
    try:
        with transaction.atomic():
            _insert(found.rows)
    except IntegrityError:
        return make()
    for digest, content in found.blobs.items():  # another test may have collected them
        stores.write(digest, content)
    made: Made = pickle.loads(found.returned)
    return made


def _first(make: Callable[[], Made]) -> Made:
    before = _rows()
    blobs = set(Blob.objects.values_list("pk", flat=True))
    made = make()
    after = _rows()
    assert all(set(rows) <= set(after[table]) for table, rows in before.items()), "rows that were there are changed"
    added = {table: [row for row in rows if row not in set(before[table])] for table, rows in after.items()}
    written = Blob.objects.exclude(pk__in=blobs).values_list("pk", flat=True)
    statements = [_statement(table, rows) for table, rows in added.items() if rows]
    _kept[make] = _Kept(statements, {digest: stores.read(digest) for digest in written}, pickle.dumps(made))
    return made


def _statement(table: str, rows: list[Row]) -> tuple[str, list[Row]]:
    places = ", ".join(["%s"] * len(rows[0]))
    return f"INSERT INTO {connection.ops.quote_name(table)} VALUES ({places})", rows


def _insert(statements: list[tuple[str, list[Row]]]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # all of it at once: each journey to the server counts
            filled = [cursor.mogrify(statement, row) for statement, rows in statements for row in rows]
            cursor.execute(";".join(filled))
            return
        for statement, rows in statements:
            cursor.executemany(statement, rows)


def _rows() -> dict[str, list[Row]]:
    """Every row there is, but those that triggers write of others."""
    found: dict[str, list[Row]] = {}
    with connection.cursor() as cursor:
        virtual: tuple[str, ...] = ()
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%%'")
            virtual = tuple(name for (name,) in cursor.fetchall())
        for table in connection.introspection.table_names(cursor):
            if virtual and table.startswith(virtual):
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = [tuple(map(_hashable, row)) for row in cursor.fetchall()]
    return found


def _hashable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
