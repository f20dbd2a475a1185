"""The pictures of the documentation, taken from a platform that really runs. Started by `script/screenshots`."""

import re
import sys
from pathlib import Path

from browsing import NARROW, WIDE, Visit, chromium, run_first_cell, visit
from playwright.sync_api import Page, expect

from running.platform import Platform, running_platform

SOURCE = """import numpy as np, matplotlib.pyplot as plt
t = np.linspace(0, 12, 600)
plt.figure(figsize=(8, 3)); plt.plot(t, np.sin(t) * np.exp(-t / 6)); plt.title('A damped swing'); plt.show()"""


def take(page: Page, folder: Path, name: str, *, whole: bool = False) -> None:
    """One picture at each width."""
    for label, size in (("1280", WIDE), ("390", NARROW)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.screenshot(full_page=whole)  # frames of other hosts are painted for the next one
        page.wait_for_timeout(800)
        page.screenshot(path=folder / f"{name}-{label}.png", full_page=whole)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def editor(seen: Visit, folder: Path) -> None:
    """A notebook from the gallery, opened, with a cell run."""
    page = seen.go("/new/")
    page.get_by_label("Title").fill("A damped swing")
    page.get_by_role("button", name="Make the notebook").click()
    page.locator('input[name=machine][value="p100"]').check()
    expect(page.locator("#document iframe")).to_be_visible(timeout=30_000)
    take(page, folder, "notebook-start", whole=True)
    page.get_by_role("button", name="Start", exact=True).click()
    lab = run_first_cell(page, SOURCE)
    expect(lab.locator(".jp-OutputArea-output img")).to_be_visible(timeout=60_000)
    page.keyboard.press("Control+s")
    take(page, folder, "editor")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    page.set_extra_http_headers({"Sec-CH-UA-Mobile": "?1"})  # as a phone says
    page.reload()
    expect(page.frame_locator("iframe").locator(".jp-OutputArea-output img")).to_be_visible(timeout=60_000)
    page.screenshot(path=folder / "editor-390.png")
    page.set_extra_http_headers({})
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def queue(seen: Visit, folder: Path) -> None:
    """Somebody waits for the one simulated P100."""
    page = seen.go("/gallery/")
    page.get_by_role("button", name=re.compile("Train a classifier")).click()
    page.locator('input[name=machine][value="p100"]').check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#wait")).to_contain_text("place 1", timeout=30_000)
    take(page, folder, "queue")


def rest(seen: Visit, folder: Path) -> None:
    """The pages to read, and the end of the session."""
    take(seen.go("/"), folder, "home", whole=True)
    take(seen.go("/machines/"), folder, "machines", whole=True)
    page = seen.go("/")
    page.get_by_role("link", name="Open", exact=True).click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("complementary").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start again")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="A damped swing").click()
    frame = page.frame_locator("iframe[title$='rendered']")
    expect(frame.locator("img").first).to_be_visible(timeout=30_000)
    take(page, folder, "notebook", whole=True)
    take(seen.go("/usage/ada/"), folder, "usage", whole=True)


def all_pictures(platform: Platform, folder: Path) -> None:
    with chromium() as browser, visit(browser, platform, "ada") as ada, visit(browser, platform, "lin") as lin:
        editor(ada, folder)
        queue(lin, folder)
        rest(ada, folder)
        with visit(browser, platform, "admin") as admin:
            take(admin.go("/admin/"), folder, "admin", whole=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with running_platform(simulate="P100:1,M4000:2", plans=("open", "kaggle")) as up:
        all_pictures(up, target)
    print(f"Pictures are in {target}.")
