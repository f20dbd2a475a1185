"""A dataset made in a browser: files dragged in, the connection broken, paused, the page closed, gone on with; then read."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import chromium, visit
from playwright.sync_api import Browser, Page, Route, expect

from running.platform import Platform

MIB = 1024**2


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def drag_in(page: Page, *paths: Path) -> None:
    """Drop files and folders from the disk on the page, as the browser gets them from a file manager."""
    box = page.locator("[data-drop]").bounding_box()
    assert box is not None
    where = {"x": box["x"] + 30, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})
    session.detach()


def new_dataset(page: Page, title: str) -> None:
    page.get_by_role("link", name="Datasets").first.click()
    page.get_by_role("link", name="New dataset").first.click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Make the dataset").click()
    expect(page.get_by_role("heading", name="Add files")).to_be_visible()


def test_dragged_in_broken_off_and_gone_on_with(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(random.Random(3).randbytes(20 * MIB))
    notes, empty = tmp_path / "notes.txt", tmp_path / "empty.txt"
    notes.write_text("first line\nsecond line")
    empty.touch()
    offsets: list[int] = []
    with visit(browser, platform, "ada") as seen:
        page = seen.go("/")
        new_dataset(page, "Dragged in")

        def broken(route: Route) -> None:
            """The second piece of the large file does not get through the first time."""
            offset = int(route.request.url.partition("offset=")[2])
            offsets.append(offset)
            if offset == 8 * MIB and offsets.count(offset) == 1:
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/add/*/?offset=*", broken)
        drag_in(page, notes, empty)
        expect(page.locator("#uploads")).to_contain_text("2 of 2 files are there.")
        expect(page.locator("#arrived")).to_contain_text("2 files")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Forget all").click()
        expect(page.locator("#arrived")).to_contain_text("Nothing yet.")
        expect(page.locator("#uploads")).to_be_hidden()
        drag_in(page, notes, empty)
        expect(page.locator("#arrived")).to_contain_text("2 files")
        offsets.clear()
        page.locator("#files").set_input_files(big)
        expect(page.locator("#uploads")).to_contain_text("The connection is broken.")
        expect(page.locator("#uploads")).to_contain_text("3 of 3 files are there.", timeout=60_000)
        # What was acknowledged before is not sent again.
        assert offsets == [0, 8 * MIB, 8 * MIB, 16 * MIB]
        page.locator("#note").fill("As dragged in")
        page.get_by_role("button", name="Make version").click()
        expect(page.get_by_text("Version 1 is made: 3 files.")).to_be_visible()
        page.get_by_role("link", name="notes.txt", exact=True).click()
        expect(page.locator("pre.lines")).to_have_text("first line\nsecond line")
        with page.expect_download() as taken:
            page.get_by_role("link", name="big.bin").or_(page.get_by_role("link", name="Download")).first.click()
        assert Path(taken.value.path()).read_bytes() == b"first line\nsecond line"
        faults = [each for each in seen.faults if "ERR_CONNECTION_RESET" not in each]
        assert faults == []


def test_paused_and_the_page_closed(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    content = {"big.bin": random.Random(4).randbytes(20 * MIB), "more/small.csv": b"a,b\n1,2\n"}
    for name, each in content.items():
        (folder / name).write_bytes(each)
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Pieces after the first are on their way for as long as it takes."""
        if route.request.url.endswith("offset=0"):
            route.continue_()
        else:
            held.append(route)

    with visit(browser, platform, "ada") as seen:
        page = seen.go("/")
        new_dataset(page, "Closed and opened")
        address = page.url
        page.route("**/add/*/?offset=*", hold)
        # The second piece is sent when the first is acknowledged; the page counts what it has sent already.
        with page.expect_request(re.compile(r"\?offset=[1-9]")):
            drag_in(page, folder)
        expect(page.locator("#uploads")).to_contain_text("1 of 2 files")
        expect(page.locator("#uploads li", has_text="big.bin")).to_contain_text("8 MiB of 20 MiB")
        expect(page.get_by_role("button", name="Make version")).to_be_disabled()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#uploads")).to_contain_text("Paused: 1 of 2 files")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("about:blank")
        page.unroute("**/add/*/?offset=*")
        asked: list[dict[str, object]] = []
        page.on(
            "response",
            lambda answer: asked.append(json.loads(answer.text())) if answer.url.endswith("/begin/") else None,
        )
        page.goto(address)
        expect(page.locator("#arrived")).to_contain_text("1 more is not all there: 8 MiB of 20 MiB")
        page.locator("#folder-files").set_input_files(folder)
        expect(page.locator("#uploads")).to_contain_text("2 of 2 files are there.", timeout=60_000)
        assert sorted(int(str(each["received"])) for each in asked) == [len(content["more/small.csv"]), 8 * MIB]
        page.get_by_role("button", name="Make version").click()
        expect(page.get_by_text("Version 1 is made: 2 files.")).to_be_visible()
        page.get_by_role("link", name="pictures/").click()
        expect(page.locator("#files")).to_contain_text("big.bin")
        page.get_by_role("link", name="more/").click()
        page.get_by_role("link", name="small.csv", exact=True).click()
        expect(page.locator("pre.lines")).to_contain_text("1,2")
        assert [each for each in seen.faults if "ERR_" not in each] == []


def test_without_script(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name)
    with visit(browser, platform, "ada", script=False) as seen:
        page = seen.go("/")
        new_dataset(page, "Plain")
        page.locator("#files").set_input_files([tmp_path / "one.txt", tmp_path / "two.txt"])
        page.get_by_label("Into the folder").fill("texts")
        page.get_by_role("button", name="Make version").click()
        expect(page.get_by_text("Version 1 is made: 2 files.")).to_be_visible()
        page.get_by_role("link", name="texts/").click()
        expect(page.locator("#files")).to_contain_text("two.txt")
