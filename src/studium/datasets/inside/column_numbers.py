"""What is told of each column, from two scans of the table for every hundred of them.

The first counts, measures and finds what is likely to be frequent; the second knows from that where the bars of a histogram
stand, and which values to count exactly.
"""

from collections.abc import Iterator
from typing import Any

import duckdb
from column_types import Column
from duck import Duck, quoted
from histograms import Bars, bars
from json_values import VALUE, value

Told = dict[str, Any]
# Columns in one scan. More would hold the sketches of all of them in memory.
TOGETHER = 100
# Up to so many distinct values all of them are counted, and up to so much text in them.
_ALL_DISTINCT, _ALL_BYTES = 2000, 4 * 1024 * 1024
# Above that a value is told as frequent only from this share of the values on: sketches are sure of no less.
_FREQUENT = 0.01
_CANDIDATES, TOP = 10, 10
_QUANTILES = "[0.05, 0.25, 0.5, 0.75, 0.95]"
_ORDERED = ("integer", "number", "timestamp", "date")
_COUNTED = (*_ORDERED, "text", "boolean", "time")


def first_scan(column: Column, *, careful: bool = False) -> str:
    """A struct of aggregates. `careful` leaves out those that overflow."""
    kind, found = column.type, column.value
    parts = {"here": f"count_if({column.here})" if kind == "number" else f"count({column.raw})"}
    if kind in _COUNTED:
        bound = "::VARCHAR" if kind in ("timestamp", "date", "time") else ""
        parts |= {"min": f"min({found}){bound}", "max": f"max({found}){bound}"}
        parts["distinct"] = f"approx_count_distinct({found})"
    if kind in ("integer", "number", "text"):
        parts["likely"] = f"approx_top_k({found}, {_CANDIDATES})"
    if kind in ("integer", "number") and not careful:
        parts |= {"mean": f"avg({found}::DOUBLE)", "std": f"stddev_samp({found}::DOUBLE)"}
    if kind in _ORDERED:
        parts["quantiles"] = f"approx_quantile({found}, {_QUANTILES})"
    if kind in ("timestamp", "date"):
        parts["quantiles"] += "::VARCHAR[]"
        parts |= {"low": f"epoch(min({found}))", "high": f"epoch(max({found}))"}
    if kind in ("text", "binary"):
        length = f"length({column.text})" if kind == "text" else f"octet_length({column.raw})"
        parts |= {"shortest": f"min({length})", "longest": f"max({length})", "length": f"avg({length})"}
    if kind == "text":
        parts["blank"] = f"count_if({found} = '')"
    return "{" + ", ".join(f"'{name}': {sql}" for name, sql in parts.items()) + "}"


def second_scan(column: Column, found: Told, shape: Bars | None) -> str:
    """A struct of what depends on the first scan; nothing if there is nothing to ask."""
    parts = {}
    if _all_are_counted(column, found):
        parts["all"] = f"histogram({column.value})"
    elif likely := _literals(column, found):
        parts["some"] = f"histogram_exact({column.value}, [{likely}])"
    if shape is not None:
        parts["bars"] = f"map_values(histogram({shape.measured}, {shape.ends}::DOUBLE[]))"
    return "{" + ", ".join(f"'{name}': {sql}" for name, sql in parts.items()) + "}" if parts else ""


def _all_are_counted(column: Column, found: Told) -> bool:
    if column.type not in _COUNTED or column.type == "time" or not found["here"]:
        return False
    bytes_in_all = found["distinct"] * min(found.get("longest") or 8, 250)
    return bool(found["distinct"] <= _ALL_DISTINCT and bytes_in_all <= _ALL_BYTES)


def _literals(column: Column, found: Told) -> str:
    """What is likely to be frequent, where anything can be."""
    likely = found.get("likely") or []
    if not likely or found["distinct"] > found["here"] * 0.9:
        return ""
    if column.type == "text":  # the empty text is counted apart, as it is how all others are called together
        return ", ".join(quoted(each) for each in likely if each and "\0" not in each)
    kind = "DOUBLE" if column.type == "number" else column.duck_type
    return ", ".join(f"{each!r}::{kind}" for each in likely)


def numbers(duck: Duck, relation: str, columns: list[Column]) -> Iterator[tuple[int, list[Told]]]:
    """The number of rows and as many columns as are known, again and again."""
    told: list[Told] = []
    for start in range(0, max(1, len(columns)), TOGETHER):
        batch = columns[start : start + TOGETHER]
        rows, found = _first(duck, relation, batch)
        yield rows, told + [_column(c, rows, f, None, {}) for c, f in zip(batch, found, strict=True)]
        shapes = [bars(c, f) for c, f in zip(batch, found, strict=True)]
        more = _second(duck, relation, batch, found, shapes) if rows else [{} for _ in batch]
        told += [_column(c, rows, *rest) for c, *rest in zip(batch, found, shapes, more, strict=True)]
        yield rows, told


def _first(duck: Duck, relation: str, batch: list[Column]) -> tuple[int, list[Told]]:
    asked = [first_scan(column) for column in batch]
    try:
        [(rows, *found)] = duck.rows(f"SELECT {', '.join(['count(*)', *asked])} FROM {relation}")
    except duckdb.OutOfRangeException:  # the square of a very large number
        asked = [first_scan(column, careful=True) for column in batch]
        [(rows, *found)] = duck.rows(f"SELECT {', '.join(['count(*)', *asked])} FROM {relation}")
    return rows, found


def _second(duck: Duck, relation: str, batch: list[Column], found: list[Told], shapes: list[Bars | None]) -> list[Told]:
    asked = [second_scan(*each) for each in zip(batch, found, shapes, strict=True)]
    if not any(asked):
        return [{} for _ in batch]
    [answers] = duck.rows(f"SELECT {', '.join(each for each in asked if each)} FROM {relation}")
    in_order: Iterator[Told] = iter(answers)
    return [next(in_order) if each else {} for each in asked]


def _column(column: Column, rows: int, found: Told, shape: Bars | None, more: Told) -> Told:
    """COLUMN of the profile."""
    here, every = found["here"], more.get("all")
    blank = None if every is None else len(every)
    told = {
        "name": value(column.name, VALUE),
        "type": column.type if here else "empty",
        "missing": rows - here,
        "distinct": min(found["distinct"], here) if every is None and "distinct" in found else blank,
        "distinct_exact": every is not None or not here,
        "min": value(found.get("min"), VALUE),
        "max": value(found.get("max"), VALUE),
        "mean": value(found.get("mean")),
        "std": value(found.get("std")),
        "quantiles": [value(each) for each in found.get("quantiles") or []] or None,
        "histogram": shape.told(more["bars"]) if shape is not None and "bars" in more else None,
        "top": _top(found, more),
        "length": None,
    }
    if found.get("shortest") is not None:
        told["length"] = {"min": found["shortest"], "max": found["longest"], "mean": value(found["length"])}
    return told


def _top(found: Told, more: Told) -> list[list[Any]] | None:
    """The most frequent values with how often they are there, None where none is frequent."""
    if "all" in more:
        counted, least = dict(more["all"] or {}), 1.0
    elif "some" in more or found.get("blank"):
        likely = set(found.get("likely") or [])
        counted = {each: count for each, count in (more.get("some") or {}).items() if each != "" and each in likely}
        counted |= {"": found["blank"]} if found.get("blank") else {}
        least = max(2.0, found["here"] * _FREQUENT)
    else:
        return None
    ordered = sorted(counted.items(), key=lambda each: (-each[1], str(each[0])))
    top = [[value(each, VALUE), count] for each, count in ordered[:TOP] if count >= least]
    return top or None
