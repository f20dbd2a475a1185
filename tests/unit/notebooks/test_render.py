"""The rendered page: what a reader sees, and that nothing hostile survives in it."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from studium.lib import formulas
from studium.notebooks import render
from studium.notebooks.bounded import Bounds
from studium.notebooks.render import RenderError, render_html
from studium.notebooks.render.ansi import to_html
from studium.notebooks.render.clean import clean
from studium.notebooks.render.markdown import markdown_html
from studium.notebooks.render.page import page, parted
from studium.notebooks.render.parts import HEAD, index_length, read_index

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def shown(*cells: dict[str, object], metadata: dict[str, object] | None = None) -> str:
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": list(cells)}
    return parted(json.dumps(document).encode())[0].decode()


def body(html: str) -> str:
    return html.partition("</head>")[2]


def code(source: str = "x", *outputs: dict[str, object], **fields: object) -> dict[str, object]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": list(outputs),
        "execution_count": 1,
        **fields,
    }


def markdown(source: str, **fields: object) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **fields}


def display(**data: object) -> dict[str, object]:
    return {"output_type": "display_data", "metadata": {}, "data": {k.replace("__", "/"): v for k, v in data.items()}}


def stream(text: str, name: str = "stdout") -> dict[str, object]:
    return {"output_type": "stream", "name": name, "text": text}


OWN_PART = re.compile(r"parts/[0-9a-f]{24}\.[a-z0-9]+")


class Audit(HTMLParser):
    """Collects everything in a page that could run, load or submit."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []
        self._in_formula = False

    def handle_endtag(self, tag: str) -> None:
        self._in_formula = self._in_formula and tag != "math"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in set("script object embed form input button base svg link".split()):
            self.bad.append(tag)
        if tag == "iframe" and dict(attrs).get("sandbox") not in ("", "allow-scripts"):
            self.bad.append("a frame that may too much")
        # A browser reads what stands in a formula by other rules: only parts of formulas may stand there.
        if self._in_formula and tag not in formulas._TAGS:
            self.bad.append(f"{tag} in a formula")
        self._in_formula = self._in_formula or tag == "math"
        for name, value in attrs:
            address = "".join((value or "").split()).lower()
            if (
                name.startswith("on")
                or name == "style"
                or name in {"srcset", "formaction", "action", "ping", "background"}
            ):
                self.bad.append(f"{tag}[{name}]")
            kinds = {"img": "data:image/", "video": "data:video/", "audio": "data:audio/"}
            if name == "src" and not (OWN_PART.fullmatch(address) or address.startswith(kinds.get(tag, "data:image/"))):
                self.bad.append(f"{tag}[src={address[:40]}]")
            if name == "href" and not address.startswith(("http://", "https://", "mailto:", "#")):
                self.bad.append(f"{tag}[href={address[:40]}]")


def audit(html: str) -> list[str]:
    auditor = Audit()
    auditor.feed(html)
    return auditor.bad


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<img src='https://evil.example/pixel.png'>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=https://evil.example>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action=https://evil.example><input name=a><button>x</button></form>",
    "<div style='position:fixed;inset:0'>x</div>",
    "</section></main><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<!--><img src=x onerror=alert(1)>-->",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_html_does_nothing_wherever_it_stands(attack: str) -> None:
    bundle = {"text/html": attack, "text/plain": attack}
    html = shown(
        markdown(attack),
        markdown(
            f"# {attack}\n\n## a\n\n## b\n\n| {attack} |\n|---|\n| x |\n\n[x]({attack}) ![{attack}](attachment:a) `{attack}`"
        ),
        markdown(
            "![x](attachment:evil)", attachments={"evil": {"image/png": f'"><b onclick=1>{attack}', attack: attack}}
        ),
        code(attack, display(**bundle), display(text__markdown=attack), display(text__latex=attack), stream(attack)),
        code(
            "x",
            display(image__png=f'"{attack}', text__plain=attack),
            display(**{"image/png": PNG, "text/plain": f'">{attack}'}),
        ),
        code("x", {"output_type": "error", "ename": attack, "evalue": attack, "traceback": [attack]}),
        code("x", {"output_type": "error", "ename": attack, "evalue": attack, "traceback": []}),
        code("x", display(**{attack: attack}), display(application__json={attack: attack}), execution_count=None),
        {"cell_type": "raw", "metadata": {"format": attack}, "source": attack},
        metadata={
            "title": attack,
            "kernelspec": {"name": attack, "language": attack},
            "language_info": {"name": attack},
        },
    )
    assert audit(html) == []


