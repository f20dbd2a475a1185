"""What people write, as HTML that is safe on the platform's own pages.

Markdown without raw HTML, without pictures and with no address but web and mail links, then cleaned by a second, independent
list of what may stay. Texts have a length at most (`COMMENT_LENGTH`, `CARD_LENGTH`), which bounds what drawing one costs.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from studium.community.states import COMMENT_LENGTH
from studium.lib import formulas

CARD_LENGTH = 200_000
_TAGS = set("a blockquote br code del em h4 h5 h6 hr li ol p pre s strong table tbody td th thead tr ul".split())
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_LINK = re.compile(r"^(https?://|mailto:|/people/[^/]+/$)", re.IGNORECASE)
# As user names are made: letters of any language, digits and @ . + - _; the end of a sentence is none of it.
_MENTION = re.compile(r"(?<![\w@.+/-])@([\w.+-]{1,150})")
_LOWEST = {"h1": "h4", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6"}  # a page's own headings stand above
_MOST_SIGNS = 100  # of formulas: beyond, the dollars of a text are shown as they are


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


_PLAIN = _parser()
_WITH_FORMULAS = formulas.reads_formulas(_parser())


def _parser_for(text: str) -> MarkdownIt:
    """Drawing formulas costs far more than anything else that a text of this length can hold."""
    signs = text.count("$") + text.count("\\begin")
    return _WITH_FORMULAS if 0 < signs <= _MOST_SIGNS else _PLAIN


def mentioned(text: str) -> list[str]:
    """Names a text mentions as `@name`, each once, in order; whether there are such people is another question."""
    found: dict[str, None] = {}
    for token in _parser_for(text).parse(text[:COMMENT_LENGTH], formulas.env()):
        for child in _outside_links(token.children or []):
            for match in _MENTION.finditer(child.content):
                found.setdefault(match[1].rstrip(".-+"))
    return [name for name in found if name]


def said_html(text: str, people: Iterable[str] = ()) -> str:
    """The HTML of a text; a mention of one of `people` is a link to their page."""
    return _drawn(text, frozenset(people) & frozenset(mentioned(text)) if "@" in text else frozenset())


@lru_cache(maxsize=64)
def card_html(text: str) -> str:
    """The HTML of a long text, such as the card of a dataset. It mentions nobody."""
    return _html(text[:CARD_LENGTH], frozenset())


@lru_cache(maxsize=2000)
def _drawn(text: str, people: frozenset[str]) -> str:
    return _html(text[:COMMENT_LENGTH], people)


def _html(text: str, people: frozenset[str]) -> str:
    env, parser = formulas.env(), _parser_for(text)
    tokens = parser.parse(text, env)
    for token in tokens:
        token.tag = _LOWEST.get(token.tag, token.tag)
        token.attrs.pop("style", None)  # by which the parser aligns columns
        if token.children:
            token.children = list(_inline(token.children, people))
    return formulas.fill(_clean(parser.renderer.render(tokens, parser.options, env)), env)


def _outside_links(children: list[Token]) -> Iterator[Token]:
    inside = 0
    for child in children:
        inside += child.nesting if child.type in ("link_open", "link_close") else 0
        if child.type == "text" and not inside:
            yield child


def _inline(children: list[Token], people: frozenset[str]) -> Iterator[Token]:
    """The tokens of a line, pictures as links to them and mentions as links to people."""
    plain = {id(child) for child in _outside_links(children)}
    for child in children:
        if child.type == "image":
            yield from _link(str(child.attrs.get("src", "")), child.content or "picture")
        elif id(child) in plain and people:
            yield from _with_mentions(child.content, people)
        else:
            yield child


def _with_mentions(text: str, people: frozenset[str]) -> Iterator[Token]:
    last = 0
    for match in _MENTION.finditer(text):
        name = match[1].rstrip(".-+")
        if name in people:
            yield _text(text[last : match.start()])
            yield from _link(person_path(name), f"@{name}")
            last = match.start() + 1 + len(name)
    yield _text(text[last:])


def person_path(username: str) -> str:
    """The page of a person. Names are made of letters, digits and @ . + - _, which an address can hold."""
    return f"/people/{username}/"


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _link(address: str, words: str) -> list[Token]:
    return [Token("link_open", "a", 1, attrs={"href": address}), _text(words), Token("link_close", "a", -1)]


def _keep(element: str, attribute: str, value: str) -> str | None:
    if formulas.MARK.search(value):
        return None
    if attribute == "href":
        return value if _LINK.match(value.strip()) else None
    if attribute == "rel":  # which is ours: nobody else's may stay
        return value
    return value if re.fullmatch(r"\d{1,9}", value) else None


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener noreferrer",
        strip_comments=True,
    )
