"""Schedules where clocks are changed, in a browser: the next times shown, then each of them run once as the hours pass."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browsing import chromium
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from world import World

from factories.accounts import Cast, make_cast
from factories.compute import load_plans
from factories.notebooks import make_environment, make_notebook
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.states import State
from studium.lib import clock
from studium.notebooks.models import Notebook
from studium.notebooks.schedules import reconcile
from studium.notebooks.states import Visibility
from studium.notebooks.versions import reconcile as versions

pytestmark = pytest.mark.django_db(transaction=True)

# The next times of half past two each night in Berlin, as the page shows them, and when they are in UTC.
CHANGES = {
    "back": (
        "2026-10-23T12:00",
        [("Sat 24 Oct 2026, 02:30 CEST", "2026-10-24 00:30"), ("Sun 25 Oct 2026, 02:30 CEST", "2026-10-25 00:30"),
         ("Mon 26 Oct 2026, 02:30 CET", "2026-10-26 01:30"), ("Tue 27 Oct 2026, 02:30 CET", "2026-10-27 01:30"),
         ("Wed 28 Oct 2026, 02:30 CET", "2026-10-28 01:30")],
    ),
    # There is no half past two on the 28th: it is made up for at three.
    "forward": (
        "2027-03-26T12:00",
        [("Sat 27 Mar 2027, 02:30 CET", "2027-03-27 01:30"), ("Sun 28 Mar 2027, 03:00 CEST", "2027-03-28 01:00"),
         ("Mon 29 Mar 2027, 02:30 CEST", "2027-03-29 00:30"), ("Tue 30 Mar 2027, 02:30 CEST", "2027-03-30 00:30"),
         ("Wed 31 Mar 2027, 02:30 CEST", "2027-03-31 00:30")],
    ),
}  # fmt: skip


@pytest.fixture
def notebook(db: None) -> Notebook:
    load_plans("open")
    make_environment()
    cast: Cast = make_cast()
    return make_notebook(cast.owner, cast.team, "Nightly", visibility=Visibility.TEAM)


def let_hours_pass(world: World, until: datetime) -> None:
    """Every pass of the controller each quarter of an hour; a run that started has finished by the next."""
    while world.now < until:
        world.now += timedelta(minutes=15)
        for _ in range(3):
            reconcile.note_due(world.now)
            reconcile.start_due(world.now)
            world.work()
            for run in Run.objects.filter(state=State.RUNNING):
                world.engine.finish(run.pk, 0, Cause.EXIT)
            world.now += timedelta(seconds=2)
            world.work()
            versions.settle_ended(world.engines, world.now)
            reconcile.see_ended(world.now)
        world.now = world.now.replace(second=0)


def schedules_page(browser: Browser, server: str, notebook: Notebook) -> Page:
    """The page of its schedules as its owner sees it, in a browser whose time zone is neither UTC nor Berlin's."""
    client = Client(headers={"host": "localhost"})
    client.force_login(notebook.created_by, backend="django.contrib.auth.backends.ModelBackend")
    context = browser.new_context(timezone_id="America/New_York")
    context.add_cookies([{"name": name, "value": held.value, "url": server} for name, held in client.cookies.items()])
    page = context.new_page()
    page.goto(f"{server}/notebooks/{notebook.team.slug}/{notebook.slug}/schedules/")
    return page


@pytest.mark.parametrize("way", CHANGES)
def test_half_past_two_each_night_where_clocks_change(
    live_server: Any, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    begins, times = CHANGES[way]
    world = World(now=datetime.fromisoformat(begins).replace(tzinfo=UTC))
    monkeypatch.setattr(clock, "now", lambda: world.now)
    # The browser is driven by an event loop of this thread, in which nothing waits for the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as browser:
        page = schedules_page(browser, live_server.url, notebook)
        page.get_by_label("How often").select_option("day")
        page.locator("input[name=at]").fill("02:30")
        page.locator("input[name=zone]").fill("Europe/Berlin")
        page.get_by_role("button", name="Schedule it").click()
        shown = page.locator("dt", has_text="Next times").locator("+ dd")
        expect(shown).to_have_text("\n".join(text for text, _ in times), use_inner_text=True)

        let_hours_pass(world, datetime.fromisoformat(times[2][1]).replace(tzinfo=UTC) + timedelta(hours=2))
        page.reload()
        rows = page.locator("table tbody tr")
        expect(rows).to_have_count(3)
        due = [row.locator("td").first.inner_text() for row in rows.all()]
        assert due == [f"{at}:00" for _, at in reversed(times[:3])]
        assert [row.locator("td").nth(1).inner_text().strip() for row in rows.all()] == ["Finished"] * 3
        expect(shown).to_contain_text(times[3][0])
        expect(shown).not_to_contain_text(times[2][0])
    begun = Run.objects.order_by("submitted_at").values_list("submitted_at", flat=True)
    assert [f"{at:%Y-%m-%d %H:%M}" for at in begun] == [at for _, at in times[:3]]
