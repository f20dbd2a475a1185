"""Markdown cells as safe HTML, with the headings they hold and their formulas drawn."""

from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from studium.lib import formulas
from studium.notebooks.render.clean import clean, slug
from studium.notebooks.render.code import coloured
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


def _fenced(code: str, language: str, _attributes: str) -> str:
    return coloured(code, language.lower())


_PARSER = formulas.reads_formulas(
    MarkdownIt("commonmark", {"html": True, "highlight": _fenced}).enable(["table", "strikethrough"])
)


def markdown_html(
    source: str,
    headings: Headings | None = None,
    attachments: dict[str, Any] | None = None,
    *,
    beside: bool = False,
) -> str:
    """The HTML of a markdown text. `attachments` are the cell's own pictures, by name. With `beside`, pictures and links of
    files that lie beside the text lead to `beside?path=`, next to its page; else there are none.
    """
    if len(source) > LONGEST:
        return f"<pre>{escape(source[:LONGEST])}\n[cut here]</pre>"
    env = formulas.env()
    tokens = _PARSER.parse(source, env)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and headings is not None:
            token.attrSet("id", headings.add(int(token.tag[1]), _plain(tokens[index + 1])))
        elif token.type in ("th_open", "td_open"):
            _align(token)
        for child in token.children or ():
            if child.type == "image" and not (beside and _lead_beside(child, "src")):
                _attach(child, attachments or {})
            elif child.type == "link_open" and beside:
                _lead_beside(child, "href")
    return formulas.fill(clean(_PARSER.renderer.render(tokens, _PARSER.options, env)), env)


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


def _lead_beside(token: Token, attribute: str) -> bool:
    """Have a relative address ask for the file it means, as a query: a browser would take dots out of a path. False for others."""
    address = str(token.attrs.get(attribute, ""))
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme or parts.netloc or not parts.path:
        return False
    token.attrSet(attribute, f"beside?path={quote(unquote(parts.path), safe='')}")
    return True
