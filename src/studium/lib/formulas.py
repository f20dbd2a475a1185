"""Formulas as MathML, which browsers draw without a script. What cannot be read as one stays as it was written.

In markdown: `reads_formulas` makes a parser find them, `env` goes with each text, and `fill` draws them into the HTML once
everything else in that is clean.
"""

import contextlib
import re
import secrets
from html import escape, unescape
from typing import Any

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

LONGEST = 5000
_TAGS = frozenset(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup munder mover munderover mmultiscripts "
    "mprescripts mtable mtr mtd mpadded mphantom menclose merror none".split()
)
_ATTRIBUTES = frozenset(
    "display displaystyle mathvariant stretchy fence form lspace rspace width height depth voffset columnalign linethickness "
    "accent accentunder scriptlevel separator largeop movablelimits minsize maxsize symmetric notation rowspacing "
    "columnspacing columnlines rowlines".split()
)
MARK = re.compile(r"formula[0-9a-f]{32}n")  # where a formula goes once all else is clean
_PLAIN = re.compile(r"[\w .,%#+-]{0,60}")


def formula_html(text: str, *, block: bool) -> str:
    """The formula as an element of MathML; as code where it is too long or is not understood."""
    source = text.strip()
    # The library raises whatever it trips over, and its input is anybody's.
    with contextlib.suppress(Exception):
        if len(source) <= LONGEST:
            return _written(convert_to_element(source, display="block" if block else "inline"))
    tag = "pre" if block else "code"
    return f'<{tag} class="math">{escape(source)}</{tag}>'


def _written(element: Any) -> str:
    """The element as text, with only what a formula is made of. The library's own writing undoes escaping, so it is not used."""
    if element.tag not in _TAGS:
        raise ValueError(f"no part of a formula: {element.tag}")
    given = [(k, v) for k, v in element.attrib.items() if k in _ATTRIBUTES and _PLAIN.fullmatch(v)]
    attributes = "".join(f' {name}="{value}"' for name, value in given)
    inner = escape(unescape(element.text or "")) + "".join(_written(child) for child in element)
    return f"<{element.tag}{attributes}>{inner}</{element.tag}>"


def reads_formulas(parser: MarkdownIt) -> MarkdownIt:
    """The parser, which from now on finds formulas between dollars and in environments of LaTeX."""
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True).use(amsmath_plugin)
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label", "amsmath"):
        parser.add_render_rule(name, _mark)
    return parser


def env() -> dict[str, Any]:
    """What to parse and render one text with."""
    return {"mark": f"formula{secrets.token_hex(16)}n", "formulas": []}


def _mark(renderer: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """A mark that nobody can foresee; the formula takes its place once everything else is clean."""
    token = tokens[index]
    block = not token.type.startswith("math_inline") or token.type == "math_inline_double"
    env["formulas"].append(formula_html(token.content, block=block))
    return f"{env['mark']}{len(env['formulas']) - 1}."


def fill(cleaned: str, env: dict[str, Any]) -> str:
    """The clean HTML with its formulas in place."""
    formulas: list[str] = env["formulas"]
    return re.sub(rf"{env['mark']}(\d+)\.", lambda found: formulas[int(found[1])], cleaned)
