"""Outputs that need a script: what becomes a frame, with which data, and what is left for reading without it."""

import base64
import json
import re
from typing import Any

import pytest

from studium.notebooks.render import interactive, widgets
from studium.notebooks.render.interactive import Drawing
from studium.notebooks.render.outputs import NOT_SAVED, outputs_html
from studium.notebooks.render.parts import HEAD, MOST_BYTES, Parts, index_length, packed, read_index
from studium.notebooks.render.pictures import measured
from studium.web import fenced

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\x01\0\0\0\0\x80" + b"x" * 20_000).decode()
SMALL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PLOTLY, VIEW = interactive.PLOTLY, widgets.VIEW


def shown(data: dict[str, Any], drawing: Drawing | None = None, **metadata: Any) -> tuple[str, Parts]:
    drawing = drawing or Drawing()
    return outputs_html([{"output_type": "display_data", "data": data, "metadata": metadata}], drawing), drawing.parts


def only(parts: Parts, kind: str) -> bytes:
    (found,) = [content for name, content in parts.contents.items() if name.endswith(f".{kind}")]
    return found


def heights(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'<iframe[^>]* height="(\d+)"', html)]


def test_a_plotly_figure_is_drawn_in_a_frame_over_its_picture() -> None:
    figure = {"data": [{"x": [1]}], "layout": {"height": 300}}
    html, parts = shown(
        {PLOTLY: figure, "image/png": PNG, "text/plain": "Figure({...})", "text/html": "<script>x</script>"}
    )
    assert json.loads(only(parts, "plotly")) == figure
    assert heights(html) == [300]
    assert html.index("<img") < html.index("<iframe"), "the picture lies under the frame"
    assert 'sandbox="allow-scripts"' in html
    assert 'loading="lazy"' in html
    assert 'width="256" height="128"' in html, "as high as the picture's own head says, before it has come"
    assert heights(shown({PLOTLY: {"data": []}})[0]) == [450]
    assert heights(shown({PLOTLY: {"layout": {"height": 1e9}}})[0]) == [450]
    assert heights(shown({PLOTLY: {"layout": {"height": 90_000}}})[0]) == [interactive.HIGHEST]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("application/vnd.vegalite.v5+json", "vega-lite"),
        ("application/vnd.vegalite.v5.20.1+json", "vega-lite"),
        ("application/vnd.vegalite.v6.json", "vega-lite"),
        ("application/vnd.vega.v5+json", "vega"),
    ],
)
def test_charts_of_vega_are_drawn_whatever_their_version(kind: str, mode: str) -> None:
    _, parts = shown(
        {kind: {"mark": "bar"}, "text/plain": "<VegaLite>"}, **{kind: {"embed_options": {"theme": "dark"}}}
    )
    assert json.loads(only(parts, "vega")) == {"spec": {"mark": "bar"}, "options": {"theme": "dark"}, "mode": mode}


def test_what_only_looks_like_a_chart_is_not_drawn() -> None:
    for data in ({"application/vnd.vegan.v1+json": {}}, {PLOTLY: "text"}, {"application/vnd.vega.v5+json": []}):
        assert "<iframe" not in shown(data)[0]


def test_views_below_each_other_add_up() -> None:
    one = {"mark": "bar", "height": 100}
    assert interactive._vega_height({"vconcat": [one, one]}) == 2 * interactive._vega_height(one)
    assert interactive._vega_height({"hconcat": [one, {**one, "height": 300}]}) == 370
    assert interactive._vega_height({"concat": [one, one, one], "columns": 2}) == 2 * interactive._vega_height(one)
    deep: dict[str, Any] = one
    for _ in range(50):
        deep = {"vconcat": [deep, deep]}
    assert interactive._vega_height(deep) < 10**6


def test_data_cannot_end_their_script() -> None:
    attack = "</script><script>alert(1)</script><!--\u2028"
    _, parts = shown({PLOTLY: {"data": [{"text": attack}]}})
    content = only(parts, "plotly")
    assert b"<" not in content
    assert json.loads(content)["data"][0]["text"] == attack
    page = fenced.frame_page("plotly", content)
    assert page.count(b"</script>") == 1 + len(("fenced.js", "plotly.min.js", "show-plotly.js"))


def model(name: str, **state: Any) -> dict[str, Any]:
    return {
        "model_name": name,
        "model_module": "@jupyter-widgets/controls",
        "model_module_version": "2.0.0",
        "state": state,
    }


