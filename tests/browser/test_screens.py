"""Every main page in a real browser, wide and narrow, light and dark: nothing blocked, nothing sticking out, keyboard works."""

import pytest
from browsing import NARROW, WIDE, chromium, visit
from playwright.sync_api import Browser, expect

from running.platform import Platform

PAGES = {
    "ada": (
        "/", "/notebooks/", "/new/", "/gallery/", "/runs/", "/machines/", "/queue/", "/usage/ada/", "/teams/", "/teams/ada/",
        "/settings/", "/settings/tokens/", "/settings/notifications/", "/notifications/", "/bookmarks/",
        "/people/ada/", "/datasets/", "/datasets/new/", "/accounts/email/", "/accounts/sessions/", "/accounts/2fa/", "/nowhere/",
    ),
    "admin": ("/", "/admin/", "/admin/runs/", "/admin/users/", "/admin/plans/", "/admin/events/", "/admin/isolation/",
        "/admin/reports/"),
    None: ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("who", PAGES, ids=str)
def test_pages(browser: Browser, platform: Platform, who: str | None, size: tuple[int, int], dark: bool) -> None:
    with visit(browser, platform, who, size=size, dark=dark) as seen:
        for path in PAGES[who]:
            page = seen.go(path)
            expect(page.locator("h1, h2").first).to_be_visible()
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], f"{path} is {wide} px wide"
        assert seen.faults == []


def test_the_mark_of_the_current_page_is_whole_on_a_narrow_screen(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "ada", size=NARROW) as seen:
        for path in ("/", "/datasets/", "/usage/ada/"):
            page = seen.go(path)
            areas = page.locator(".top nav")
            expect(areas.locator("[aria-current]")).to_be_in_viewport(ratio=0.98)  # browsers cut fractions of a pixel
            around, mark = areas.bounding_box(), areas.locator("[aria-current]").bounding_box()
            assert around is not None
            assert mark is not None
            assert around["x"] - 1 <= mark["x"], path
            assert mark["x"] + mark["width"] <= around["x"] + around["width"] + 1, path


def test_keyboard(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "ada") as seen:
        page = seen.go("/")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox", name="Search notebooks and datasets")).to_be_focused()
        page.keyboard.type("nothing like it")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def test_menu_opens_and_closes_by_keyboard(browser: Browser, platform: Platform) -> None:
    with visit(browser, platform, "ada") as seen:
        page = seen.go("/")
        page.locator("details.menu > summary").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Tokens")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Tokens")).to_be_hidden()


def contrast(first: list[float], second: list[float]) -> float:
    """The contrast ratio of two colours, as the accessibility guidelines define it."""

    def light(colour: list[float]) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour[:3])]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, platform: Platform, dark: bool) -> None:
    """Every pair of tokens used for text and its ground reaches 4.5 to 1."""
    pairs = [(ink, ground) for ink in ("ink", "ink-2", "accent", "bad") for ground in ("paper", "wash")]
    pairs += [
        ("ink-3", "paper"),
        ("good", "good-wash"),
        ("warn", "warn-wash"),
        ("bad", "bad-wash"),
        ("accent", "accent-wash"),
    ]
    with visit(browser, platform, None, dark=dark) as seen:
        page = seen.go("/accounts/login/")
        for ink, ground in pairs:
            colours = page.evaluate(
                """([ink, ground]) => {
                    const probe = document.createElement("canvas").getContext("2d");
                    const value = (name) => {
                        const span = document.body.appendChild(document.createElement("span"));
                        span.style.color = `var(--${name})`;
                        probe.fillStyle = getComputedStyle(span).color;
                        probe.fillRect(0, 0, 1, 1);
                        span.remove();
                        return [...probe.getImageData(0, 0, 1, 1).data];
                    };
                    return [value(ink), value(ground)];
                }""",
                [ink, ground],
            )
            assert contrast(*colours) >= 4.5, f"{ink} on {ground}"
