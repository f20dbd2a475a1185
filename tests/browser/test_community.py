"""Talking about a notebook in a browser: votes and replies without leaving the page, and words that do nothing but stand there."""

import pytest
from browsing import NARROW, chromium, visit
from playwright.sync_api import Browser, expect

from running.platform import Platform

HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\n\n"
    "[click](javascript:document.title='taken') ![p](https://elsewhere.example/p.png)\n\n$\\text{<img src=x onerror=alert(1)>}$"
)


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(platform: Platform) -> str:
    """A public notebook of ada's."""
    return platform.manage(
        """
from studium.accounts.actions import create_user
from studium.accounts.models import User
from studium.notebooks.actions import create_notebook
from studium.notebooks.states import Visibility
user = User.objects.filter(username="ada").first() or create_user("ada", "ada@example.org", now=now)
made = create_notebook(user, user.personal_team.projects.get(), "Talked about", now=now, visibility=Visibility.PUBLIC)
print(f"/notebooks/{made.team.slug}/{made.slug}/")
"""
    )


def test_a_talk(browser: Browser, platform: Platform, address: str) -> None:
    with visit(browser, platform, "lin") as lin:
        page = lin.go(address)
        page.evaluate("document.body.dataset.same = 'yes'")
        page.get_by_role("button", name="Vote for this notebook, 0 votes").click()
        expect(page.get_by_role("button", name="Take back your vote for this notebook, 1 vote")).to_be_visible()
        page.get_by_role("button", name="Bookmark", exact=True).click()
        expect(page.get_by_role("button", name="Bookmarked", exact=True)).to_be_visible()
        assert page.evaluate("document.body.dataset.same") == "yes"
        page.get_by_label("A new comment").fill(HOSTILE)
        page.get_by_role("button", name="Comment", exact=True).click()
        said = page.locator(".said .prose")
        expect(said).to_contain_text("<script>document.title='taken'</script>")
        said.get_by_text("click").click()
        assert "Talked about" in page.title()
        page.evaluate("document.body.dataset.same = 'yes'")
        page.get_by_role("link", name="Reply").click()
        page.get_by_label("Your reply").fill("To myself, @ada")
        assert page.evaluate("document.body.dataset.same") == "yes"
        page.get_by_role("button", name="Reply").click()
        expect(page.locator(".said.d1 .prose")).to_contain_text("To myself, @ada")
        assert lin.faults == []
    with visit(browser, platform, "ada", size=NARROW, script=False) as ada:
        page = ada.go("/")
        page.get_by_role("link", name="Notifications, 3 not read").click()
        page.get_by_role("link", name="Talked about").first.click()
        expect(page.get_by_role("heading", name="Thread")).to_be_visible()
        page.get_by_text("Hide", exact=True).first.click()
        page.get_by_label("Reason for hiding it").first.fill("Noise")
        page.get_by_role("button", name="Hide it").first.click()
        expect(page.get_by_text("Hidden by ada (Noise).")).to_be_visible()
        assert ada.faults == []
