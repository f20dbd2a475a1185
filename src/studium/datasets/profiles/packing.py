"""What was found in the files of a version, as it is kept: one blob of which a page reads the part that it shows.

A line with a mark and the length of the index, the index, what is told of each file, and at the end the first rows of tables.
The index has a summary too, which pages of the whole dataset need. What a run wrote is anybody's: of another shape it is left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from studium.storage import actions as storage

_MARK = b"studium profile 1 "
_DIGITS = 12
_START = len(_MARK) + _DIGITS + 1
_MOST_COLUMNS = 10_000
Found = dict[str, Any]
Place = tuple[int, int]


@dataclass(frozen=True)
class Index:
    """Where of each file what is told of it lies, and the first rows of each of its tables: start and length.

    `broken` are files that could not be read whole, `columns` those of tables as path and name.
    """

    files: dict[str, Place] = field(default_factory=dict)
    heads: dict[str, list[Place]] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


def packed(files: Mapping[str, Any]) -> bytes:
    """What is kept of the answer of a run. `files` is what it found, by path."""
    told, heads, rows = bytearray(), bytearray(), dict[str, list[Place]]()
    places = dict[str, Place]()
    shaped = {path: _shaped(found) for path, found in files.items() if isinstance(found, dict)}
    for path, found in shaped.items():
        rows[path] = []
        for table in found["tables"]:
            text = json.dumps(table.pop("head")).encode()
            rows[path].append((len(heads), len(text)))
            heads += text
        text = json.dumps(found).encode()
        places[path] = (len(told), len(text))
        told += text
    columns = [
        (path, str(each["name"])) for path, found in shaped.items() for t in found["tables"] for each in t["columns"]
    ]
    index = {
        "files": {path: [start, size, rows[path]] for path, (start, size) in places.items()},
        "told": len(told),
        "broken": [path for path, found in shaped.items() if found.get("trouble")],
        "columns": columns[:_MOST_COLUMNS],
    }
    text = json.dumps(index).encode()
    return b"%s%0*d\n%s%s%s" % (_MARK, _DIGITS, len(text), text, bytes(told), bytes(heads))


def _shaped(found: Found) -> Found:
    """Tables with columns that have names, and rows that are lists; of another shape, none."""
    tables = []
    for each in _list(found.get("tables")):
        if not isinstance(each, dict):
            continue
        columns = [one for one in _list(each.get("columns")) if isinstance(one, dict) and "name" in one]
        head = [row for row in _list(each.get("head")) if isinstance(row, list)]
        tables.append({**each, "columns": columns, "head": head})
    return {**found, "tables": tables}


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


@lru_cache(maxsize=64)  # what a digest names never changes
def index_of(content: str) -> Index:
    """Raises FileNotFoundError, and ValueError for what was not packed here."""
    start = storage.get_part(content, 0, _START)
    if not start.startswith(_MARK):
        raise ValueError(f"{content} is no profile")
    length = int(start[len(_MARK) :])
    said = json.loads(storage.get_part(content, _START, length))
    told, heads = _START + length, _START + length + said["told"]
    return Index(
        files={path: (told + at, size) for path, (at, size, _) in said["files"].items()},
        heads={path: [(heads + at, size) for at, size in rows] for path, (_, _, rows) in said["files"].items()},
        broken=tuple(said["broken"]),
        columns=tuple((path, name) for path, name in said["columns"]),
    )


def told(content: str, path: str) -> Found | None:
    """What was found in one file, without the first rows of its tables; None where it was not looked into."""
    place = index_of(content).files.get(path)
    if place is None:
        return None
    found: Found = json.loads(storage.get_part(content, *place))
    return found


def told_of_all(content: str) -> dict[str, Found]:
    """Of every file, read at once."""
    places = index_of(content).files
    if not places:
        return {}
    first = min(start for start, _ in places.values())
    held = storage.get_part(content, first, max(start + size for start, size in places.values()) - first)
    return {path: json.loads(held[start - first : start - first + size]) for path, (start, size) in places.items()}


def first_rows(content: str, path: str, table: int) -> list[list[Any]]:
    """Those of one table that are kept."""
    places = index_of(content).heads.get(path, [])
    if not 0 <= table < len(places):
        return []
    rows: list[list[Any]] = json.loads(storage.get_part(content, *places[table]))
    return rows
