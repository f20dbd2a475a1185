"""What changed between two versions, as text: one heading for each cell that is not the same, its lines below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from studium.cli import output

if TYPE_CHECKING:
    from studium.client.shapes import ComparedCell, Comparison

_STYLES = {"+": "green", "-": "red", "@": "bold cyan", " ": ""}
_NEAR = 3  # lines around a change, as in other diffs


def show(found: Comparison, left: int, right: int) -> None:
    """Print it, in colour on a terminal. Lines of one cell that are far from any change are left out."""
    from rich.text import Text

    console = output.console()
    for style, text in lines(found):
        console.print(Text(output.printable(text), style=style), soft_wrap=True)
    output.say(_summary(found, left, right))


def _summary(found: Comparison, left: int, right: int) -> str:
    """`Version 1 to 2: 1 changed, 2 added; outputs of 3 cells differ.`"""
    counts = found.counts
    named = [("changed", counts.changed), ("added", counts.added), ("removed", counts.removed), ("moved", counts.moved)]
    words = ", ".join(f"{count} {name}" for name, count in named if count) or "no cell changed"
    outputs = f"; outputs of {counts.outputs} {'cell differs' if counts.outputs == 1 else 'cells differ'}"
    return f"Version {left} to {right}: {words}{outputs if counts.outputs else ''}."


def lines(found: Comparison) -> Iterator[tuple[str, str]]:
    """Style and text of each line."""
    for cell in found.cells:
        if cell.change == "same":
            continue
        yield _STYLES["@"], _heading(cell)
        for sign, text in _near_changes(cell.source):
            yield _STYLES[sign], f"{sign}{text}"


def _heading(cell: ComparedCell) -> str:
    """`@ cell 3 (code): changed, outputs changed`, with cells counted from 1 as people do."""
    if cell.left is not None and cell.right is not None and cell.left != cell.right:
        place = f"{cell.left + 1} -> {cell.right + 1}"
    else:
        place = str((cell.right if cell.right is not None else cell.left or 0) + 1)
    if cell.outputs in ("same", "none"):
        change = cell.change
    elif cell.change == "changed" and not cell.source:
        change = f"only outputs {cell.outputs}"
    else:
        change = f"{cell.change}, outputs {cell.outputs}"
    return f"@ cell {place} ({cell.cell_type}): {change}"


def _near_changes(source: list[list[str]]) -> Iterator[tuple[str, str]]:
    changed = [i for i, (sign, _) in enumerate(source) if sign != " "]
    shown = sorted({j for i in changed for j in range(max(0, i - _NEAR), min(len(source), i + _NEAR + 1))})
    last = -1
    for i in shown:
        if i > last + 1:
            yield " ", f"[{i - last - 1} lines]"
        sign, text = source[i]
        yield (sign if sign in _STYLES else " "), text
        last = i
    if shown and last < len(source) - 1:
        yield " ", f"[{len(source) - 1 - last} lines]"
