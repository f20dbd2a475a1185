"""What people say and do, through REST: comments with what is hidden, votes, bookmarks, notifications, reports, take-downs."""

from typing import Any

import pytest
from rest_world import World

from studium.accounts.models import User
from studium.community import actions
from studium.community.models import Comment
from studium.lib import clock
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.notebooks.subjects import subject_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def public(world: World) -> Notebook:
    return world.notebook(Visibility.PUBLIC)


def say(world: World, who: User, notebook: Notebook, text: str = "Well", **more: Any) -> Any:
    return world.json(who, "POST", f"/notebooks/{notebook.pk}/comments", {"text": text, **more}, status=201)


def test_comments_are_written_answered_and_listed(world: World, public: Notebook) -> None:
    first = say(world, world.cast.stranger, public, "Why *so*?")
    answer = say(world, world.cast.owner, public, "Because.", parent=first["id"])
    assert (answer["parent"], answer["author"], answer["hidden"]) == (first["id"], world.cast.owner.username, False)
    assert first["url"].endswith(f"/notebooks/{world.cast.team.slug}/{public.slug}/comments/{first['id']}/")
    path = f"/notebooks/{public.pk}/comments"
    page = world.json(world.cast.teammate, "GET", f"{path}?limit=1")
    assert [c["text"] for c in page["items"]] == ["Because."]
    page = world.json(world.cast.teammate, "GET", f"{path}?limit=1&cursor={page['next_cursor']}")
    assert ([c["text"] for c in page["items"]], page["next_cursor"]) == (["Why *so*?"], "")
    changed = world.json(world.cast.stranger, "PATCH", f"{path}/{first['id']}", {"text": "Why?"})
    assert (changed["text"], changed["edited_at"] is not None) == ("Why?", True)
    voted = world.json(world.cast.owner, "POST", f"{path}/{first['id']}/vote", {})
    assert (voted["votes"], voted["voted"]) == (1, True)
    assert world.json(world.cast.owner, "POST", f"{path}/{first['id']}/unvote", {})["votes"] == 0
    world.json(world.cast.stranger, "DELETE", f"{path}/{first['id']}", status=204)
    assert [c["text"] for c in world.json(world.cast.owner, "GET", path)["items"]] == ["Because."]