BOX = {
    "box": model("VBoxModel", children=["IPY_MODEL_a", "IPY_MODEL_row"], layout="IPY_MODEL_l"),
    "a": model("IntSliderModel", value=3),
    "row": model("HBoxModel", children=["IPY_MODEL_a", "IPY_MODEL_text"]),
    "text": model("TextareaModel"),
    "l": model("LayoutModel"),
    "other": model("TextModel", value="of another cell"),
}


def test_widgets_get_the_models_they_need_and_no_others() -> None:
    html, parts = shown({VIEW: {"model_id": "box"}, "text/plain": "VBox()"}, Drawing(models=BOX))
    content = json.loads(only(parts, "widget"))
    assert content["model_id"] == "box"
    assert set(content["state"]["state"]) == {"box", "a", "row", "text", "l"}
    assert heights(html) == [36 + 90 + 24]


@pytest.mark.parametrize("models", [{}, {"box": model("VBoxModel", children=["IPY_MODEL_gone"])}, {"box": "text"}])
def test_widgets_that_were_not_saved_say_so(models: dict[str, Any]) -> None:
    state = widgets.saved_state({"widgets": {widgets.STATE: {"state": models}}})
    html, parts = shown({VIEW: {"model_id": "box"}, "text/plain": "IntSlider(value=3)"}, Drawing(models=state))
    assert NOT_SAVED in html
    assert "IntSlider(value=3)" in html
    assert not parts.contents


def test_a_circle_of_widgets_ends() -> None:
    circle = {"a": model("VBoxModel", children=["IPY_MODEL_b"]), "b": model("VBoxModel", children=["IPY_MODEL_a"])}
    html, _ = shown({VIEW: {"model_id": "a"}}, Drawing(models=circle))
    assert heights(html)[0] <= interactive.HIGHEST


@pytest.mark.parametrize("metadata", [None, [], {"widgets": []}, {"widgets": {widgets.STATE: {"state": []}}}])
def test_a_notebook_without_widgets_has_none(metadata: Any) -> None:
    assert widgets.saved_state(metadata) == {}


def test_html_that_draws_by_script_is_open_at_once() -> None:
    html, parts = shown(
        {"text/html": "<div id=p style='height:400px'></div><script>draw()</script>", "text/plain": "<P>"}
    )
    assert only(parts, "html") == b"<div id=p style='height:400px'></div><script>draw()</script>"
    assert "<details" not in html
    assert heights(html) == [430]
    assert "draw()" not in html, "nothing of the script is in the page itself"


def test_html_that_reads_without_its_script_is_read_and_the_rest_offered() -> None:
    html, parts = shown({"text/html": "<p>a table</p><script>sortable()</script>"})
    assert "<p>a table</p>" in html
    assert html.index("a table") < html.index('<details class="offer">') < html.index("<iframe")
    assert len(parts.contents) == 1


def test_html_that_only_loads_something_shows_nothing_but_an_offer() -> None:
    html, _ = shown({"text/html": "<script>window.PlotlyConfig = {}</script>\n<style>a{}</style>"})
    assert html.index("<details") < html.index("<iframe")


def test_html_whose_scripts_come_from_elsewhere_says_so() -> None:
    html, _ = shown(
        {
            "text/html": "<div id=m></div><script src='https://cdn.example/bokeh-3.min.js'></script>",
            "text/plain": "Row(id=1)",
        }
    )
    assert "Row(id=1)" in html
    assert "come from elsewhere" in html
    assert html.index("<details") < html.index("<iframe")


@pytest.mark.parametrize(
    ("written", "here"),
    [
        ('<script src="https://cdn.example/plotly-3.min.js" integrity="x" crossorigin="anonymous"></script>', "plotly.min.js"),
        ("<script charset='utf-8' src='//cdn.example/plotly-latest.min.js'></script>", "plotly.min.js"),
        ('<script src="https://cdn.example/npm/plotly.js-dist-min@2.3/plotly.min.js"></script>', "plotly.min.js"),
        ('<script>s.src = "https://cdn.example/npm/vega@5?noext"</script>', "vega.js"),
        ('<script>s.src = "https://cdn.example/npm/vega-lite@5.20.1?noext"</script>', "vega-lite.js"),
        ('<script src="https://cdn.example/npm/vega-embed@6/build/vega-embed.min.js"></script>', "vega-embed.js"),
    ],
)  # fmt: skip
def test_libraries_that_are_here_stand_in_for_those_elsewhere(written: str, here: str) -> None:
    found = interactive.with_libraries(written)
    assert f"/-/lib/{here}" in found
    assert "cdn.example" not in found
    assert "integrity" not in found
    assert "crossorigin" not in found
    assert not interactive.loads_from_elsewhere(written)


