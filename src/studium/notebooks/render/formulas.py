"""Formulas as MathML, which browsers draw without a script. What cannot be read as one stays as it was written."""

import contextlib
import re
from html import escape, unescape
from typing import Any

from latex2mathml.converter import convert_to_element

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