def test_svg_is_shown_as_a_picture_where_scripts_do_not_run() -> None:
    html = shown(
        code(
            "x", display(**{"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"})
        )
    )
    assert 'src="data:image/svg+xml;base64,' in html
    assert audit(html) == []


def test_markdown_with_tables_formulas_and_pictures() -> None:
    table = "| a | b |\n|:--|--:|\n| 1 | 2 |\n\n"
    formulas = "Euler: $e^{i\\pi}<0$, price $5 and $6.\n\n$$\\int x$$\n\n\\begin{align}a&=b\\end{align}"
    pictures = "![dot](attachment:dot.png) ![far](https://elsewhere.example/a.png)"
    attached = {"dot.png": {"image/png": PNG}}
    html = body(shown(markdown(table + formulas), markdown(pictures, attachments=attached)))
    assert '<td class="right">2</td>' in html
    assert '<math display="inline">' in html
    assert "<mi>\u03c0</mi>" in html
    assert "<mo>&lt;</mo>" in html
    assert "$5 and $6" in html
    assert html.count('<math display="block">') == 2
    assert f'src="data:image/png;base64,{PNG}"' in html
    assert 'title="Picture not shown: https://elsewhere.example/a.png"' in html


@pytest.mark.parametrize(
    "formula",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{x\" onclick=\"alert(1)}{x}",
        r"\color{red\" onload=\"x}{y}",
        r"\mathrm{</math><script>alert(1)</script>}",
        r"\unknown{" + "{" * 3000,
        "x" * 6000,
        r"\begin{matrix}a&b\\c",
    ],
)
def test_hostile_formulas_are_formulas_or_text(formula: str) -> None:
    for block in (True, False):
        assert audit(formulas.formula_html(formula, block=block)) == []
    html = body(shown(markdown(f"a ${formula}$ b\n\n$$\n{formula}\n$$")))
    assert audit(html) == []


def test_formulas_are_drawn_and_what_is_none_stays_readable() -> None:
    drawn = formulas.formula_html(r"\sum_{i=1}^n \frac{x_i}{\sqrt{2}} \le \hat{\theta}", block=True)
    assert "<munderover>" in drawn, "limits stand below and above where there is room"
    assert "<mfrac>" in drawn
    assert "<msqrt>" in drawn
    assert "∑" in drawn
    assert formulas.formula_html("x" * 6000, block=False).startswith('<code class="math">')
    html = body(shown(markdown("formula0n0. and $x$")))
    assert "formula0n0." in html, "what looks like a mark is text"


def test_contents_lead_to_headings_and_so_do_links_in_the_text() -> None:
    html = body(shown(markdown("# One & all\n\n## Two\n\n## Two\n\n[there](#One-&-all) [away](https://a.example)")))
    for anchor in re.findall(r'href="#(h-[^"]+)"', html):
        assert f'id="{anchor}"' in html
    assert 'href="#h-two-2">Two</a>' in html
    assert re.search(r'<a href="#h-one-all"(?! target)[^>]*>there', html)
    away = re.search(r'<a href="https://a.example"([^>]*)>away', html)
    assert away
    assert set(re.findall(r'\w+="[^"]*"', away[1])) == {'target="_blank"', 'rel="noopener noreferrer nofollow ugc"'}


def test_code_is_coloured_and_carries_its_count_and_time() -> None:
    times = {"iopub.execute_input": "2026-01-01T10:00:00+00:00", "shell.execute_reply": "2026-01-01T10:01:05+00:00"}
    html = body(shown(code("def f(): return 'x'", execution_count=7, metadata={"execution": times})))
    assert '<span class="k-k">def</span>' in html
    assert ">[7]<small>1 min 5 s</small></a>" in html


