"""Rows that DuckDB cannot read where they are, put into a Parquet file of the scratch folder.

Values keep the type that all of a column have in common. They are written as text, so that a column may turn out to have
another at its last row.
"""

import datetime
import os
from collections.abc import Iterable
from typing import Any

import pyarrow
import pyarrow.parquet
from duck import column, quoted
from looking import File
from relations import Table

_ROWS, _CELLS = 10_000, 1_000_000
# Of what is free in the workspace.
_ROOM = 0.5
_LONGEST = 1 << 20
_INT64 = 1 << 63
_WIDER = {frozenset({"BIGINT", "DOUBLE"}): "DOUBLE", frozenset({"DATE", "TIMESTAMP"}): "TIMESTAMP"}


class Typed:
    """The type of a column so far."""

    def __init__(self) -> None:
        self.kind = ""

    def text(self, found: Any) -> str | None:
        """What is written for a value."""
        if found is None:
            return None
        kind, text = _kind(found)
        if self.kind != kind:
            self.kind = kind if not self.kind else _WIDER.get(frozenset({self.kind, kind}), "VARCHAR")
        return text


def _kind(found: Any) -> tuple[str, str]:
    if isinstance(found, bool):
        return "BOOLEAN", str(found).lower()
    if isinstance(found, int):
        return ("BIGINT" if -_INT64 <= found < _INT64 else "DOUBLE"), str(found)
    if isinstance(found, float):
        return "DOUBLE", repr(found)
    if isinstance(found, datetime.datetime):
        return "TIMESTAMP", found.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(found, datetime.date):
        return "DATE", found.isoformat()
    if isinstance(found, datetime.time):
        return "TIME", found.replace(tzinfo=None).isoformat()
    if isinstance(found, bytes):
        return "BLOB", "".join(f"\\x{each:02X}" for each in found[: _LONGEST // 4])
    return "VARCHAR", str(found)[:_LONGEST].encode("utf-8", "replace").decode("utf-8")


class Staged:
    """One table in the making. `trouble` says why rows were left out."""

    def __init__(self, file: File, names: list[str], number: int) -> None:
        self.path = os.path.join(file.scratch, f"staged-{number}")
        self.names = names
        self._folder = file.scratch
        self._types = [Typed() for _ in names]
        self.trouble = ""

    def fill(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Until there is no more, or no more room. What `rows` raises passes through once what came before is kept."""
        schema = pyarrow.schema([(f"c{n}", pyarrow.string()) for n in range(len(self.names))])
        most = max(1, min(_ROWS, _CELLS // max(1, len(self.names))))
        with pyarrow.parquet.ParquetWriter(self.path, schema, compression="lz4") as writer:
            held: list[list[str | None]] = [[] for _ in self.names]

            def write() -> None:
                writer.write_table(pyarrow.table([pyarrow.array(each, pyarrow.string()) for each in held], schema))
                for each in held:
                    each.clear()

            try:
                for row in rows:
                    for place, kind, found in zip(held, self._types, row, strict=False):
                        place.append(kind.text(found))
                    for place in held[len(row) :]:
                        place.append(None)
                    if len(held[0]) >= most:
                        write()
                        if self._no_room():
                            self.trouble = "There was not enough room for all of its rows."
                            return
            finally:
                write()

    def _no_room(self) -> bool:
        facts = os.statvfs(self._folder)
        free = facts.f_bavail * facts.f_frsize
        return os.path.getsize(self.path) > free * _ROOM

    def table(self, name: str) -> Table:
        columns = [(each, kind.kind or "VARCHAR") for each, kind in zip(self.names, self._types, strict=True)]
        parts = ", ".join(f"c{n}::{kind} AS {column(each)}" for n, (each, kind) in enumerate(columns))
        relation = f"(SELECT {parts} FROM read_parquet({quoted(self.path)}))"
        return Table(relation, name, exact=not self.trouble, trouble=self.trouble, columns=columns)


def distinct_names(names: Iterable[Any]) -> list[str]:
    """As they are, numbered where there are none or two differ in nothing that SQL would see."""
    seen: set[str] = set()
    out = []
    for number, found in enumerate(names):
        base = str(found)[:200].replace("\0", "") if found not in (None, "") else f"column{number}"
        named, again = base, 1
        while named.lower() in seen:
            named, again = f"{base}_{again}", again + 1
        seen.add(named.lower())
        out.append(named)
    return out
