"""Reading in a browser with no compute: plots, charts and widgets drawn in their frames, on a desk and on a phone."""

import json
from pathlib import Path
from typing import Any

import pytest
from browsing import NARROW, WIDE, chromium, visit
from playwright.sync_api import Browser, Frame, Page, expect
from test_hostile_notebook import code, display, label_of, rendered

from running.platform import Platform, wait_for

PLOT = {
    "data": [{"type": "bar", "x": ["a", "b"], "y": [3, 5]}, {"type": "scattergl", "x": [0, 1], "y": [4, 4]}],
    "layout": {"title": {"text": "A plot"}, "width": 900},
}
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": [{"a": letter, "b": n} for n, letter in enumerate("ABCDEFGH")]},
    "mark": "bar", "width": 700,
    "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
    "transform": [{"calculate": "datum.b * 2", "as": "b"}],
}  # fmt: skip


def model(module: str, name: str, **state: Any) -> dict[str, Any]:
    base = {"_model_name": f"{name}Model", "_view_name": f"{name}View", "_model_module": f"@jupyter-widgets/{module}"}
    return {
        "model_name": f"{name}Model", "model_module": f"@jupyter-widgets/{module}", "model_module_version": "2.0.0",
        "state": {**base, "_view_module": f"@jupyter-widgets/{module}", "_view_module_version": "2.0.0", **state},
    }  # fmt: skip


MODELS = {
    "layout": {"model_name": "LayoutModel", "model_module": "@jupyter-widgets/base", "model_module_version": "2.0.0", "state": {}},
    "box": model("controls", "VBox", children=["IPY_MODEL_slider", "IPY_MODEL_tags", "IPY_MODEL_out"], layout="IPY_MODEL_layout"),
    "slider": model("controls", "IntSlider", value=7, description="Depth", layout="IPY_MODEL_layout"),
    "tags": model("controls", "Dropdown", _options_labels=["one", "two"], index=1, layout="IPY_MODEL_layout"),
    "out": model(
        "output", "Output", layout="IPY_MODEL_layout",
        outputs=[{"output_type": "stream", "name": "stdout", "text": "said inside"}],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(platform: Platform) -> str:
    """A public notebook with an output of each kind, as a page of the platform."""
    import base64

    picture = base64.b64encode(Path(__file__).parents[2].joinpath("docs/images/home-390.png").read_bytes()).decode()
    cells = [
        code(1, display(**{"application/vnd.plotly.v1+json": PLOT, "image/png": picture, "text/plain": "A bar plot"})),
        code(2, display(**{"application/vnd.vegalite.v5+json": CHART})),
        code(3, display(**{"application/vnd.jupyter.widget-view+json": {"model_id": "box"}, "text/plain": "VBox()"})),
        code(4, display(text__html="<div id=d></div><script>document.getElementById('d').textContent = 6 * 7</script>")),
        code(5, display(**{"application/vnd.jupyter.widget-view+json": {"model_id": "gone"}, "text/plain": "Gone()"})),
    ]  # fmt: skip
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": MODELS}}}
    content = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()
    with platform.client() as client:
        made = client.notebooks.create("To be read", content=content)
    rendered(platform, made.id)
    assert label_of(platform, made.id)
    return f"/notebooks/{made.team}/{made.slug}/"


def frame(page: Page, kind: str) -> Frame:
    """The frame of this kind once it has drawn."""

    def found() -> Frame | None:
        frames = [each for each in page.frames if each.url.endswith(f".{kind}")]
        return frames[0] if frames and frames[0].evaluate("document.documentElement.className") == "drawn" else None

    return wait_for(found, seconds=30, every=0.1, says=f"{kind} among {[each.url for each in page.frames]}")


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (NARROW, True)])
def test_plots_charts_and_widgets_are_drawn_and_fit(
    browser: Browser, platform: Platform, address: str, size: tuple[int, int], dark: bool
) -> None:
    with visit(browser, platform, "admin", size=size, dark=dark) as seen:
        page = seen.go(address)
        document = page.frame_locator("#document iframe")
        for section in document.locator("main > section").all():
            section.scroll_into_view_if_needed(timeout=20_000)
        plot, chart, widgets, script = (frame(page, kind) for kind in ("plotly", "vega", "widget", "html"))
        assert plot.locator(".main-svg").count() > 0
        assert plot.locator("canvas").count() > 0, "WebGL works in the fence"
        assert chart.locator("path[aria-roledescription=bar]").count() == 8
        expect(widgets.locator("body")).to_contain_text("Depth")
        expect(widgets.locator("body")).to_contain_text("two")
        expect(widgets.locator("body")).to_contain_text("said inside")
        expect(script.locator("#d")).to_have_text("42")
        expect(document.locator("body")).to_contain_text("was not saved with the notebook")
        for each in (plot, chart, widgets):
            assert each.evaluate("document.documentElement.scrollWidth <= innerWidth"), each.url
            assert each.evaluate("self.origin") == "null"
        inner = next(each for each in page.frames if each.parent_frame == page.main_frame)
        assert inner.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.faults == []
