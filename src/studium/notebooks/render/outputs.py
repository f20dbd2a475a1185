"""The outputs of a code cell as HTML: text, pictures, tables, errors; what needs a script is named instead of shown."""

import json
import re
from html import escape
from typing import Any

from studium.lib.formulas import formula_html
from studium.notebooks.reading import text_of
from studium.notebooks.render.ansi import shown_lines, to_html
from studium.notebooks.render.clean import clean
from studium.notebooks.render.markdown import markdown_html
from studium.notebooks.render.pictures import data_uri

LONGEST = 2_000_000
# Longer text shows its beginning and folds the rest.
FOLD_LINES, FIRST_LINES = 200, 60
LONGEST_LINE = 20_000
INTERACTIVE = '<p class="note">Interactive output: open the notebook to see it.</p>'
_WIDGETS = (
    "application/vnd.jupyter.widget-view+json",
    "application/javascript",
    "application/vnd.bokehjs_exec.v0+json",
)
_NEEDS_SCRIPT = re.compile(r"<(script|iframe|object|embed|video|audio|canvas)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")

Json = dict[str, Any]


def outputs_html(outputs: list[Any]) -> str:
    return "".join(_output(each) for each in _joined(outputs) if isinstance(each, dict))


def _joined(outputs: list[Any]) -> list[Any]:
    """Neighbouring pieces of the same stream as one, as a reader sees them."""
    joined: list[Any] = []
    stream: Json | None = None
    for each in outputs:
        if not isinstance(each, dict) or each.get("output_type") != "stream":
            stream = None
            joined.append(each)
        elif stream is not None and stream["name"] == each.get("name"):
            stream["text"].append(text_of(each.get("text")))
        else:
            stream = {"output_type": "stream", "name": each.get("name"), "text": [text_of(each.get("text"))]}
            joined.append(stream)
    return joined


def _output(output: Json) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        error = " err" if output.get("name") == "stderr" else ""
        return f'<div class="out{error}">{long_text(text_of(output.get("text")))}</div>'
    if kind == "error":
        traceback = output.get("traceback")
        text = "\n".join(t for t in traceback if isinstance(t, str)) if isinstance(traceback, list) else ""
        text = text or f"{text_of(output.get('ename'))}: {text_of(output.get('evalue'))}"
        return f'<div class="out failed">{long_text(text)}</div>'
    if kind in ("display_data", "execute_result", "pyout"):
        data = output.get("data")
        return f'<div class="out">{_bundle(data)}</div>' if isinstance(data, dict) else ""
    named = f" ({escape(kind[:60])})" if isinstance(kind, str) else ""
    return f'<p class="note">Output of an unknown kind{named}: the download has it.</p>'


def long_text(text: str) -> str:
    """Terminal text in a `pre`; a long one is folded, a huge one cut."""
    cut = len(text) > LONGEST
    lines = [_short(line) for line in shown_lines(text[:LONGEST]).rstrip("\n").split("\n")]
    if cut:
        lines.append("[cut here: the whole output is in the notebook]")
    if len(lines) <= FOLD_LINES:
        return f"<pre>{to_html(chr(10).join(lines))}</pre>"
    first, rest = "\n".join(lines[:FIRST_LINES]), "\n".join(lines[FIRST_LINES:])
    more = f"{len(lines) - FIRST_LINES:,} more lines"
    return f"<pre>{to_html(first)}</pre><details><summary>{more}</summary><pre>{to_html(rest)}</pre></details>"


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " [line cut here]"


def _bundle(data: Json) -> str:
    """The richest form of an output that a static page can show."""
    html = text_of(data.get("text/html"))
    scripted = bool(_NEEDS_SCRIPT.search(html)) or any(kind in data for kind in _WIDGETS)
    if html and not scripted:
        return f'<div class="html">{clean(html[:LONGEST])}</div>'
    picture = data_uri(data)
    if picture:
        return f'<img src="{escape(picture)}" alt="{escape(_described(data))}">'
    if scripted:
        kept = clean(html[:LONGEST])
        return INTERACTIVE + (f'<div class="html">{kept}</div>' if _TAG.sub("", kept).strip() else "")
    for kind, show in (("text/markdown", markdown_html), ("text/latex", _latex), ("text/plain", long_text)):
        if text := text_of(data.get(kind)):
            return show(text)
    if "application/json" in data:
        return long_text(json.dumps(data["application/json"], indent=2, ensure_ascii=False))
    return INTERACTIVE if data else ""


def _latex(text: str) -> str:
    return formula_html(text.strip().strip("$"), block=True)


def _described(data: Json) -> str:
    """Words for those who do not see the picture, where the program left any."""
    text = " ".join(text_of(data.get("text/plain")).split())[:200]
    return "Figure" if not text or text.startswith("<") else text