def test_other_scripts_stay_as_they_are() -> None:
    written = '<script src="https://cdn.example/leaflet.js" integrity="sha256-x"></script><a href="https://plotly.example/x">plotly</a>'
    assert interactive.with_libraries(written) == written


def test_html_with_styles_is_offered_with_them_and_a_table_of_pandas_is_not() -> None:
    html, parts = shown({"text/html": "<style>#T td {color: red}</style><table id=T><tr><td>1</td></tr></table>"})
    assert "<td>1</td>" in html
    assert 'sandbox=""' in html, "no script runs for styles"
    assert b"color: red" in only(parts, "styled")
    frame = '<div><style scoped>.dataframe{}</style><table border="1" class="dataframe"><tr style="x"><td>1</td></tr></table></div>'
    assert "<iframe" not in shown({"text/html": frame})[0]


def test_sound_and_film_are_parts_that_the_page_plays() -> None:
    film = base64.b64encode(b"film" * 5000).decode()
    html, parts = shown(
        {"text/html": f'<video controls><source type="video/mp4" src="data:video/mp4;base64,{film}"></video>'}
    )
    assert only(parts, "mp4") == b"film" * 5000
    assert re.search(r'<source type="video/mp4" src="parts/[0-9a-f]{24}\.mp4">', html)
    assert "<iframe" not in html
    html, _ = shown({"text/html": '<audio src="https://elsewhere.example/a.mp3"></audio>'})
    assert "elsewhere" not in html


def test_pictures_are_parts_and_small_ones_are_inside() -> None:
    html, parts = shown({"image/png": PNG})
    assert only(parts, "png") == base64.b64decode(PNG)
    assert 'src="parts/' in html
    html, parts = shown({"image/png": SMALL})
    assert not parts.contents
    assert 'src="data:image/png;base64,' in html
    html, _ = shown({"image/png": PNG}, **{"image/png": {"width": 128}})
    assert 'width="128" height="64"' in html, "as large as a figure for sharp screens asks to be"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"GIF89a" + b"\x10\0\x20\0", (16, 32)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x40\0\x30", (48, 64)),
        (b"\xff\xd8\xff\xe0\0\x00" * 3, None),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, None),
        (b"\x89PNG", None),
        (b"", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_head(data: bytes, size: tuple[int, int] | None) -> None:
    assert measured(data) == size


def test_a_page_takes_so_much_beside_it_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(taken=MOST_BYTES - 10)
    assert parts.add("png", b"x" * 11) == ""
    name = parts.add("png", b"x" * 10)
    assert name.endswith(".png")
    assert parts.add("png", b"x" * 10) == name, "the same once more takes nothing"
    assert parts.add("svg", b"x" * 10) == ""


def test_a_rendering_is_read_piece_by_piece() -> None:
    parts = Parts()
    first, second = parts.add("png", b"one"), parts.add("html", b"<b>two")
    made = packed(b"<!doctype html>page", parts)
    length = index_length(made[:HEAD])
    assert length
    index = read_index(made[HEAD : HEAD + length])
    places = {"page": index.page, **index.parts}
    found = {name: made[start : start + size] for name, (start, size) in places.items()}
    assert found == {"page": b"<!doctype html>page", first: b"one", second: b"<b>two"}
    assert index_length(b"<!doctype html>, as pages were before") is None


@pytest.mark.parametrize("kind", ["plotly", "vega", "widget", "html"])
def test_a_frame_has_no_origin_and_no_network(kind: str) -> None:
    policy = dict(part.strip().split(" ", 1) for part in fenced.frame_policy(kind, "http://doc-x.localhost").split(";"))
    assert policy["sandbox"] == "allow-scripts"
    assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    sources = " ".join(value for name, value in policy.items() if name not in ("sandbox", "frame-ancestors")).split()
    assert [s for s in sources if "//" in s] == ["http://doc-x.localhost/-/lib/"], "libraries are all it may load"
    assert ("'unsafe-inline'" in policy["script-src"]) == (kind == "html")


def test_a_page_runs_nothing_and_styles_run_nothing() -> None:
    assert "script-src" not in fenced.page_policy("http://doc-x.localhost")
    assert fenced.page_policy("http://doc-x.localhost").startswith("default-src 'none'")
    assert fenced.frame_policy("styled", "http://doc-x.localhost").startswith("sandbox; default-src 'none'")
