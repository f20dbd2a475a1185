"""A dataset attached from the editor's panel to a JupyterLab session that is open, and read there by the next cell."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import chromium, run_first_cell, visit
from playwright.sync_api import Browser, expect
from test_journey import make_notebook, start

from running.platform import Platform


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_attached_to_an_open_session_and_read_there(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    table = tmp_path / "Rain of May"
    table.mkdir()
    (table / "rain.csv").write_text("day,mm\n1,7\n2,35\n")
    with visit(browser, platform, "ada") as seen:
        page = seen.page
        made = platform.cli("datasets", "create", str(table), "--visibility", "public")
        assert made.returncode == 0, made.stderr
        with platform.client() as client:
            name = client.datasets.find("rain-of-may").name
        make_notebook(page, seen.home, "Reads rain")
        start(page)
        page.wait_for_url(re.compile(r"/edit/$"))
        lab = run_first_cell(page, "import os; print(os.path.exists('/datasets/rain-of-may'))")
        expect(lab.locator(".jp-OutputArea-output").first).to_contain_text("False")

        panel = page.get_by_role("complementary")
        panel.get_by_text("Inputs", exact=True).click()
        panel.get_by_text("Add a dataset, a notebook's output files or a provider").click()
        panel.get_by_label("Dataset, notebook or provider").fill(f"datasets/{name}")
        panel.get_by_role("button", name="Add", exact=True).click()
        expect(panel.locator("#inputs")).to_contain_text("in the session", timeout=15_000)

        lab.locator(".jp-CodeCell .cm-content").last.click()
        page.keyboard.insert_text(
            "print(sum(int(l.split(',')[1]) for l in list(open('/datasets/rain-of-may/rain.csv'))[1:]))"
        )
        page.keyboard.press("Shift+Enter")
        expect(lab.locator(".jp-OutputArea-output").nth(1)).to_contain_text("42", timeout=30_000)
        page.on("dialog", lambda dialog: dialog.accept())
        panel.get_by_role("button", name="Remove rain-of-may").click()
        expect(panel.locator("#inputs")).not_to_contain_text("/datasets/rain-of-may", timeout=15_000)
        panel.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start again")).to_be_visible(timeout=60_000)
        assert seen.faults == []
