"""A real Chromium for tests: one browser a session, a fresh profile a visitor, and a record of what went wrong in it."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

from running.platform import Platform

CHROMIUM = "/usr/bin/chromium"
expect.set_options(timeout=15_000)  # another file's tests run beside, on the same few cores
FAILURES = Path(tempfile.gettempdir()) / "studium-browser-failures"
WIDE, NARROW = (1280, 800), (390, 844)
# Said by the browser of answers that a page expects and shows: a refusal is no fault of the page.
_EXPECTED = ("the server responded with a status of 4",)


@dataclass
class Visit:
    """A page somebody looks at; `faults` are script errors and things the security policy blocked, on our own origin."""

    page: Page
    home: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.home + path)
        return self.page


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def visit(
    browser: Browser,
    platform: Platform,
    who: str | None,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    script: bool = True,
) -> Iterator[Visit]:
    """A visitor, signed in by a one-time address as `who`, with the page's faults on record."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    seen = Visit(page, platform.url)

    def note(text: str, where: str) -> None:
        if where.startswith(platform.url) and not any(part in text for part in _EXPECTED):
            seen.faults.append(f"{where}: {text}")

    page.on(
        "console",
        lambda message: note(message.text, message.location.get("url", "")) if message.type == "error" else None,
    )
    # JupyterLab's own errors, in its frame, come with an address of that other host.
    page.on(
        "pageerror", lambda error: seen.faults.append(str(error)) if f"{platform.url}/" in (error.stack or "") else None
    )
    try:
        if who is not None:
            page.goto(platform.url + login_path(platform, who))
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_load_state()
        yield seen
    except BaseException:
        FAILURES.mkdir(exist_ok=True)
        page.screenshot(path=FAILURES / f"{who}-{size[0]}.png")
        print(f"The page as it was: {FAILURES}/{who}-{size[0]}.png")
        raise
    finally:
        context.close()


def login_path(platform: Platform, who: str) -> str:
    """A one-time sign-in address of a person, made if they do not exist yet."""
    secret = platform.manage(
        f"""
from studium.accounts.actions import create_user, make_login_link
from studium.accounts.models import User
user = User.objects.filter(username={who!r}).first()
user = user or create_user({who!r}, {who + "@example.org"!r}, now=now, password="correct horse battery")
print(make_login_link(user, now=now))
"""
    )
    return f"/login/link/{secret}/"


def run_first_cell(page: Page, source: str) -> FrameLocator:
    """Type into the first code cell of JupyterLab in the editor and run it; the frame, once there is output.

    A cell run before its kernel is connected makes JupyterLab ask for a kernel: then it is chosen, as people do.
    """
    lab = page.frame_locator('iframe[title^="JupyterLab"]')
    cell = lab.locator(".jp-CodeCell .cm-content").first
    expect(lab.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')).to_be_attached(timeout=90_000)
    cell.click()
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")
    output, question = lab.locator(".jp-OutputArea-output").first, lab.get_by_role("button", name="Select", exact=True)
    expect(output.or_(question).first).to_be_visible(timeout=60_000)
    if question.is_visible():
        question.click()
        cell.click()
        page.keyboard.press("Shift+Enter")
    expect(output).to_be_visible(timeout=60_000)
    return lab
