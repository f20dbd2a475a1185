"""The scene made once, and its rows put back for each further test: making it anew takes longer than most tests that use it."""

import pickle
from dataclasses import dataclass
from typing import Any

from django.db import connection
from scenes import Scene, make_scene

from factories.accounts import NOW
from studium.compute.engines import registry
from studium.compute.engines.fake import FakeEngine
from studium.storage import stores
from studium.storage.models import Blob

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Kept:
    """What making it left: rows of tables, contents of the store, and the scene itself."""

    rows: Rows
    blobs: dict[str, bytes]
    scene: bytes


_kept: Kept | None = None


def kept_scene() -> Scene:
    """The scene, in the caller's transaction. Elsewhere than on SQLite it is made: there numbers go on in each test."""
    global _kept
    if connection.vendor != "sqlite":
        return make_scene()
    if _kept is None:
        before = _rows()
        made = make_scene()
        after = _rows()
        assert all(set(rows) <= set(after[table]) for table, rows in before.items()), "rows that were there are changed"
        added = {table: [row for row in rows if row not in set(before[table])] for table, rows in after.items()}
        blobs = {digest: stores.read(digest) for digest in Blob.objects.values_list("pk", flat=True)}
        _kept = Kept({table: rows for table, rows in added.items() if rows}, blobs, pickle.dumps(made))
        return made
    registry.use({"fake": FakeEngine(NOW.timestamp)})
    with connection.cursor() as cursor:
        for table, rows in _kept.rows.items():
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {connection.ops.quote_name(table)} VALUES ({places})", rows)
    for digest, content in _kept.blobs.items():  # another test may have collected them
        stores.write(digest, content)
    found: Scene = pickle.loads(_kept.scene)
    return found


def _rows() -> Rows:
    found: Rows = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%%'")
        virtual = tuple(name for (name,) in cursor.fetchall())
        for table in connection.introspection.table_names(cursor):
            if table.startswith(virtual) if virtual else False:
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = cursor.fetchall()
    return found
