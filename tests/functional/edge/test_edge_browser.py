"""Origins as a real browser keeps them: the editor's frame works, content beside it can do nothing in its name."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from playwright.sync_api import Page, sync_playwright

from functional.edge.rig import Rig, Upstream, running
from studium.edge.port import Grant, Target

EDITOR = """<!doctype html><title>editor</title><pre id="found"></pre><script>
(async () => {
  const found = {};
  found.get = (await fetch("/api/contents")).status;
  found.post = (await fetch("/api/contents", {method: "POST", body: "x"})).status;
  found.cookie = document.cookie;
  found.socket = await new Promise((done) => {
    const socket = new WebSocket(`ws://${location.host}/api/kernels/1/channels`);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = (event) => done(event.data);
    socket.onerror = () => done("refused");
  });
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""

INTRUDER = """<!doctype html><title>intruder</title><pre id="found"></pre><script>
(async () => {
  const found = {}, victim = "VICTIM", platform = "PLATFORM";
  const attempt = async (address, options) => {
    try { return (await fetch(address, {credentials: "include", ...options})).type; } catch { return "failed"; }
  };
  found.get = await attempt(victim + "/attack/get", {mode: "no-cors"});
  found.post = await attempt(victim + "/attack/post", {mode: "no-cors", method: "POST", body: "x"});
  found.read = await attempt(victim + "/attack/read", {mode: "cors"});
  found.platform = await attempt(platform + "/attack/platform", {mode: "no-cors", method: "POST", body: "x"});
  document.cookie = "__Host-studium-grant=forged; Secure; Path=/";
  document.cookie = "__Host-studium-session=forged; Domain=localhost; Path=/";
  document.cookie = "tossed=1; Domain=localhost; Path=/";
  found.socket = await new Promise((done) => {
    const socket = new WebSocket(victim.replace("http", "ws") + "/attack/socket");
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  });
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


class Scene:
    """The platform's page with an editor's frame and beside it a frame of other content."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.platform = f"http://localhost:{rig.number}"
        self.other = Upstream(str(folder / "other.sock"))
        rig.side.call(self.other.start())
        policy = f"frame-ancestors {self.platform}"
        for label, upstream in (("nb1", rig.content), ("nb2", self.other)):
            rig.port.targets[label] = Target(kind="unix", socket=upstream.path, content_security_policy=policy)
            grant = Grant(label=label, user="ann", expires_at=time.time() + 600, path="/page")
            rig.port.tickets[f"ticket-{label}"] = grant
        rig.web.handler, rig.content.handler, self.other.handler = self._platform, self._editor, self._intruder

    def origin(self, label: str) -> str:
        return f"http://{label}.localhost:{self.rig.number}"

    async def _platform(self, request: web.Request) -> web.Response:
        frames = "".join(
            f'<iframe id="{label}" src="{self.origin(label)}/-/enter?ticket=ticket-{label}"></iframe>'
            for label in ("nb1", "nb2")
        )
        answer = web.Response(text=f"<!doctype html><title>studium</title>{frames}", content_type="text/html")
        answer.headers.add("Set-Cookie", "__Host-studium-session=s; Secure; HttpOnly; Path=/; SameSite=Lax")
        return answer

    async def _editor(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await ws.send_str(message.data)
            return ws
        return web.Response(text=EDITOR if request.path == "/page" else "{}", content_type="text/html")

    async def _intruder(self, request: web.Request) -> web.Response:
        text = INTRUDER.replace("VICTIM", self.origin("nb1")).replace("PLATFORM", self.platform)
        return web.Response(text=text, content_type="text/html")

    def close(self) -> None:
        self.rig.side.call(self.other.stop())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with running(tmp_path, for_browser=True) as rig:
        one = Scene(rig, tmp_path)
        yield one
        one.close()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def found(page: Page, label: str) -> dict[str, object]:
    told = page.frame_locator(f"#{label}").locator("#found")
    told.filter(has_text="{").wait_for(timeout=20_000)
    answer = json.loads(told.inner_text())
    assert isinstance(answer, dict)
    return answer


def test_the_editors_frame_works_and_content_beside_it_reaches_nothing(scene: Scene, page: Page) -> None:
    page.goto(scene.platform)
    assert found(page, "nb1") == {"get": 200, "post": 200, "cookie": "", "socket": "hello"}
    intruder = found(page, "nb2")
    assert intruder["read"] == "failed"
    assert intruder["socket"] == "refused"
    assert [seen.target for seen in scene.rig.content.seen if "attack" in seen.target] == []
    attacks = [seen for seen in scene.rig.web.seen if "attack" in seen.target]
    assert all("studium" not in (seen.header("Cookie") or "") for seen in attacks)
    for seen in scene.rig.content.seen + scene.other.seen:
        assert "studium" not in (seen.header("Cookie") or "")


def test_content_cannot_toss_cookies_at_the_platform(scene: Scene, page: Page) -> None:
    page.goto(scene.platform)
    found(page, "nb2")
    page.goto(f"{scene.platform}/after")
    cookies = [seen.header("Cookie") for seen in scene.rig.web.seen if seen.target == "/after"]
    assert cookies == ["__Host-studium-session=s"]


def test_a_foreign_page_cannot_frame_content(scene: Scene, page: Page) -> None:
    """Framed by content of another host, the browser shows nothing of it, though it lets the request through."""

    async def framing(request: web.Request) -> web.Response:
        text = f'<iframe id="inner" src="{scene.origin("nb1")}/page"></iframe>'
        return web.Response(text=text, content_type="text/html")

    scene.other.handler = framing
    page.goto(scene.platform)
    found(page, "nb1")
    outer = page.frame_locator("#nb2")
    outer.locator("#inner").wait_for(timeout=20_000)
    ends_at = time.monotonic() + 20
    while not any(frame.url.startswith("chrome-error://") for frame in page.frames):
        assert time.monotonic() < ends_at, "the browser showed it"
        page.wait_for_timeout(20)
    assert len([seen for seen in scene.rig.content.seen if seen.target == "/page"]) == 2
    assert outer.frame_locator("#inner").locator("#found").count() == 0


def test_a_page_of_its_own_is_sent_for_a_ticket_and_without_cookies_is_told(scene: Scene, page: Page) -> None:
    page.route("**/open/nb1**", lambda route: route.fulfill(status=200, body="the platform", content_type="text/html"))
    page.goto(f"{scene.origin('nb1')}/lab")
    assert page.url == f"{scene.platform}/open/nb1?path=%2Flab"
