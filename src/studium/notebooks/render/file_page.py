"""An output file as a page: a table, text in colours, markdown, a notebook, HTML in a frame. Runs in the bounded process."""

import csv
import json
import re
from collections.abc import Iterator
from html import escape

from pygments.lexers import get_lexer_for_filename  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from studium.notebooks.render.code import coloured
from studium.notebooks.render.interactive import Drawing, frame, with_libraries
from studium.notebooks.render.markdown import Headings, markdown_html
from studium.notebooks.render.page import parted
from studium.notebooks.render.parts import Parts, packed
from studium.notebooks.render.shell import whole

MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 200, 50, 300
MOST_LINES, LONGEST_LINE, LONGEST_COLOURED = 5000, 5000, 200_000
_NUMBER = re.compile(r"\s*-?[\d.,]*\d(e[+-]?\d+)?%?\s*", re.IGNORECASE)


def file_page(data: bytes) -> bytes:
    """The rendering of a file. Before its bytes stands a line that tells its kind, its path and whether it was cut."""
    head, _, content = data.partition(b"\n")
    told = json.loads(head)
    kind, name = told["kind"], told["path"].rpartition("/")[2]
    if kind == "notebook":
        return packed(*parted(content))
    drawing = Drawing()
    if kind == "html":
        part = drawing.parts.add("html", with_libraries(content.decode("utf-8", "replace")).encode())
        return _packed(name, f'<section class="page">{frame(part, 1000, name)}</section>', drawing.parts)
    text = content.decode("utf-8-sig", "replace")
    if kind == "markdown":
        return _packed(
            name,
            f'<section class="text">{markdown_html(text, Headings(), beside=told.get("beside", False))}</section>',
            drawing.parts,
        )
    if kind == "table":
        return _packed(name, _table(text, name, cut=told["cut"]), drawing.parts)
    if kind == "json":
        text = _indented(text)
    return _packed(name, _text(text, name, cut=told["cut"]), drawing.parts)


def _packed(name: str, body: str, parts: Parts) -> bytes:
    return packed(whole(name, "", body), parts)


def _table(text: str, name: str, *, cut: bool) -> str:
    lines = text.splitlines(keepends=True)
    if cut and lines and not lines[-1].endswith("\n"):
        lines.pop()  # half a line
    try:
        found = list(_rows(lines, name))
    except csv.Error as error:
        return f'<p class="note">This does not read as a table: {escape(str(error))}.</p>{_text(text, name, cut=cut)}'
    more, rows = len(found) > MOST_ROWS + 1, found[: MOST_ROWS + 1]
    if not rows:
        return _text(text, name, cut=cut)
    width = max(len(row) for row in rows)
    shown = range(min(width, MOST_COLUMNS))
    right = [_is_numeric(rows[1:], column) for column in shown]
    header = "".join(_cell("th", rows[0], column, right) for column in shown)
    body = "".join(f"<tr>{''.join(_cell('td', row, column, right) for column in shown)}</tr>" for row in rows[1:])
    parts = [f"the first {len(rows) - 1} rows"] if more or cut else []
    parts += [f"{MOST_COLUMNS} of {width} columns"] if width > MOST_COLUMNS else []
    note = f'<p class="note">Shown are {" and ".join(parts)}; all is in the file.</p>' if parts else ""
    table = f'<table class="file"><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>'
    return f'{note}<section class="table">{table}</section>'


def _rows(lines: list[str], name: str) -> Iterator[list[str]]:
    separator = "\t" if name.lower().endswith(".tsv") else _separator(lines[:20])
    reader = csv.reader(lines, delimiter=separator)
    for number, row in enumerate(reader):
        if number > MOST_ROWS + 1:
            return
        if row:
            yield row


def _separator(lines: list[str]) -> str:
    """One that stands as often in each of the first lines; a comma last, as it also stands within numbers and text."""
    for each in ";\t|,":
        counts = {line.count(each) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return each
    return max(",;\t|", key=lambda each: sum(line.count(each) for line in lines))


def _is_numeric(rows: list[list[str]], column: int) -> bool:
    values = [row[column] for row in rows if column < len(row) and row[column].strip()]
    return bool(values) and all(len(value) < 60 and _NUMBER.fullmatch(value) for value in values)


def _cell(tag: str, row: list[str], column: int, right: list[bool]) -> str:
    value = row[column] if column < len(row) else ""
    short = value if len(value) <= LONGEST_CELL else value[:LONGEST_CELL] + " …"
    side = ' class="right"' if right[column] else ""
    return f"<{tag}{side}>{escape(short)}</{tag}>"


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _text(text: str, name: str, *, cut: bool) -> str:
    lines = text.split("\n")
    cut = cut or len(lines) > MOST_LINES
    shown = "\n".join(
        line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " [line cut here]" for line in lines[:MOST_LINES]
    )
    note = '<p class="note">This is the beginning; all is in the file.</p>' if cut else ""
    body = coloured(shown, _language(name)) if len(shown) <= LONGEST_COLOURED else escape(shown)
    return f'{note}<section class="in"><pre><code>{body}</code></pre></section>'


def _language(name: str) -> str:
    try:
        return str(get_lexer_for_filename(name).aliases[0])
    except (ClassNotFound, IndexError):
        return "text"