def test_a_hidden_text_goes_to_its_author_and_to_who_hides(world: World, public: Notebook) -> None:
    said = say(world, world.cast.stranger, public, "Buy now")
    path = f"/notebooks/{public.pk}/comments"
    world.json(world.cast.owner, "POST", f"{path}/{said['id']}/hide", {"reason": "spam"})
    for who, text in (("owner", "Buy now"), ("stranger", "Buy now"), ("teammate", ""), ("reader", "")):
        [shown] = world.json(getattr(world.cast, who), "GET", path)["items"]
        assert (shown["text"], shown["hidden"], shown["hidden_reason"]) == (text, True, "spam"), who
    assert world.json(world.cast.owner, "POST", f"{path}/{said['id']}/unhide", {})["hidden"] is False


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": ""}, 400, "comment.empty"),
        ({"text": "x" * 10_001}, 400, "comment.too_long"),
        ({"text": "a\x1b[31m"}, 400, "text.control"),
        ({"text": "a\ud800"}, 400, "text.control"),
        ({"text": "a", "parent": 999}, 404, "comment.unknown"),
        ({"text": "a", "parent": 10**30}, 404, "comment.unknown"),
        ({"text": "a", "parent": -1}, 404, "comment.unknown"),
        ({"text": "a", "html": "b"}, 400, "input.invalid"),
        ({}, 400, "input.invalid"),
    ],
)
def test_what_is_no_comment(world: World, public: Notebook, body: Any, status: int, code: str) -> None:
    answer = world.call(world.cast.stranger, "POST", f"/notebooks/{public.pk}/comments", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Comment.objects.exists()


def test_too_many_at_once_is_not_yet(world: World, public: Notebook) -> None:
    for _ in range(10):
        say(world, world.cast.stranger, public)
    failed = world.json(world.cast.stranger, "POST", f"/notebooks/{public.pk}/comments", {"text": "More"}, status=409)
    assert (failed["code"], failed["facts"]["most"]) == ("community.too_fast", 10)


def test_a_notebook_tells_what_people_did(world: World, public: Notebook) -> None:
    path = f"/notebooks/{public.pk}"
    say(world, world.cast.owner, public)
    assert world.json(world.cast.stranger, "POST", f"{path}/vote", {}) == {
        "votes": 1, "comments": 1, "voted": True, "bookmarked": False,
    }  # fmt: skip
    assert world.json(world.cast.stranger, "POST", f"{path}/bookmark", {})["bookmarked"] is True
    for who, own in (("stranger", True), ("owner", False)):
        shown = world.json(getattr(world.cast, who), "GET", path)
        assert (shown["votes"], shown["comments"], shown["voted"], shown["bookmarked"]) == (1, 1, own, own)
        [listed] = world.json(getattr(world.cast, who), "GET", "/notebooks?which=public")["items"]
        assert (listed["votes"], listed["voted"]) == (1, own)
    assert world.json(world.cast.stranger, "POST", f"{path}/unvote", {})["votes"] == 0


def test_public_ones_by_votes_page_by_page(world: World, public: Notebook) -> None:
    others = [world.notebook(Visibility.PUBLIC, title=f"No {n}") for n in range(4)]
    world.json(world.cast.stranger, "POST", f"/notebooks/{public.pk}/vote", {})
    say(world, world.cast.stranger, others[0])
    for sort, first in (("votes", public.pk), ("comments", others[0].pk), ("recent", others[3].pk)):
        cursor, seen = "", []
        while True:
            page = world.json(world.cast.reader, "GET", f"/notebooks?which=public&sort={sort}&limit=2&cursor={cursor}")
            seen += [row["id"] for row in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert (seen[0], len(seen), len(set(seen))) == (first, 5, 5)
    mine = world.json(world.cast.reader, "GET", f"/notebooks?which=public&by={world.cast.owner.username}")
    assert len(mine["items"]) == 5
    assert world.json(world.cast.reader, "GET", "/notebooks?which=public&by=nobody")["items"] == []


def test_bookmarks_are_ones_own_and_say_what_is_gone(world: World, public: Notebook) -> None:
    world.json(world.cast.stranger, "POST", f"/notebooks/{public.pk}/bookmark", {})
    [mark] = world.json(world.cast.stranger, "GET", "/bookmarks")["items"]
    assert mark["notebook"]["id"] == public.pk
    assert world.json(world.cast.owner, "GET", "/bookmarks")["items"] == []
    Notebook.objects.filter(pk=public.pk).update(visibility=Visibility.TEAM)
    [mark] = world.json(world.cast.stranger, "GET", "/bookmarks")["items"]
    assert (mark["notebook_id"], mark["notebook"]) == (public.pk, None)
    world.json(world.cast.stranger, "DELETE", f"/bookmarks/{public.pk}", status=204)
    assert world.json(world.cast.stranger, "GET", "/bookmarks")["items"] == []


def test_notifications_are_read_one_by_one_or_all(world: World, public: Notebook) -> None:
    for text in ("One", "Two", f"@{world.cast.owner.username}"):
        say(world, world.cast.stranger, public, text)
    rows = world.json(world.cast.owner, "GET", "/notifications?unread=true")["items"]
    assert [row["kind"] for row in rows] == ["mention", "comment", "comment"]
    name = world.cast.stranger.username
    assert (rows[0]["words"], rows[0]["actor"]) == (f"{name} mentioned you in a comment on {public.title}", name)
    assert rows[0]["url"].startswith("http://localhost")
    assert world.json(world.cast.owner, "POST", f"/notifications/{rows[0]['id']}/read", {})["read_at"]
    assert len(world.json(world.cast.owner, "GET", "/notifications?unread=true")["items"]) == 2
    assert world.json(world.cast.owner, "POST", "/notifications/read", {}) == {"read": 2}
    assert len(world.json(world.cast.owner, "GET", "/notifications")["items"]) == 3


def test_ones_own_page(world: World, public: Notebook) -> None:
    path = "/me/page"
    assert world.json(world.cast.owner, "GET", path) == {"bio": "", "link": "", "mailed": ["put_back", "taken_down"]}
    body = {"bio": "I count.", "link": "https://example.org", "mailed": ["vote", "reply"]}
    assert world.json(world.cast.owner, "PATCH", path, body)["mailed"] == ["reply", "vote"]
    assert world.json(world.cast.owner, "PATCH", path, {"bio": "Still."})["link"] == "https://example.org"
    for bad in ({"link": "javascript:alert(1)"}, {"bio": "x" * 2001}, {"mailed": ["everything"]}):
        assert world.call(world.cast.owner, "PATCH", path, bad).status_code == 400
    say(world, world.cast.owner, public)
    inside = world.notebook(Visibility.TEAM)
    say(world, world.cast.owner, inside)
    for who, comments in (("teammate", 2), ("stranger", 1)):
        seen = world.json(getattr(world.cast, who), "GET", f"/people/{world.cast.owner.username}")
        assert (seen["bio"], seen["notebooks"], seen["comments"]) == ("Still.", 1, comments)
        assert world.cast.owner.email not in str(seen)
    assert world.json(world.cast.owner, "GET", "/people/nobody", status=404)["code"] == "person.unknown"


def test_a_report_and_what_comes_of_it(world: World, public: Notebook) -> None:
    path = f"/notebooks/{public.pk}"
    made = world.json(world.cast.stranger, "POST", f"{path}/report", {"why": "private", "text": "Cell 3"}, status=201)
    assert (made["state"], made["notebook_id"], made["decided_by"]) == ("open", public.pk, "")
    again = world.json(world.cast.stranger, "POST", f"{path}/report", {"why": "spam"}, status=422)
    assert again["code"] == "report.open_already"
    admin = world.cast.operator
    [row] = world.json(admin, "GET", "/admin/reports")["items"]
    assert (row["why"], row["text"], row["reporter"]) == ("private", "Cell 3", world.cast.stranger.username)
    down = world.json(admin, "POST", f"/admin{path}/takedown", {"reason": "Shows passwords"})
    assert down["taken_down_reason"] == "Shows passwords"
    assert world.json(admin, "GET", "/admin/reports")["items"] == []
    [row] = world.json(admin, "GET", "/admin/reports?all=true")["items"]
    assert (row["state"], row["decided_by"], row["answer"]) == ("upheld", admin.username, "Shows passwords")
    assert [n["id"] for n in world.json(admin, "GET", "/admin/takedowns")["items"]] == [public.pk]
    for who, status in (("owner", 200), ("reader", 200), ("stranger", 404), ("operator", 404)):
        for rest in ("", "/content", "/versions", "/comments"):
            assert world.call(getattr(world.cast, who), "GET", path + rest).status_code == status, (who, rest)
    shown = world.json(world.cast.owner, "GET", path)
    assert (shown["taken_down_reason"], shown["taken_down_at"] is not None) == ("Shows passwords", True)
    assert world.json(world.cast.owner, "GET", "/notebooks?which=public")["items"] == []
    back = world.json(admin, "POST", f"/admin{path}/restore", {})
    assert (back["taken_down_at"], back["taken_down_reason"]) == (None, "")
    assert world.call(world.cast.stranger, "GET", path).status_code == 200
    refused = world.json(admin, "POST", f"/admin/reports/{made['id']}/dismiss", {}, status=422)
    assert refused["code"] == "report.decided"
    bad = world.call(admin, "POST", f"/admin{path}/takedown", {"reason": " "})
    assert bad.status_code == 400


def test_an_administrator_takes_down_nothing_that_is_not_public(world: World) -> None:
    for visibility in (Visibility.TEAM, Visibility.PRIVATE):
        notebook = world.notebook(visibility)
        answer = world.call(world.cast.operator, "POST", f"/admin/notebooks/{notebook.pk}/takedown", {"reason": "No"})
        assert answer.status_code == 404


def test_who_is_deactivated_writes_nothing(world: World, public: Notebook) -> None:
    from studium.accounts.actions import set_active

    token = world.token(world.cast.stranger)
    said = actions.comment(world.cast.stranger, subject_of(public), "Well", now=clock.now())
    set_active(world.cast.operator, world.cast.stranger, False, now=clock.now())
    path = f"/notebooks/{public.pk}/comments"
    assert world.call(None, "POST", path, {"text": "More"}, token=token).status_code == 401
    assert world.call(None, "DELETE", f"{path}/{said.pk}", token=token).status_code == 401
    assert Comment.objects.filter(deleted_at=None).count() == 1
