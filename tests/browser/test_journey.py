"""The main job in a browser: sign in, new notebook, start, run a cell in JupyterLab, stop, read the rendered page."""

import re

import pytest
from browsing import NARROW, chromium, run_first_cell, visit
from playwright.sync_api import Browser, Page, expect

from running.platform import Platform


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


def make_notebook(page: Page, home: str, title: str) -> str:
    page.goto(home + "/")
    page.get_by_role("link", name="New notebook").first.click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Make the notebook").click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    return page.url


def start(page: Page, machine: str = "cpu-small") -> None:
    page.locator(f'input[name=machine][value="{machine}"]').check()
    page.get_by_role("button", name="Start", exact=True).click()


def test_from_sign_in_to_the_rendered_page(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "ada") as seen:
        page = seen.page
        address = make_notebook(page, seen.home, "First steps")
        start(page)
        page.wait_for_url(re.compile(r"/edit/$"))
        lab = run_first_cell(page, "print('the answer is', 6 * 7)")
        expect(lab.locator(".jp-OutputArea-output").first).to_contain_text("the answer is 42")
        page.keyboard.press("Control+s")
        panel = page.locator("#panel")
        expect(panel).to_contain_text("Time left")
        expect(page.locator("#meters")).to_contain_text("Memory")

        # The panel is fetched anew while the frame stays as it is.
        page.evaluate("document.querySelector('.lab iframe').dataset.same = 'yes'")
        page.get_by_role("complementary").get_by_role("button", name="Extend").click()
        expect(page.get_by_role("status")).to_contain_text("Extended: 12 h from now")
        assert page.evaluate("document.querySelector('.lab iframe').dataset.same") == "yes"

        # Another tab finds the session as it was; nothing stops with this one.
        page.goto(seen.home + "/")
        expect(page.get_by_text("Running now")).to_be_visible()
        page.get_by_role("link", name="Open", exact=True).click()
        expect(lab.locator(".jp-OutputArea-output").first).to_contain_text("the answer is 42", timeout=60_000)

        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("complementary").get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start again")).to_be_visible(timeout=60_000)
        page.goto(address)
        document = page.frame_locator("iframe[title$='rendered']")
        expect(document.locator("body")).to_contain_text("the answer is 42", timeout=30_000)
        assert seen.faults == []


def test_run_all_without_script_and_on_a_phone(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "lin", size=NARROW, script=False) as seen:
        page = seen.go("/gallery/")
        page.get_by_role("button", name=re.compile("Explore a table")).click()
        page.locator('input[name=machine][value="cpu-small"]').check()
        page.get_by_role("button", name="Run all cells").click()
        expect(page).to_have_url(re.compile(r"/runs/"))
        for _ in range(120):
            page.reload()
            if page.get_by_text("Finished").count():
                break
            page.wait_for_timeout(1000)
        expect(page.get_by_text("Finished").first).to_be_visible()
        page.get_by_role("link", name="The notebook").click()
        expect(page.frame_locator("iframe").locator("body")).to_contain_text("Explore", timeout=30_000)


def test_two_people_and_one_simulated_p100(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "max") as first, visit(browser, platform, "eve") as second:
        make_notebook(first.page, first.home, "Has it")
        start(first.page, "p100")
        expect(first.page.locator("#panel")).to_contain_text("simulated")
        expect(first.page.locator("iframe")).to_be_visible(timeout=90_000)
        make_notebook(second.page, second.home, "Wants it")
        start(second.page, "p100")
        waiting = second.page.locator("#wait")
        expect(waiting).to_contain_text("In queue, place 1", timeout=30_000)
        expect(waiting).to_contain_text("expected to start")
        second.go("/queue/")
        expect(second.page.locator("main")).to_contain_text("Wants it")
        expect(second.page.locator("main")).not_to_contain_text("Has it")
        second.page.get_by_role("link", name="Open", exact=True).click()
        first.page.on("dialog", lambda dialog: dialog.accept())
        first.page.get_by_role("complementary").get_by_role("button", name="Stop").click()
        # Nobody presses anything: the place in line becomes the session.
        expect(second.page.locator('iframe[title^="JupyterLab"]')).to_be_visible(timeout=90_000)
        second.page.on("dialog", lambda dialog: dialog.accept())
        second.page.get_by_role("complementary").get_by_role("button", name="Stop").click()
        expect(second.page.get_by_role("button", name="Start again")).to_be_visible(timeout=60_000)
        assert first.faults + second.faults == []
