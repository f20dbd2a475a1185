"""Outputs that need a script: each becomes a frame whose page has no origin, no network and no way out.

The data of a frame are a part of the rendering; the page around them, which library it may load and its policy are put there
when it is asked for (`web/fenced.py`). A frame cannot tell how high it wants to be, so that is estimated here.
"""

import json
import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

from studium.lib.units import MIB
from studium.notebooks.reading import text_of
from studium.notebooks.render import widgets
from studium.notebooks.render.parts import Parts

Json = dict[str, Any]
PLOTLY = "application/vnd.plotly.v1+json"
VEGA = re.compile(r"application/vnd\.vega(lite)?\.v\d[\w.]*[+.]json")
NEEDS_SCRIPT = re.compile(r"<(script|iframe|object|embed|canvas)\b", re.IGNORECASE)
STYLED = re.compile(r"<style(?![^>]*\bscoped\b)[^>]*>|\sstyle=", re.IGNORECASE)
MOST_DATA = 32 * MIB
LOWEST, HIGHEST = 40, 4000
_SCRIPTS = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_SCRIPT_TAG = re.compile(r"<script\b[^>]*>", re.IGNORECASE)
_SOURCE = re.compile(r"\bsrc\s*=\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)
_HEIGHT = re.compile(r"(?<![\w-])height\s*[:=]\s*[\"']?(\d{2,4})(?:px|[\"';\s])", re.IGNORECASE)
_CHECKED = re.compile(r"\s(?:integrity|crossorigin)(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?", re.IGNORECASE)
_FAR = r"(?:https?:)?//[\w.:-]+(?:/[\w.@+-]+)*?/"
# Libraries that are here, by the addresses that programs write for them.
_HERE = [
    (re.compile(_FAR + r"plotly(?:[.-][\w.-]*?)?\.js\b(?:@[\w./-]+)?"), "/-/lib/plotly.min.js"),
    (re.compile(_FAR + r"plotly\.js(?:-dist(?:-min)?)?@[\w./-]+"), "/-/lib/plotly.min.js"),
    (re.compile(_FAR + r"vega-embed@[\w./-]+"), "/-/lib/vega-embed.js"),
    (re.compile(_FAR + r"vega-lite@[\w./-]+"), "/-/lib/vega-lite.js"),
    (re.compile(_FAR + r"vega@[\w./-]+"), "/-/lib/vega.js"),
    (re.compile(_FAR + r"require(?:\.min)?\.js\b"), "/-/lib/require.min.js"),
    (re.compile(_FAR + r"(?:lib)?embed-amd(?:\.js)?\b"), "/-/lib/embed-amd.js"),
]


@dataclass
class Drawing:
    """What the outputs of one notebook share: the parts of their page, and the models of its widgets."""

    parts: Parts = field(default_factory=Parts)
    models: Json = field(default_factory=dict)


def drawn(data: Json, metadata: Any, drawing: Drawing, under: str) -> str:
    """A frame that draws what a library of ours understands; empty where the bundle has nothing of the kind.

    `under` is the picture that shows until the frame has drawn, and in its place where it cannot.
    """
    if isinstance(data.get(PLOTLY), dict):
        figure = data[PLOTLY]
        return _frame("plotly", figure, _plotly_height(figure), "Interactive plot", drawing, under)
    for kind in data:
        if VEGA.fullmatch(kind) and isinstance(data[kind], dict):
            told = metadata.get(kind) if isinstance(metadata, dict) else None
            options = told.get("embed_options") if isinstance(told, dict) else None
            chart = {"spec": data[kind], "options": options if isinstance(options, dict) else {}}
            chart["mode"] = "vega-lite" if "lite" in kind else "vega"
            return _frame("vega", chart, _vega_height(data[kind]) + 24, "Interactive chart", drawing, under)
    return _widget(data, drawing, under)


def _widget(data: Json, drawing: Drawing, under: str) -> str:
    view = data.get(widgets.VIEW)
    model = view.get("model_id") if isinstance(view, dict) else None
    models = widgets.needed(drawing.models, model) if isinstance(model, str) else {}
    if not models:
        return ""
    state = {"version_major": 2, "version_minor": 0, "state": models}
    content = {"state": state, "model_id": model, "text": text_of(data.get("text/plain"))[:2000]}
    return _frame("widget", content, widgets.height(models, str(model)) + 24, "Widgets as saved", drawing, under)


def scripted(html: str, drawing: Drawing, under: str) -> str:
    """A frame in which the scripts of this HTML run, with nothing to load but the libraries that are here."""
    name = drawing.parts.add("html", with_libraries(html).encode("utf-8", "replace")) if fits(html) else ""
    return frame(name, _html_height(html), "Interactive output", under=under) if name else ""


def styled(html: str, drawing: Drawing) -> str:
    """A frame that shows this HTML with its own styles; no script runs in it."""
    name = drawing.parts.add("styled", html.encode("utf-8", "replace")) if fits(html) else ""
    return frame(name, _html_height(html), "Output with its styles", scripts=False) if name else ""


def fits(html: str) -> bool:
    return len(html) <= MOST_DATA


def frame(name: str, height: int, title: str, *, under: str = "", scripts: bool = True) -> str:
    """The element; what it may is said once more by the policy of its page."""
    allowed = "allow-scripts" if scripts else ""
    element = (
        f'<iframe src="parts/{name}" sandbox="{allowed}" loading="lazy" referrerpolicy="no-referrer" '
        f'height="{min(max(height, LOWEST), HIGHEST)}" title="{escape(title)}"></iframe>'
    )
    return f'<div class="fenced">{under}{element}</div>'


def draws_nothing(html: str) -> bool:
    """Whether it is only scripts and styles, such as what loads a library for outputs to come."""
    return not _SCRIPTS.sub("", html).strip()


def loads_from_elsewhere(html: str) -> bool:
    """Whether a script of it comes from an address for which there is nothing here, so that it will lack something."""
    tags = _SCRIPT_TAG.findall(with_libraries(html))
    return any(_SOURCE.search(tag) for tag in tags)


def with_libraries(html: str) -> str:
    """The same with libraries that are here instead of those at their usual addresses."""

    def tag(found: re.Match[str]) -> str:
        text = _local(found[0])
        return _CHECKED.sub("", text) if text != found[0] else text

    return _local(_SCRIPT_TAG.sub(tag, html))


def _local(text: str) -> str:
    for far, here in _HERE:
        text = far.sub(here, text)
    return text


def _frame(kind: str, content: Json, height: int, title: str, drawing: Drawing, under: str) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MOST_DATA:
        return ""
    # Between script tags: nothing in it may look like the end of one.
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    name = drawing.parts.add(kind, text.encode("utf-8", "replace"))
    return frame(name, height, title, under=under) if name else ""


def _number(value: Any, otherwise: int) -> int:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 100_000
    return int(value) if fits else otherwise


def _plotly_height(figure: Json) -> int:
    layout = figure.get("layout")
    return _number(layout.get("height"), 450) if isinstance(layout, dict) else 450


def _vega_height(spec: Any, depth: int = 0) -> int:
    """Views below each other add up, those beside each other are as high as the highest."""
    if not isinstance(spec, dict) or depth > 10:
        return 0
    for key in ("vconcat", "hconcat", "concat"):
        if isinstance(spec.get(key), list):
            inner = [_vega_height(each, depth + 1) for each in spec[key]]
            across = _number(spec.get("columns"), len(inner)) if key == "concat" else 1
            if key == "hconcat":
                return max(inner, default=0)
            return sum(max(inner[at : at + across]) for at in range(0, len(inner), max(across, 1)))
    if isinstance(spec.get("spec"), dict):
        return _vega_height(spec["spec"], depth + 1) * 2
    own = _number(spec.get("height"), 0)
    return (own or 300) + (90 if spec.get("title") else 70)


def _html_height(html: str) -> int:
    found = [int(each) for each in _HEIGHT.findall(html[:200_000] + html[-200_000:])]
    return max((n + 30 for n in found if 40 <= n <= 1600), default=480)
