"""The outputs of a code cell as HTML: text, pictures, tables, errors; what needs a script goes into a frame."""

import base64
import binascii
import json
import re
from html import escape
from typing import Any

from studium.lib.formulas import formula_html
from studium.notebooks.reading import text_of
from studium.notebooks.render import interactive, widgets
from studium.notebooks.render.ansi import shown_lines, to_html
from studium.notebooks.render.clean import clean
from studium.notebooks.render.interactive import Drawing
from studium.notebooks.render.markdown import markdown_html
from studium.notebooks.render.pictures import picture_html, picture_in

LONGEST = 2_000_000
# Longer text shows its beginning and folds the rest.
FOLD_LINES, FIRST_LINES = 200, 60
LONGEST_LINE = 20_000
INTERACTIVE = '<p class="note">Interactive output: open the notebook to see it.</p>'
NOT_SAVED = '<p class="note">The state of this widget was not saved with the notebook: open the notebook to see it.</p>'
_ELSEWHERE = "Its scripts come from elsewhere, which nothing on this page may load."
_RUNS = ("application/javascript", "application/vnd.bokehjs_exec.v0+json")
_TAG = re.compile(r"<[^>]*>")
_SHOWN_APART = "audio/mpeg|audio/wav|audio/x-wav|audio/ogg|audio/flac|video/mp4|video/webm|video/ogg"
_MEDIA = re.compile(rf"data:({_SHOWN_APART})(?:;[\w=., \"-]*)?;base64,([A-Za-z0-9+/=\s]{{1000,}})", re.IGNORECASE)

Json = dict[str, Any]


def outputs_html(outputs: list[Any], drawing: Drawing) -> str:
    """The outputs of a cell. What they need beside the page is added to the parts of `drawing`."""
    return "".join(_output(each, drawing) for each in _joined(outputs) if isinstance(each, dict))


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


def _output(output: Json, drawing: Drawing) -> str:
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
        if not isinstance(data, dict):
            return ""
        return f'<div class="out">{_bundle(data, output.get("metadata"), drawing)}</div>'
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


def _bundle(data: Json, metadata: Any, drawing: Drawing) -> str:
    """The richest form of an output that the page can show."""
    picture = picture_in(data)
    shown = ""
    if picture:
        told = metadata.get(picture.kind) if isinstance(metadata, dict) else None
        shown = picture_html(picture, _described(data), drawing.parts, wanted=told)
    if frame := interactive.drawn(data, metadata, drawing, shown):
        return frame
    html = text_of(data.get("text/html"))
    if html and interactive.NEEDS_SCRIPT.search(html):
        return _scripted(html, shown, data, drawing)
    needs = any(kind in data for kind in (*_RUNS, widgets.VIEW, interactive.PLOTLY))
    if html and not needs:
        return _static(html, drawing) + _offer_of_styles(html, drawing)
    if picture:
        return shown
    if needs:
        note = NOT_SAVED if widgets.VIEW in data else INTERACTIVE
        kept = _static(html, drawing) if html else ""
        return note + (kept if _TAG.sub("", kept).strip() else _plain(data))
    for kind, show in (("text/markdown", markdown_html), ("text/latex", _latex), ("text/plain", long_text)):
        if text := text_of(data.get(kind)):
            return show(text)
    if "application/json" in data:
        return long_text(json.dumps(data["application/json"], indent=2, ensure_ascii=False))
    return INTERACTIVE if data else ""


def _scripted(html: str, picture: str, data: Json, drawing: Drawing) -> str:
    """HTML with scripts. What it shows without them stays in the page, and the whole is offered in a frame.

    The frame is open at once where there is nothing else to see and it has all that it loads.
    """
    kept = _static(html, drawing)
    reads = bool(_TAG.sub("", kept).strip()) or "<img" in kept
    elsewhere = interactive.loads_from_elsewhere(html)
    frame = interactive.scripted(html, drawing, "" if reads else picture)
    if frame and not reads and not elsewhere and not interactive.draws_nothing(html):
        return frame
    note = f'<p class="note">{_ELSEWHERE}</p>' if elsewhere else ""
    offer = (
        f'<details class="offer"><summary>Show it with its scripts</summary>{note}{frame}</details>' if frame else ""
    )
    before = kept if reads else picture or _plain(data)
    return before + offer if before or offer else INTERACTIVE


def _offer_of_styles(html: str, drawing: Drawing) -> str:
    if not interactive.STYLED.search(html) or 'class="dataframe"' in html:
        return ""
    frame = interactive.styled(html, drawing)
    return f'<details class="offer"><summary>Show it with its styles</summary>{frame}</details>' if frame else ""


def _static(html: str, drawing: Drawing) -> str:
    return f'<div class="html">{clean(_apart(html, drawing)[:LONGEST])}</div>'


def _apart(html: str, drawing: Drawing) -> str:
    """The same with sound and film, which programs write into it, as parts of the page."""

    def part(found: re.Match[str]) -> str:
        try:
            content = base64.b64decode("".join(found[2].split()), validate=True)
        except binascii.Error:
            return ""
        name = drawing.parts.add(found[1].rpartition("/")[2].removeprefix("x-").lower(), content)
        return f"parts/{name}" if name else ""

    return _MEDIA.sub(part, html) if "data:" in html else html


def _plain(data: Json) -> str:
    text = text_of(data.get("text/plain"))
    return long_text(text) if text else ""


def _latex(text: str) -> str:
    return formula_html(text.strip().strip("$"), block=True)


def _described(data: Json) -> str:
    """Words for those who do not see the picture, where the program left any."""
    text = " ".join(text_of(data.get("text/plain")).split())[:200]
    return "Figure" if not text or text.startswith("<") else text