def test_code_in_markdown_is_coloured_where_its_language_is_known() -> None:
    html = body(
        shown(markdown("```Python\ndef f(): return '<b>'\n```\n\n```nonsense\ndef <i>\n```\n\n```\ndef $x$ <i>\n```"))
    )
    assert '<span class="k-k">def</span>' in html
    assert "&lt;b&gt;" in html
    assert html.count("k-k") == 2, "`def` and `return` of the first"
    assert [f"def {rest}&lt;i&gt;" in html for rest in ("", "$x$ ")] == [True, True]


def test_progress_bars_are_shown_as_they_ended() -> None:
    html = body(
        shown(code("x", stream("\r 10%"), stream("\r 50%"), stream("\r100%\ndone\n"), stream("oops\n", "stderr")))
    )
    assert '<div class="out"><pre>100%\ndone</pre></div>' in html
    assert '<div class="out err"><pre>oops</pre></div>' in html


def test_terminal_colours_become_classes_and_other_sequences_go() -> None:
    assert (
        to_html("\x1b[1;31mError\x1b[0m: <b>\x1b[2K\x1b]0;title\x07.")
        == '<span class="a-bold a-f1">Error</span>: &lt;b&gt;.'
    )
    assert (
        to_html("\x1b[38;5;28mx\x1b[39my\x1b[48;2;250;0;0mz")
        == '<span class="a-f2">x</span>y<span class="a-b1">z</span>'
    )
    assert to_html("\x1b[38;5") == "[38;5"


def test_tracebacks_are_shown() -> None:
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no",
        "traceback": ["\x1b[31mValueError\x1b[39m: no"],
    }
    assert '<div class="out failed"><pre><span class="a-f1">ValueError</span>: no</pre></div>' in body(
        shown(code("x", error))
    )


def test_tables_stay_tables() -> None:
    table = '<table border="1" class="dataframe"><tr style="text-align: right;"><th>a</th></tr></table>'
    frame = f"<div><style scoped>.x{{}}</style>{table}</div>"
    html = body(shown(code("df", display(text__html=frame, text__plain="a"))))
    assert '<table class="dataframe"><tbody><tr><th>a</th></tr></tbody></table>' in html


def test_long_output_is_folded_and_huge_output_is_cut() -> None:
    html = body(shown(code("x", stream("".join(f"line {n}\n" for n in range(1000))))))
    assert "<summary>940 more lines</summary>" in html
    assert "line 999" in html
    html = body(shown(code("x", stream("y" * 3_000_000))))
    assert len(html) < 100_000
    assert "cut here" in html


def test_hidden_source_is_folded() -> None:
    html = body(shown(code("secret = 1", metadata={"jupyter": {"source_hidden": True}})))
    assert "<details><summary>Code</summary>" in html


def test_what_is_no_notebook_gives_a_page_that_says_so() -> None:
    rendering = page(b"<script>")
    length = index_length(rendering[:HEAD])
    assert length is not None
    index = read_index(rendering[HEAD : HEAD + length])
    assert "its text is not JSON" in rendering[index.page[0] : sum(index.page)].decode()
    assert index.parts == {}


def test_the_page_is_made_in_a_bounded_process(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.dumps({"nbformat": 4, "metadata": {}, "cells": [code("x", stream("z" * 2_000_000))]}).encode()
    assert b"<!doctype html>" in render_html(document)[:200]
    monkeypatch.setattr(render, "BOUNDS", Bounds(memory_bytes=2048 * 1024**2, seconds=30, answer_bytes=1000))
    with pytest.raises(RenderError, match="too much memory"):
        render_html(document)


def test_classes_of_the_page_cannot_be_borrowed() -> None:
    assert clean('<table class="dataframe with-contents"><tr><td class="note">x</td></tr></table>').count("class") == 1


def test_a_formula_breaks_out_of_no_attribute() -> None:
    """Raw HTML may leave an attribute open around a formula; what is drawn has quotation marks of its own."""
    html = markdown_html('<details open="\n\n$x$\n\n<div ">hello</details>')
    assert "<math" not in html
    assert "hello" in html


def test_outputs_of_no_known_type_are_named_and_nul_bytes_show_nothing() -> None:
    odd = {"output_type": "hologram", "data": {"text/plain": "x"}}
    html = shown(code("a\0b", odd, stream("c\0d")))
    assert "\0" not in html
    assert "hologram" in html
