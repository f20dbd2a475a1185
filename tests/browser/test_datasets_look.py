"""Looking inside a dataset of real tables, photographs and a sound in Chromium: searched, sorted, played, paged through."""

import math
import re
import shutil
import struct
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import NARROW, chromium, visit
from playwright.sync_api import Browser, Page, expect

from running.platform import Platform, shared_environments, wait_for
from studium.environments.build import build_default

# What scikit-learn has in it, once more as Parquet and as many photographs.
MAKE = """
import pathlib, sklearn.datasets
from PIL import Image
sklearn.datasets.load_iris(as_frame=True).frame.to_parquet("iris.parquet")
photo = Image.open(pathlib.Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg").resize((120, 80))
pathlib.Path("photos").mkdir()
for number in range(75):
    photo.rotate(4 * number).save(f"photos/flower-{number:03}.jpg")
"""
SECONDS, RATE = 3, 8000


@dataclass(frozen=True)
class Flowers:
    """Where its pages are; its second version has fewer rows and columns in one table."""

    path: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def write_files(folder: Path) -> None:
    environment = build_default(shared_environments().parent, progress=print)
    (shipped,) = environment.glob("lib/python*/site-packages/sklearn/datasets/data")
    for name in ("breast_cancer.csv", "wine_data.csv"):
        shutil.copy(shipped / name, folder / name)
    subprocess.run([environment / "bin" / "python", "-c", MAKE], cwd=folder, check=True)
    with wave.open(str(folder / "tone.wav"), "wb") as tone:
        tone.setparams((1, 2, RATE, 0, "NONE", ""))
        tone.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 5))) for n in range(SECONDS * RATE)))
    (folder / "notes.md").write_text("# Flowers\n\n| part | unit |\n|---|---|\n| sepal | cm |\n")


