"""A comparison of two notebooks as one static page. Runs in the bounded process, as rendering does."""

from html import escape
from typing import Any

from studium.errors import BadInput
from studium.notebooks.render import widgets
from studium.notebooks.render.interactive import Drawing
from studium.notebooks.render.outputs import outputs_html
from studium.notebooks.render.parts import Parts, packed
from studium.notebooks.render.shell import whole
from studium.notebooks.versions.comparing import counts, rows_of, taken_apart

Json = dict[str, Any]
_WORDS = {"added": "Added", "removed": "Removed", "moved": "Moved", "changed": "Changed"}
_SIGNS = {"+": "plus", "-": "minus", " ": "as-was"}


def page(data: bytes) -> bytes:
    """The page with its parts; where one of them is no notebook, a page that says so."""
    try:
        left, right = taken_apart(data)
    except BadInput as error:
        html = whole("Not a notebook", "", f'<section class="text"><p>{escape(error.message)}</p></section>')
        return packed(html, Parts())
    parts = Parts()
    drawings = [Drawing(parts, widgets.saved_state(each["metadata"])) for each in (left, right)]
    shown, same = [], 0
    rows = rows_of(left, right)
    for each in rows:
        if each["change"] == "same":
            same += 1
            continue
        shown += [_unchanged(same), _cell(each, left["cells"], right["cells"], drawings)]
        same = 0
    shown.append(_unchanged(same))
    html = whole("Comparison", "", _summary(counts(rows)) + "\n".join(part for part in shown if part))
    return packed(html, parts)


def _summary(found: dict[str, int]) -> str:
    parts = [f"{found[kind]} {kind}" for kind in ("changed", "added", "removed", "moved") if found[kind]]
    words = ", ".join(parts) if parts else "No cell differs"
    outputs = f"; outputs of {found['outputs']} differ" if found["outputs"] else ""
    return f'<p class="note">{words}{outputs}; {found["same"]} the same.</p>'


def _unchanged(count: int) -> str:
    return f'<p class="unchanged">{count} unchanged cell{"" if count == 1 else "s"}</p>' if count else ""


def _cell(found: Json, left: list[Json], right: list[Json], drawings: list[Drawing]) -> str:
    before, after = found["left"], found["right"]
    where = " → ".join(f"cell {n + 1}" for n in dict.fromkeys(n for n in (before, after) if n is not None))
    only_outputs = found["change"] == "changed" and not found["source"]
    words = "Only its outputs changed" if only_outputs else _WORDS[found["change"]]
    lines = "".join(f'<span class="{_SIGNS[sign]}">{escape(line) or " "}</span>' for sign, line in found["source"])
    source = f'<pre class="diff">{lines}</pre>' if lines else ""
    return (
        f'<section class="cell-change {found["change"]}"><h2>{words} <small>{where}, {found["cell_type"]}</small></h2>'
        f"{source}{_outputs(found, left, right, drawings)}</section>"
    )


def _outputs(found: Json, left: list[Json], right: list[Json], drawings: list[Drawing]) -> str:
    if found["outputs"] in ("same", "none"):
        return ""
    sides = []
    for side, (words, cells) in enumerate((("Before", left), ("After", right))):
        position = found["left" if side == 0 else "right"]
        inner = outputs_html(cells[position].get("outputs", []), drawings[side]) if position is not None else ""
        sides.append(f"<div><h3>{words}</h3>{inner or '<p>No output</p>'}</div>")
    return f'<div class="sides">{"".join(sides)}</div>'
