"""What is told of each column, from two scans of the table for every hundred of them.

The first counts, measures and finds what is likely to be frequent; the second knows from that where the bars of a histogram
stand, and which values to count exactly.
"""

from collections.abc import Iterator
from typing import Any

from column_types import Column
from duck import Duck
from frequent_values import CANDIDATES, COUNTED, SAMPLE, Frequent, frequent, repeats, sample_sql
from histograms import Bars, bars
from json_values import VALUE, value

Told = dict[str, Any]
# Columns in one scan. More would hold the sketches of all of them in memory.
TOGETHER = 100
_QUANTILES = "[0.05, 0.25, 0.5, 0.75, 0.95]"
_ORDERED = ("integer", "number", "timestamp", "date")
_COMPARED = (*COUNTED, "time")


def first_scan(column: Column, sample: Told) -> str:
    """A struct of aggregates."""
    kind, found = column.type, column.value
    parts = {"here": f"count_if({column.here})" if kind == "number" else f"count({column.raw})"}
    if kind in _COMPARED:
        bound = "::VARCHAR" if kind in ("timestamp", "date", "time") else ""
        parts |= {"min": f"min({found}){bound}", "max": f"max({found}){bound}"}
        parts["distinct"] = f"approx_count_distinct({found})"
    if kind in ("integer", "number", "text") and repeats(sample):
        parts["likely"] = f"approx_top_k({found}, {CANDIDATES})::VARCHAR[]"
    if kind in ("integer", "number"):
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
    return _struct(parts)


def second_scan(often: Frequent, shape: Bars | None) -> str:
    """A struct of what depends on the first scan; nothing if there is nothing to ask."""
    parts = {"often": often.sql} if often.sql else {}
    if shape is not None:
        parts["bars"] = f"map_values(histogram({shape.measured}, {shape.ends}::DOUBLE[]))"
    return _struct(parts) if parts else ""


def _struct(parts: dict[str, str]) -> str:
    return "{" + ", ".join(f"'{name}': {sql}" for name, sql in parts.items()) + "}"


def numbers(duck: Duck, relation: str, columns: list[Column]) -> Iterator[tuple[int, list[Told]]]:
    """The number of rows and as many columns as are known, again and again."""
    told: list[Told] = []
    for start in range(0, max(1, len(columns)), TOGETHER):
        batch = columns[start : start + TOGETHER]
        samples = _some(duck, f"(FROM {relation} LIMIT {SAMPLE})", [sample_sql(column) for column in batch], {})
        asked = ", ".join(["count(*)", *map(first_scan, batch, samples)])
        [(rows, *found)] = duck.rows(f"SELECT {asked} FROM {relation}")
        known = list(zip(batch, found, strict=True))
        yield rows, told + [_column(c, rows, f) for c, f in known]
        often = [frequent(*each, sample) for each, sample in zip(known, samples, strict=True)]
        shapes = [bars(*each) for each in known]
        more = _some(duck, relation, [second_scan(*each) for each in zip(often, shapes, strict=True)], {})
        told += [_column(c, rows, *rest) for c, *rest in zip(batch, found, often, shapes, more, strict=True)]
        yield rows, told


def _some(duck: Duck, relation: str, asked: list[str], nothing: Any) -> list[Any]:
    """An answer for each that asks something, `nothing` for the others."""
    if not any(asked):
        return [nothing for _ in asked]
    [answers] = duck.rows(f"SELECT {', '.join(each for each in asked if each)} FROM {relation}")
    in_order = iter(answers)
    return [(next(in_order) or nothing) if each else nothing for each in asked]


def _column(
    column: Column,
    rows: int,
    found: Told,
    often: Frequent | None = None,
    shape: Bars | None = None,
    more: Told | None = None,
) -> Told:
    """COLUMN of the profile; without the last three what is known after the first scan."""
    here, more = found["here"], more or {}
    distinct, top = often.told(more.get("often")) if often else (None, None)
    sketched = min(found["distinct"], here) if "distinct" in found else None
    told = {
        "name": value(column.name, VALUE),
        "type": column.type if here else "empty",
        "missing": rows - here,
        "distinct": sketched if distinct is None else distinct,
        "distinct_exact": distinct is not None or not here,
        "min": value(found.get("min"), VALUE),
        "max": value(found.get("max"), VALUE),
        "mean": value(found.get("mean")),
        "std": value(found.get("std")),
        "quantiles": [value(each) for each in found.get("quantiles") or []] or None,
        "histogram": shape.told(more["bars"]) if shape is not None and "bars" in more else None,
        "top": top,
        "length": None,
    }
    if found.get("shortest") is not None:
        told["length"] = {"min": found["shortest"], "max": found["longest"], "mean": value(found["length"])}
    return told
