"""Two notebooks cell by cell: what was added, removed, moved and changed, in source and outputs.

Cells are matched by their ids, else by their text. The work is done in a bounded process, as notebooks are hostile.
"""

import difflib
import json
from dataclasses import dataclass
from typing import Any, Literal

from studium.lib.units import MIB
from studium.notebooks import reading
from studium.notebooks.bounded import Bounds, Crowded, OutOfBounds, run_bounded
from studium.notebooks.render import widgets

BOUNDS = Bounds(memory_bytes=3072 * MIB, seconds=30, answer_bytes=160 * MIB)
# Two cells in the same place are one that was changed when at least this share of their text is common.
ALIKE = 0.4
PATIENCE = 10.0
MOST_LINES, LONGEST_LINE = 2000, 2000

Json = dict[str, Any]
Change = Literal["same", "changed", "added", "removed", "moved"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A cell of the left notebook and what became of it in the right one; one of them is None where there is none."""

    left: int | None
    right: int | None
    moved: bool = False


class CompareError(Exception):
    """These notebooks cannot be compared; the text says why, for people."""


def compare(left: bytes, right: bytes) -> Json:
    """What changed from left to right: `{"counts", "cells"}`. Raises CompareError.

    Each cell has `change`, `left` and `right` (its position from 0, or null), `cell_type`, `source` (lines as
    `[" " | "+" | "-", text]`, empty where the source is the same) and `outputs` (`same`, `changed`, `added`, `removed`, `none`).
    """
    found: Json = json.loads(_apart("compare", left, right))
    return found


def compare_page(left: bytes, right: bytes) -> bytes:
    """The same as one static page, outputs side by side. Raises CompareError."""
    return _apart("compare-page", left, right)


def _apart(work: str, left: bytes, right: bytes) -> bytes:
    try:
        return run_bounded(work, b"%d\n" % len(left) + left + right, BOUNDS, patience=PATIENCE)
    except Crowded:
        raise CompareError("Others are being compared at this moment. Try again in a minute.") from None
    except OutOfBounds as error:
        raise CompareError(f"These versions could not be compared: {error}.") from None


def taken_apart(data: bytes) -> tuple[Json, Json]:
    """In the bounded process: the two notebooks."""
    size, _, rest = data.partition(b"\n")
    return reading.parse(rest[: int(size)]), reading.parse(rest[int(size) :])


def answer(data: bytes) -> bytes:
    """In the bounded process: what `compare` reads."""
    rows = rows_of(*taken_apart(data))
    return json.dumps({"counts": counts(rows), "cells": rows}).encode()


def counts(rows: list[Json]) -> dict[str, int]:
    found = dict.fromkeys(("same", "changed", "added", "removed", "moved"), 0)
    for each in rows:
        found[each["change"]] += 1
    found["outputs"] = sum(each["outputs"] not in ("same", "none") for each in rows)
    return found


def pairs(left: list[Json], right: list[Json]) -> list[Pair]:
    """Every cell of both once, in reading order."""
    keys_left, keys_right = _keys(left, right), _keys(right, left)
    left_at = {key: position for position, key in enumerate(keys_left)}
    right_at = {key: position for position, key in enumerate(keys_right)}
    matcher = difflib.SequenceMatcher(None, keys_left, keys_right, autojunk=False)
    in_place = {key for block in matcher.get_matching_blocks() for key in keys_left[block.a : block.a + block.size]}
    found: list[Pair] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            found += [Pair(left=a + n, right=c + n) for n in range(b - a)]
            continue
        gone = [i for i in range(a, b) if keys_left[i] not in right_at or keys_left[i] in in_place]
        moved = [j for j in range(c, d) if keys_right[j] in left_at and keys_right[j] not in in_place]
        new = sorted({*range(c, d)} - {*moved})
        found += _replaced(gone, new, left, right)
        found += [Pair(left=left_at[keys_right[j]], right=j, moved=True) for j in moved]
    return found


def _keys(cells: list[Json], others: list[Json]) -> list[str]:
    """What a cell is known by: its id where the other notebook has it too, else its text."""
    ids = {(c["id"], c["cell_type"]) for c in others}
    seen: dict[str, int] = {}
    keys = []
    for cell in cells:
        key = f"id {cell['id']}" if (cell["id"], cell["cell_type"]) in ids else f"{cell['cell_type']} {cell['source']}"
        seen[key] = seen.get(key, 0) + 1
        keys.append(key if seen[key] == 1 else f"{key} {seen[key]}")
    return keys


def _replaced(gone: list[int], new: list[int], left: list[Json], right: list[Json]) -> list[Pair]:
    """Cells that stand where others stood: pairs of those that are alike, in order, and the rest apart."""
    found: list[Pair] = []
    rest = list(new)
    for i in gone:
        match = next((j for j in rest[:8] if _alike(left[i], right[j])), None)
        if match is None:
            found.append(Pair(left=i, right=None))
            continue
        found += [Pair(left=None, right=j) for j in rest[: rest.index(match)]]
        rest = rest[rest.index(match) + 1 :]
        found.append(Pair(left=i, right=match))
    return found + [Pair(left=None, right=j) for j in rest]


def _alike(one: Json, other: Json) -> bool:
    if one["cell_type"] != other["cell_type"]:
        return False
    matcher = difflib.SequenceMatcher(None, one["source"][:5000], other["source"][:5000], autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def rows_of(left: Json, right: Json) -> list[Json]:
    """The lines of the comparison of two notebooks, as `compare` tells them."""
    models = widgets.saved_state(left["metadata"]), widgets.saved_state(right["metadata"])
    return [_row(pair, left["cells"], right["cells"], models) for pair in pairs(left["cells"], right["cells"])]


def _row(pair: Pair, left: list[Json], right: list[Json], models: tuple[Json, Json]) -> Json:
    before = left[pair.left] if pair.left is not None else None
    after = right[pair.right] if pair.right is not None else None
    shown: Json = after or before or {}
    source = source_lines(before["source"] if before else "", after["source"] if after else "")
    outputs = _outputs(_told(before, models[0]), _told(after, models[1]))
    change: Change = "same"
    if before is None or after is None:
        change = "added" if before is None else "removed"
    elif pair.moved:
        change = "moved"
    elif source or (outputs != "same" and outputs != "none"):
        change = "changed"
    return {
        "change": change,
        "left": pair.left,
        "right": pair.right,
        "cell_type": shown["cell_type"],
        "source": source,
        "outputs": outputs,
    }


def _outputs(one: list[Json], other: list[Json]) -> str:
    if not one and not other:
        return "none"
    if one == other:
        return "same"
    return "changed" if one and other else "added" if other else "removed"


def _told(cell: Json | None, models: Json) -> list[Json]:
    """Outputs without what differs by itself: how often the kernel had run something before, what it called its widgets."""
    outputs = cell.get("outputs", []) if cell else []
    told = [{k: v for k, v in each.items() if k not in ("execution_count", "metadata")} for each in outputs]
    for each in told:
        data = each.get("data")
        view = data.get(widgets.VIEW) if isinstance(data, dict) else None
        if isinstance(data, dict) and isinstance(view, dict):
            each["data"] = {**data, widgets.VIEW: widgets.likeness(models, str(view.get("model_id")))}
    return told


def source_lines(before: str, after: str) -> list[list[str]]:
    """All lines with what happened to each; empty where nothing did. Long ones are cut, and so are very many."""
    if before == after:
        return []
    one, other = before.splitlines(), after.splitlines()
    lines: list[list[str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [[" ", line] for line in one[a:b]]
        else:
            lines += [["-", line] for line in one[a:b]] + [["+", line] for line in other[c:d]]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], [" ", f"[{len(lines) - MOST_LINES} more lines]"]]
    return [[sign, line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " [cut]"] for sign, line in lines]
