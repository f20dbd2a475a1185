"""Plots of other languages than Python, read with no compute: a version that was run, opened in a browser."""

import json

import pytest
from browsing import chromium, visit
from playwright.sync_api import Browser, expect

from running.platform import Platform, wait_for
from studium.notebooks.document import blank

# What draws, the media type of the picture, and its width as it is in the output.
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='${n}' height='90'><rect width='${n}' height='90'/></svg>"
PLOTS = {
    "r": ("plot(cars)", "image/png", 840),
    "typescript": (f"const n: number = 240;\nDeno.jupyter.svg`{SVG}`", "image/svg+xml", 240),
}


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("language", PLOTS)
def test_the_plot_of_a_version_is_drawn(browser: Browser, platform: Platform, language: str) -> None:
    source, kind, width = PLOTS[language]
    document = json.loads(blank(f"A plot in {language}", language))
    document["cells"][1]["source"] = source
    with platform.client() as client:
        made = client.notebooks.create(f"A plot in {language}", content=json.dumps(document).encode())
        number = client.notebooks.versions.run(made.id, machine="cpu-small").number

        def settled() -> bool:
            return client.notebooks.versions.get(made.id, number).settled

        wait_for(settled, seconds=120, every=0.2, says="a version that has been run")
        outputs = json.loads(client.notebooks.versions.content(made.id, number))["cells"][1]["outputs"]
    assert any(kind in output.get("data", {}) for output in outputs), outputs
    with visit(browser, platform, "admin") as seen:
        page = seen.go(f"/notebooks/{made.team}/{made.slug}/versions/{number}/")
        picture = page.frame_locator("iframe").locator(".out img")
        expect(picture).to_be_visible(timeout=30_000)
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == width
        drawn = picture.bounding_box()
        assert drawn is not None
        assert drawn["width"] > 200
        assert seen.faults == []
