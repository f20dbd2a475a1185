"""What people write, as HTML of the platform's own pages: whatever it is, no script, no picture, no style, no foreign frame."""

import re
import time
from html.parser import HTMLParser

import pytest

from studium.community import writing
from studium.community.states import COMMENT_LENGTH
from studium.community.writing import mentioned, said_html

ALLOWED = set(
    "a blockquote br code del em h4 h5 h6 hr li ol p pre s strong table tbody td th thead tr ul "
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup munder mover munderover mtable mtr mtd".split()
)
ATTRIBUTES = {
    "href",
    "rel",
    "start",
    "display",
    "mathvariant",
    "stretchy",
    "fence",
    "form",
    "displaystyle",
    "class",
    "linethickness",
}


class Parts(HTMLParser):
    """Every tag and attribute there is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](//elsewhere.example/)",
    "[x](/admin/)",
    "[x](/people/../admin/)",
    "[x](/accounts/logout/)",
    "[x](#notices)",
    "[x]: javascript:alert(1)\n[x]",
    "<javascript:alert(1)>",
    "![x](https://elsewhere.example/track.png)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![x](javascript:alert(1))",
    "[![x](https://elsewhere.example/a.png)](javascript:alert(1))",
    '[x](https://e.org "onmouseover=alert(1)")',
    '[x](https://e.org/"onmouseover="alert(1))',
    "<style>*{display:none}</style>",
    '<p style="position:fixed;inset:0">x</p>',
    "<form action=https://elsewhere.example><input name=password></form>",
    "<base href=https://elsewhere.example>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example'>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "`<img src=x onerror=alert(1)>`",
    "```<img src=x>\n<script>alert(1)</script>\n```",
    "```html onload=alert(1)\nx\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "| <script> | b |\n|:--|--:|\n| <img src=x onerror=alert(1)> | $x$ |",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$$\\class{btn}{x}\\style{color:red}{y}$$",
    "\\begin{equation}<script>alert(1)</script>\\end{equation}",
    "$\\unicode{x3c}script\\unicode{x3e}$",
    '[$x$](https://e.org/"$y$)',
    '[x](https://e.org/$y$ "$z$")',
    "@ada<script>alert(1)</script>",
    '@ada"onmouseover=alert(1)',
    "[@ada](javascript:alert(1))",
    "\u202e<script>\u2066alert(1)",
    "1000000000000. x",
    "<h1 id=main class=skip>x</h1>",
    "# <a name=x>\n\nx",
    "a\x00<script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p \n onclick=alert(1)>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    html = said_html(text, {"ada"})
    parts = Parts(html)
    assert set(parts.tags) <= ALLOWED, html
    assert {name for name, _ in parts.attributes} <= ATTRIBUTES, html
    for name, value in parts.attributes:
        if name == "href":
            assert re.match(r"https?://|mailto:|/people/[^/]+/$", value), html
        if name == "class":
            assert value == "math", html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_after_other_text(text: str) -> None:
    """In a list, in a quotation, beside a mention and a formula: whatever stands around it."""
    for around in ("* {}", "> {}", "x @ada $y$ {}", "**{}**", "[{}](https://e.org)", "# {}"):
        parts = Parts(said_html(around.format(text), {"ada"}))
        assert set(parts.tags) <= ALLOWED
        assert {name for name, _ in parts.attributes} <= ATTRIBUTES


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.startswith("<")])
def test_either_fence_holds_without_the_other(text: str) -> None:
    """The parser lets no HTML through, so that all of it is there to read; and what cleans it would let nothing bad through."""
    if "\n" not in text and not text.startswith("<javascript"):
        assert Parts(said_html(text)).tags in ([], ["p"])
        assert "&lt;" in said_html(text)
    parts = Parts(writing._clean(text))
    assert set(parts.tags) <= ALLOWED
    assert {name for name, _ in parts.attributes} <= ATTRIBUTES
    assert not [value for name, value in parts.attributes if name == "href" and not value.startswith("http")]


def test_links_say_that_they_are_not_ours() -> None:
    html = said_html("[x](https://e.org/a?b=1&c=2) <https://e.org> <me@example.org>")
    assert html.count('rel="nofollow ugc noopener noreferrer"') == 3
    assert 'href="https://e.org/a?b=1&amp;c=2"' in html
    assert 'href="mailto:me@example.org"' in html


def test_pictures_are_links_to_them() -> None:
    html = said_html("![A *plot*](https://e.org/p.png) and ![](https://e.org/q.png)")
    assert "<img" not in html
    assert '<a href="https://e.org/p.png" rel="nofollow ugc noopener noreferrer">A *plot*</a>' in html
    assert ">picture</a>" in html


def test_what_markdown_is_for() -> None:
    html = said_html(
        "# Title\n\n*a* **b** ~~c~~ `d`\nnext line\n\n* one\n\n| h |\n|:-:|\n| v |\n\n```python\nx = 1\n```\n\n$x^2$"
    )
    for part in ("<h4>Title</h4>", "<em>a</em>", "<strong>b</strong>", "<s>c</s>", "<code>d</code>", "<br>", "<li>one</li>",
                 "<td>v</td>", "<pre><code>x = 1\n</code></pre>", "<msup>"):  # fmt: skip
        assert part in html, part


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hello @ada, and @lin.", ["ada", "lin"]),
        ("@ada @ada @max.planck!", ["ada", "max.planck"]),
        ("mail me@example.org or a/@b", []),
        ("`@ada` and\n\n    @lin\n\n```\n@max\n```", []),
        ("[@ada](https://e.org) but **@lin**", ["lin"]),
        ("@Ünal @名前", ["Ünal", "名前"]),
        ("@ @. @@ada", []),
    ],
)
def test_mentions(text: str, names: list[str]) -> None:
    assert mentioned(text) == names
    html = said_html(text, {*names, "other"})
    assert html.count('<a href="/people/') == len(re.findall("|".join(f"@{re.escape(n)}" for n in names) or "$^", text))
    assert "/people/" not in said_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "*" * COMMENT_LENGTH,
        "**a *b " * 1400,
        ">" * COMMENT_LENGTH,
        "> " * 5000,
        "[" * COMMENT_LENGTH,
        "[a](" * 2500,
        "![" * 5000,
        "`" * 5000 + " " + "`" * 4000,
        "<" * COMMENT_LENGTH,
        "<a " * 3333,
        "* " * 5000,
        "\n".join(" " * n + "* x" for n in range(130)),
        "| a " * 2500,
        "|a" * 100 + "\n" + "|-" * 100 + "\n" + ("|x" * 100 + "\n") * 40,
        "$" * COMMENT_LENGTH,
        "$x$ " * 2500,
        "$x$ " * 50,
        "$" + "{" * 4990 + "}" * 4990 + "$",
        "$" + "\\frac{" * 1600 + "$",
        "$" + "\\sqrt{" * 700 + "x" + "}" * 700 + "$",
        "$" + "x_" * 2400 + "$",
        "$" + "\\left(" * 800 + "$",
        "\\begin{matrix}" * 600,
        "&" * COMMENT_LENGTH,
        "@a " * 3333,
        "a@" * 5000,
        "\\" * COMMENT_LENGTH,
        "[x]: y\n" * 1400,
        "~" * COMMENT_LENGTH,
        "x\n" * 5000,
        "\u0300" * COMMENT_LENGTH,
        "www." * 2500,
    ],
    ids=range(32),
)
def test_nothing_that_fits_takes_long(text: str) -> None:
    began = time.process_time()
    said_html(text[:COMMENT_LENGTH], {"a"})
    mentioned(text[:COMMENT_LENGTH])
    assert time.process_time() - began < 1.5
