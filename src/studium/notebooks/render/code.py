"""Code as HTML, in the colours of the page's style."""

import functools
from html import escape

from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

# Longer code is shown without colours.
LONGEST_CODE = 200_000
_FORMATTER = HtmlFormatter(nowrap=True, classprefix="k-")


@functools.cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name("python" if language.startswith(("python", "ipython")) else language)
    except ClassNotFound:
        return None


def coloured(source: str, language: str) -> str:
    """Code as HTML, in colours where its language is known and it is not too long."""
    lexer = _lexer(language) if len(source) <= LONGEST_CODE else None
    return str(highlight(source, lexer, _FORMATTER)) if lexer else escape(source)
