"""Pages cost a fixed number of queries, however much there is to show."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scenes import Scene, address, client_of

from factories.accounts import NOW, join, make_team, make_user
from factories.compute import drive
from factories.notebooks import make_notebook
from studium.community import actions as community
from studium.community.reports.actions import report
from studium.community.states import Why
from studium.compute.states import State
from studium.notebooks import actions
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.notebooks.subjects import subject_of

# page: whose, where, and how many queries at most
BOUNDS: dict[str, tuple[str, Callable[[Scene], str], int]] = {
    "home": ("owner", lambda s: "/", 28),
    "notebooks": ("owner", lambda s: "/notebooks/?show=team", 12),
    "public": ("owner", lambda s: "/notebooks/?show=public", 12),
    "a notebook": ("owner", lambda s: address(s.notebook), 48),
    "comments": ("owner", lambda s: address(s.public, "comments/"), 22),
    "a thread": ("owner", lambda s: address(s.public, f"comments/{s.said.pk}/"), 14),
    "a person": ("stranger", lambda s: f"/people/{s.cast.owner.username}/", 18),
    "bookmarks": ("reader", lambda s: "/bookmarks/", 13),
    "notifications": ("owner", lambda s: "/notifications/", 5),
    "admin reports": ("operator", lambda s: "/admin/reports/?show=all", 7),
    "editor": ("owner", lambda s: address(s.notebook, "edit/"), 22),
    "panel": ("owner", lambda s: address(s.notebook, "edit/panel/"), 18),
    "runs": ("owner", lambda s: "/runs/", 8),
    "a run": ("owner", lambda s: f"/runs/{s.running.pk}/", 18),
    "queue": ("owner", lambda s: "/queue/", 14),
    "machines": ("owner", lambda s: "/machines/", 14),
    "usage": ("owner", lambda s: f"/usage/{s.cast.team.slug}/", 27),
    "storage": ("owner", lambda s: f"/usage/{s.cast.team.slug}/storage/", 45),
    "volume": ("owner", lambda s: f"/usage/{s.cast.team.slug}/volume/", 12),
    "snapshots": ("owner", lambda s: address(s.notebook, "snapshots/"), 14),
    "teams": ("owner", lambda s: "/teams/", 5),
    "a team": ("owner", lambda s: f"/teams/{s.cast.team.slug}/", 14),
    "admin": ("operator", lambda s: "/admin/", 9),
    "admin runs": ("operator", lambda s: "/admin/runs/?show=all", 6),
    "admin users": ("operator", lambda s: "/admin/users/", 6),
    "admin events": ("operator", lambda s: "/admin/events/", 5),
}


def queries_of(scene: Scene, name: str) -> int:
    who, where, _ = BOUNDS[name]
    client = client_of(getattr(scene.cast, who))
    url = where(scene)
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def grow(scene: Scene) -> None:
    team, owner = scene.cast.team, scene.cast.owner
    for number in range(12):
        notebook = make_notebook(owner, team, f"More {number}", visibility=Visibility.PUBLIC)
        run = actions.start(owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW)
        if number % 2:
            drive(run, State.RUNNING, machine=scene.machine)
        join(team, make_user())
        join(make_team(make_user()), owner)
        _talk(scene, notebook, number)


def _talk(scene: Scene, notebook: Notebook, number: int) -> None:
    """Everything people do about notebooks, by somebody new each time."""
    person, now = make_user(), NOW + timedelta(minutes=number)
    said = community.comment(person, subject_of(scene.public), f"@{scene.cast.owner.username}", now=now)
    community.comment(scene.cast.owner, subject_of(scene.public), "Yes", now=now, parent=said.pk)
    community.vote(scene.cast.owner, subject_of(scene.public), now=now, comment_id=said.pk)
    community.comment(scene.cast.stranger, subject_of(notebook), "Well", now=now)
    community.vote(scene.cast.stranger, subject_of(notebook), now=now)
    community.bookmark(scene.cast.reader, subject_of(notebook), now=now)
    report(person, subject_of(scene.public), Why.SPAM, "", now=now)


def test_queries_do_not_grow(scene: Scene, subtests: pytest.Subtests) -> None:
    before = {name: queries_of(scene, name) for name in BOUNDS}
    grow(scene)
    for name, (_, _, most) in BOUNDS.items():
        with subtests.test(name):
            after = queries_of(scene, name)
            assert after <= before[name] + 1  # a page of a listing may begin to look one row further
            assert after <= most
