"""Markdown cells as safe HTML, with the headings they hold and their formulas drawn."""

import re
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from studium.notebooks.render.clean import clean, slug
from studium.notebooks.render.formulas import formula_html
from studium.notebooks.render.pictures import data_uri

LONGEST = 400_000


@dataclass
class Heading:
    level: int
    anchor: str
    text: str


@dataclass
class Headings:
    """All headings of a notebook; anchors are unique in it."""

    found: list[Heading] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def add(self, level: int, text: str) -> str:
        base = slug(text)
        anchor, n = base, 2
        while anchor in self._taken:
            anchor, n = f"{base}-{n}", n + 1
        self._taken.add(anchor)
        self.found.append(Heading(level, anchor, text))
        return anchor


def _render_math(renderer: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """A mark that nobody can foresee; the formula takes its place once everything else is clean."""
    token = tokens[index]
    block = not token.type.startswith("math_inline") or token.type == "math_inline_double"
    env["formulas"].append(formula_html(token.content, block=block))
    return f"{env['mark']}{len(env['formulas']) - 1}."


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True).use(amsmath_plugin)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label", "amsmath"):
        parser.add_render_rule(name, _render_math)
    return parser


_PARSER = _parser()


def markdown_html(source: str, headings: Headings | None = None, attachments: dict[str, Any] | None = None) -> str:
    """The HTML of a markdown text. `attachments` are the cell's own pictures, by name."""
    if len(source) > LONGEST:
        return f"<pre>{escape(source[:LONGEST])}\n[cut here]</pre>"
    env: dict[str, Any] = {"mark": f"formula{secrets.token_hex(16)}n", "formulas": []}
    tokens = _PARSER.parse(source, env)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and headings is not None:
            token.attrSet("id", headings.add(int(token.tag[1]), _plain(tokens[index + 1])))
        elif token.type in ("th_open", "td_open"):
            _align(token)
        for child in token.children or ():
            if child.type == "image":
                _attach(child, attachments or {})
    cleaned = clean(_PARSER.renderer.render(tokens, _PARSER.options, env))
    formulas: list[str] = env["formulas"]
    return re.sub(rf"{env['mark']}(\d+)\.", lambda found: formulas[int(found[1])], cleaned)


def _plain(inline: Token) -> str:
    parts = [c.content for c in inline.children or () if c.type in ("text", "code_inline", "math_inline")]
    return " ".join("".join(parts).split())[:120]


def _align(token: Token) -> None:
    """The parser aligns a column by a style attribute, which the page does not allow; a class does the same."""
    wanted = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    if wanted in ("left", "right", "center"):
        token.attrSet("class", wanted)


def _attach(image: Token, attachments: dict[str, Any]) -> None:
    address = str(image.attrs.get("src", ""))
    if address.startswith("attachment:"):
        bundle = attachments.get(address.removeprefix("attachment:"))
        image.attrSet("src", data_uri(bundle) if isinstance(bundle, dict) else "")
    elif not address.startswith("data:image/"):
        # Nothing is loaded from elsewhere: the reader is told where the picture would be.
        image.attrs.pop("src", None)
        image.attrSet("title", f"Picture not shown: {address}"[:300])
