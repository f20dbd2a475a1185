"""Versions in a browser: saved from beside JupyterLab, run with every page closed, compared, copied by a stranger."""

import re

import pytest
from browsing import chromium, run_first_cell, visit
from playwright.sync_api import Browser, expect
from test_journey import make_notebook, start

from running.platform import Platform

PLOT = (
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nopen('kept.txt', 'w').write('kept')\nprint('six is', 2 * 3)"
)
SLOW = (
    "import time\nfor step in range(8):\n    print('step', step, flush=True)\n    time.sleep(0.5)\nprint('to the end')"
)


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


def test_versions_from_jupyterlab_to_a_strangers_copy(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "noor") as seen:
        page = seen.page
        address = make_notebook(page, seen.home, "Kept work")
        start(page)
        page.wait_for_url(re.compile(r"/edit/$"))
        lab = run_first_cell(page, PLOT)
        expect(lab.locator(".jp-OutputArea-output img")).to_be_visible(timeout=60_000)
        # Nobody pressed Save in JupyterLab: the version has what stands there all the same.
        page.get_by_text("Save a version").click()
        page.get_by_label("Note", exact=True).fill("with a plot")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("heading", name="Version 1", level=1)).to_be_visible(timeout=20_000)
        document = page.frame_locator("iframe")
        expect(document.locator("body")).to_contain_text("six is 6", timeout=30_000)
        expect(document.locator("img")).to_be_visible()
        assert seen.faults == []

    with visit(browser, platform, "noor") as seen:
        page = seen.page
        page.goto(address + "edit/")
        lab = page.frame_locator('iframe[title^="JupyterLab"]')
        cell = lab.locator(".jp-CodeCell .cm-content").first
        cell.click(timeout=60_000)
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(SLOW)
        page.get_by_text("Save a version").click()
        page.get_by_role("button", name="Save and run all").click()
        expect(page.get_by_role("heading", name="Version 2", level=1)).to_be_visible(timeout=20_000)
        expect(page.locator("#version")).to_contain_text("Running", timeout=60_000)

    with visit(browser, platform, "noor") as seen:  # the page was closed in the middle
        page = seen.page
        page.goto(address + "versions/2/")
        document = page.frame_locator("iframe")
        expect(document.locator("body")).to_contain_text("to the end", timeout=60_000)
        expect(document.locator("body")).to_contain_text("step 0")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", name="Version 1 → 2")).to_be_visible()
        difference = page.frame_locator("iframe")
        expect(difference.locator(".minus").first).to_contain_text("matplotlib", timeout=30_000)
        expect(difference.locator(".plus").first).to_contain_text("import time")
        expect(difference.locator(".sides img")).to_be_visible()
        page.goto(address)
        page.locator("#main").get_by_text("Settings", exact=True).click()
        page.get_by_label("Who may read it").select_option("public")
        page.locator("form[action$='change/']").get_by_role("button", name="Save").click()
        assert seen.faults == []

    with visit(browser, platform, "stranger") as seen:
        page = seen.page
        page.goto(address + "versions/1/")
        page.get_by_role("button", name="Copy and edit").click()
        expect(page.get_by_role("heading", name="Kept work", level=1)).to_be_visible()
        expect(page.get_by_text("copied from")).to_contain_text("Kept work, version 1")
        page.get_by_label("Note", exact=True).fill("first of my own")
        page.get_by_role("button", name="Save and run all").click()
        expect(page.locator("iframe")).to_be_visible(timeout=90_000)
        expect(page.get_by_role("link", name="kept.txt", exact=True)).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download kept.txt").click()
        assert download.value.suggested_filename == "kept.txt"
        assert download.value.path().read_text() == "kept"
        page.get_by_role("button", name="Restore").wait_for()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Restore").click()
        expect(page.get_by_text("has the content of version 1 again")).to_be_visible()
        assert seen.faults == []