@pytest.fixture(scope="module")
def flowers(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Flowers:
    folder = tmp_path_factory.mktemp("flowers")
    write_files(folder)
    made = platform.cli("datasets", "create", str(folder), "--title", "Flowers")
    assert made.returncode == 0, made.stderr
    table = (folder / "wine_data.csv").read_text().splitlines()
    (folder / "wine_data.csv").write_text("\n".join(line.rpartition(",")[0] for line in table[:100]) + "\n")
    assert platform.cli("datasets", "version", "flowers", str(folder)).returncode == 0
    with platform.client() as client:
        dataset = client.datasets.find("flowers")
        for number in (1, 2):
            wait_for(
                lambda number=number: client.datasets.profile(dataset.id, number, "notes.md").state == "ready",
                seconds=240,
                says="a look into the files",
            )
        return Flowers(f"/datasets/{dataset.name}/")


def cells(page: Page, column: int) -> list[str]:
    return page.locator(f".first-rows tbody td:nth-child({column})").all_inner_texts()


def test_rows_of_a_csv_are_searched_as_one_types(browser: Browser, platform: Platform, flowers: Flowers) -> None:
    with visit(browser, platform, "admin") as seen:
        page = seen.go(f"{flowers.path}file/?path=breast_cancer.csv")
        expect(page.locator(".columns svg.lie").first).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("1 to 100 of all 569 rows")
        page.get_by_role("link", name="More").click()
        expect(page.get_by_role("status")).to_have_text("101 to 200 of all 569 rows")
        box = page.get_by_role("searchbox", name="Search the first rows")
        box.press_sequentially("17.99", delay=20)
        expect(page.get_by_role("status")).to_contain_text("among all 569 rows")
        expect(page.locator(".first-rows tbody tr")).to_have_count(2)
        expect(box).to_have_value("17.99")
        expect(box).to_be_focused()
        assert "q=" not in page.url, "the page itself has stayed"
        assert all("17.99" in row for row in page.locator(".first-rows tbody tr").all_inner_texts())
        assert seen.faults == []


def test_rows_of_a_parquet_are_sorted_by_a_click(browser: Browser, platform: Platform, flowers: Flowers) -> None:
    with visit(browser, platform, "admin") as seen:
        page = seen.go(f"{flowers.path}file/?path=iris.parquet")
        expect(page.get_by_role("status")).to_have_text("1 to 100 of all 150 rows")
        head = page.locator(".first-rows").get_by_role("link", name="petal length (cm)")
        head.click()
        expect(page.locator('.first-rows th[aria-sort="ascending"]')).to_have_text("petal length (cm)")
        assert [float(each) for each in cells(page, 3)] == sorted(float(each) for each in cells(page, 3))
        head.click()
        expect(page.locator('.first-rows th[aria-sort="descending"]')).to_have_text("petal length (cm)")
        assert cells(page, 3)[0] == "6.9"
        # What is typed then is sorted as it was.
        page.get_by_role("searchbox", name="Search the first rows").fill("5.1")
        expect(page.get_by_role("status")).to_contain_text("among all 150 rows")
        expect(page.locator('.first-rows th[aria-sort="descending"]')).to_be_visible()
        assert cells(page, 3)[0] == "5.1"
        assert seen.faults == []


def test_rows_without_script(browser: Browser, platform: Platform, flowers: Flowers) -> None:
    with visit(browser, platform, "admin", script=False) as seen:
        page = seen.go(f"{flowers.path}file/?path=iris.parquet")
        page.locator(".first-rows").get_by_role("link", name="sepal width (cm)").click()
        page.get_by_role("searchbox", name="Search the first rows").fill("3.4")
        page.locator("#rows-form-0").get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_contain_text("among all 150 rows")
        expect(page.locator('.first-rows th[aria-sort="ascending"]')).to_have_text("sepal width (cm)")


def test_a_folder_of_pictures_loads_what_is_looked_at(browser: Browser, platform: Platform, flowers: Flowers) -> None:
    with visit(browser, platform, "admin", size=NARROW) as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url) if "/picture/" in request.url else None)
        page = seen.go(f"{flowers.path}?path=photos")
        tiles = page.locator(".pictures img")
        expect(tiles).to_have_count(60)
        expect(tiles.first).to_have_js_property("naturalWidth", 120)
        assert 0 < len(asked) <= 60
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        page.get_by_role("link", name="More").click()
        expect(tiles).to_have_count(15)
        tiles.last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("flower-074.jpg")
        expect(page.locator(".picture img")).to_have_js_property("naturalWidth", 120)
        assert seen.faults == []


def test_a_sound_is_played_from_where_one_likes(browser: Browser, platform: Platform, flowers: Flowers) -> None:
    with visit(browser, platform, "admin") as seen:
        page = seen.go(f"{flowers.path}file/?path=tone.wav")
        frame = page.frame_locator(".doc iframe")
        player = frame.locator("audio")
        expect(player).to_have_js_property("duration", SECONDS)
        assert player.evaluate(
            """async each => {
                each.muted = true; each.currentTime = 2; await each.play();
                await new Promise(done => each.addEventListener("ended", done)); return each.currentTime; }"""
        ) == pytest.approx(SECONDS, abs=0.05)
        source = page.locator(".doc iframe").get_attribute("src") or ""
        assert re.match(r"https?://data-[a-z0-9]+\.", source), source
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Open in a new tab").click()
        expect(opened.value.locator("audio")).to_have_js_property("duration", SECONDS)
        assert seen.faults == []


def test_markdown_is_rendered_and_tables_of_versions_compared(
    browser: Browser, platform: Platform, flowers: Flowers
) -> None:
    with visit(browser, platform, "admin") as seen:
        page = seen.go(f"{flowers.path}file/?path=notes.md")
        expect(page.frame_locator(".doc iframe").get_by_role("cell", name="sepal")).to_be_visible()
        page = seen.go(f"{flowers.path}compare/?left=1&right=2")
        row = page.locator("#tables tbody tr", has_text="wine_data.csv")
        expect(row).to_contain_text("178")
        expect(row).to_contain_text("99")
        expect(row).to_contain_text("removed")
        assert seen.faults == []
