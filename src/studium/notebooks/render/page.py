"""Puts the page together: contents, cells in their order, one style, no script of its own. Runs in the bounded process."""

from datetime import datetime
from html import escape
from typing import Any

from studium.errors import BadInput
from studium.lib.units import duration_words
from studium.notebooks.inspection import language_of, title_of
from studium.notebooks.reading import parse, text_of
from studium.notebooks.render import widgets
from studium.notebooks.render.code import coloured
from studium.notebooks.render.interactive import Drawing
from studium.notebooks.render.markdown import Headings, markdown_html
from studium.notebooks.render.outputs import long_text, outputs_html
from studium.notebooks.render.parts import Parts, packed
from studium.notebooks.render.shell import whole

CONTENTS_FROM = 3

Json = dict[str, Any]


def page(data: bytes) -> bytes:
    """The rendering of a notebook: its page and what that shows beside itself; of what is no notebook, a page that says so."""
    html, parts = parted(data)
    return packed(html, parts)


def parted(data: bytes) -> tuple[bytes, Parts]:
    """The page as UTF-8, and its parts."""
    try:
        document = parse(data)
    except BadInput as error:
        words = f"<p>{escape(error.message)}</p><p>{escape(error.next_step)}</p>"
        return whole("Not a notebook", "", f'<section class="text">{words}</section>'), Parts()
    language = language_of(document)
    headings, drawing = Headings(), Drawing(models=widgets.saved_state(document["metadata"]))
    cells = [_cell(cell, number, headings, language, drawing) for number, cell in enumerate(document["cells"], 1)]
    return whole(title_of(document) or "Notebook", _contents(headings), "\n".join(cells)), drawing.parts


def _contents(headings: Headings) -> str:
    shown = [h for h in headings.found if h.level <= 3 and h.text]
    if len(shown) < CONTENTS_FROM:
        return ""
    items = "".join(f'<li class="l{h.level}"><a href="#{h.anchor}">{escape(h.text)}</a></li>' for h in shown)
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>{items}</ul></nav>'


def _cell(cell: Json, number: int, headings: Headings, language: str, drawing: Drawing) -> str:
    kind, source = cell["cell_type"], cell["source"]
    if kind == "markdown":
        body = markdown_html(source, headings, cell.get("attachments"))
        return f'<section class="text" id="cell-{number}">{body}</section>'
    if kind == "raw":
        return f'<section class="raw" id="cell-{number}">{long_text(source)}</section>' if source.strip() else ""
    if not source.strip() and not cell["outputs"]:
        return ""
    hidden = cell["metadata"].get("jupyter")
    hidden = hidden if isinstance(hidden, dict) else {}
    code = f"<pre><code>{coloured(source, language)}</code></pre>"
    outputs = outputs_html(cell["outputs"], drawing)
    if hidden.get("source_hidden") is True:
        code = f"<details><summary>Code</summary>{code}</details>"
    if hidden.get("outputs_hidden") is True and outputs:
        outputs = f"<details><summary>Output</summary>{outputs}</details>"
    return (
        f'<section class="code" id="cell-{number}">{_side(cell, number)}<div class="in">{code}</div>{outputs}</section>'
    )


def _side(cell: Json, number: int) -> str:
    """The execution count, which is also the cell's own link, and how long the cell took where that is worth a word."""
    count = cell["execution_count"]
    seconds = _took(cell["metadata"].get("execution"))
    took = f"<small>{duration_words(seconds)}</small>" if seconds and seconds >= 1 else ""
    shown = count if count is not None else "\N{NO-BREAK SPACE}"
    return f'<a class="count" href="#cell-{number}" aria-label="Cell {number}">[{shown}]{took}</a>'


def _took(times: Any) -> float | None:
    if not isinstance(times, dict):
        return None
    try:
        begun = datetime.fromisoformat(text_of(times.get("iopub.execute_input")))
        ended = datetime.fromisoformat(text_of(times.get("shell.execute_reply")))
        return (ended - begun).total_seconds()
    except (ValueError, TypeError):
        return None
