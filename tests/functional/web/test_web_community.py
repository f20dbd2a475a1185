"""What people say and do, through the pages: threads, what is hidden from whom, the bell, people, bookmarks, reports."""

from datetime import timedelta

import pytest
from scenes import Scene, address, client_of
from test_web_access import problems_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from factories.notebooks import make_notebook
from studium.community import actions
from studium.community.models import Bookmark, Comment, Notification, Profile, Report, Vote
from studium.community.notifications.actions import read_all
from studium.community.states import COMMENT_LENGTH
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.notebooks.subjects import subject_of
from studium.web.shown.community import DEEPEST, threads_shown

HTMX = {"HX-Request": "true"}


def test_a_thread_is_written_and_read(scene: Scene) -> None:
    client, url = client_of(scene.cast.teammate), address(scene.public)
    page = text_of(client.get(url))
    assert "How <em>nice</em>." in page
    assert f'<a href="/people/{scene.cast.stranger.username}/">' in page
    answer = client.post(f"{url}comments/{scene.said.pk}/reply/", {"text": "Thanks\r\n<script>", "next": url})
    made = Comment.objects.latest("pk")
    assert answer.headers["Location"] == f"{url}#c-{made.pk}"
    assert made.text == "Thanks\n<script>"
    page = text_of(client.get(url))
    assert "Thanks<br> &lt;script&gt;" in page
    assert page.index("How <em>") < page.index("Thanks<br>")
    client.post(f"{url}comments/{made.pk}/edit/", {"text": "Thank you"})
    page = text_of(client.get(f"{url}comments/{made.pk}/"))
    assert "Thank you" in page
    assert ">edited</span>" in page
    client.post(f"{url}comments/{made.pk}/do/", {"do": "delete"})
    assert "Thank you" not in text_of(client.get(f"{url}comments/"))
    assert problems_of(page) == []


def test_forms_come_into_the_page_and_stand_alone(scene: Scene) -> None:
    client, url = client_of(scene.cast.stranger), address(scene.public, f"comments/{scene.said.pk}/")
    for what, holds in (("reply", ""), ("edit", "How *nice*.")):
        part = text_of(client.get(f"{url}{what}/?next=/x/", headers=HTMX))
        assert "<html" not in part
        assert f">{holds}</textarea>" in part
        assert 'name="next" value="/x/"' in part
        whole = text_of(client.get(f"{url}{what}/"))
        assert "<html" in whole
        assert f">{holds}</textarea>" in whole
    other = text_of(client_of(scene.cast.owner).get(f"{url}edit/", headers=HTMX))
    assert "How *nice*." not in other


def test_what_was_typed_is_not_lost_when_it_is_refused(scene: Scene) -> None:
    client, url = client_of(scene.cast.stranger), address(scene.public, "comments/")
    long = "word " * (COMMENT_LENGTH // 5 + 1) + "end"
    answer = client.post(url, {"text": long})
    assert answer.status_code == 400
    assert "at most 10,000 characters" in text_of(answer)
    assert f"{long}</textarea>" in answer.content.decode()
    for _ in range(9):
        client.post(url, {"text": "again"})
    answer = client.post(url, {"text": "one too many"})
    assert (answer.status_code, "one too many</textarea>" in answer.content.decode()) == (409, True)
    assert "10 comments a minute" in text_of(answer)
    assert client.post(url, {"text": "a\x00b"}).status_code == 400


def test_forms_lead_back_to_this_site_alone(scene: Scene) -> None:
    client, url = client_of(scene.cast.owner), address(scene.public)
    for where in ("https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "/x/#y", ""):
        answer = client.post(f"{url}comments/{scene.said.pk}/do/", {"do": "vote", "next": where})
        assert answer.headers["Location"] == f"{url}comments/{scene.said.pk}/#c-{scene.said.pk}"


def test_votes_and_bookmarks_with_and_without_script(scene: Scene) -> None:
    client, url = client_of(scene.cast.stranger), address(scene.public)
    for action, done, undone, model in (
        ("vote/", {"do": "vote"}, {"do": "unvote"}, Vote),
        ("bookmark/", {"do": "mark"}, {"do": "unmark"}, Bookmark),
    ):
        model.objects.all().delete()
        assert client.post(url + action, done).headers["Location"] == url
        assert model.objects.count() == 1
        part = text_of(client.post(url + action, undone, headers=HTMX))
        assert 'aria-pressed="false"' in part
        assert not model.objects.exists()
        assert 'aria-pressed="true"' in text_of(client.post(url + action, done, headers=HTMX))
    said = address(scene.public, f"comments/{scene.said.pk}/do/")
    part = text_of(client_of(scene.cast.owner).post(said, {"do": "vote"}, headers=HTMX))
    assert 'aria-label="Take back your vote for this comment, 1 vote"' in part
    assert f'action="{said}"' in part


def test_hidden_words_are_seen_by_their_author_and_by_who_hides(scene: Scene) -> None:
    actions.comment(scene.cast.owner, subject_of(scene.public), "So?", now=NOW, parent=scene.said.pk)
    url = address(scene.public)
    client_of(scene.cast.owner).post(f"{url}comments/{scene.said.pk}/do/", {"do": "hide", "reason": "Too nice"})
    for who, sees in (("owner", True), ("operator", True), ("stranger", True), ("teammate", False), ("reader", False)):
        for path in (
            url,
            f"{url}comments/",
            f"{url}comments/{scene.said.pk}/",
            f"{url}comments/{scene.said.pk}/reply/",
        ):
            page = text_of(client_of(getattr(scene.cast, who)).get(path))
            assert ("How <em>nice" in page) == sees, (who, path)
            assert "Too nice" in page
        if not sees:
            assert "A comment that was hidden: <bdi>Too nice</bdi>" in page
    assert text_of(client_of(scene.cast.teammate).get(f"{url}comments/")).count("So?") == 1
    assert "Show again" in text_of(client_of(scene.cast.owner).get(url))
    assert "Show again" not in text_of(client_of(scene.cast.stranger).get(url))
    page = text_of(client_of(scene.cast.teammate).get(f"/people/{scene.cast.stranger.username}/"))
    assert "How *nice*" not in page


def test_deleted_ones_stay_where_they_are_answered(scene: Scene) -> None:
    subject, url = subject_of(scene.public), address(scene.public, "comments/")
    answer = actions.comment(scene.cast.owner, subject, "So?", now=NOW, parent=scene.said.pk)
    leaf = actions.comment(scene.cast.stranger, subject, "Nothing", now=NOW, parent=answer.pk)
    actions.delete(scene.cast.stranger, subject, scene.said.pk, now=NOW)
    actions.delete(scene.cast.stranger, subject, leaf.pk, now=NOW)
    page = text_of(client_of(scene.cast.teammate).get(url))
    assert page.count("A comment that its author deleted.") == 1
    assert "So?" in page
    actions.delete(scene.cast.owner, subject, answer.pk, now=NOW)
    assert "Nobody has said anything yet" in text_of(client_of(scene.cast.teammate).get(url))
    assert "This comment is deleted" in text_of(client_of(scene.cast.teammate).get(f"{url}{leaf.pk}/"))


def test_deep_and_long_threads_are_bounded(scene: Scene) -> None:
    subject, before = subject_of(scene.public), scene.said
    made = []
    for _ in range(1500):  # as deep as this, recursion would fail
        before = Comment(
            subject_kind="notebook", subject_id=scene.public.pk, root=scene.said, parent=before, author=scene.cast.reader,
            text="Deeper", created_at=NOW,
        )  # fmt: skip
        before.save()
        made.append(before)
    [thread] = threads_shown(scene.cast.owner, subject, [scene.said], most=1400)
    assert [said.depth for said in thread.said[:7]] == [0, 1, 2, 3, 4, DEEPEST, DEEPEST]
    assert [said.to for said in thread.said[:7]] == ["", "", "", "", "", *[scene.cast.reader.username] * 2]
    assert (len(thread.said), thread.more) == (1401, 100)
    page = text_of(client_of(scene.cast.owner).get(address(scene.public)))
    assert page.count("<p>Deeper</p>") == 5
    assert "1495 more replies" in page
    page = text_of(client_of(scene.cast.owner).get(address(scene.public, "comments/")))
    assert page.count("<p>Deeper</p>") == 20
    page = text_of(client_of(scene.cast.owner).get(address(scene.public, f"comments/{made[-1].pk}/")))
    assert page.count("<p>Deeper</p>") == 500
    assert "1000 more replies are not shown" in page
    url = address(scene.public)
    answer = client_of(scene.cast.owner).post(f"{url}comments/{scene.said.pk}/reply/", {"text": "Late", "next": url})
    late = Comment.objects.latest("pk")
    assert answer.headers["Location"] == f"{url}comments/{late.pk}/#c-{late.pk}", "it would not be among those shown"


def test_pages_of_threads_by_age_and_by_votes(scene: Scene) -> None:
    rows = [
        Comment(
            subject_kind="notebook",
            subject_id=scene.public.pk,
            author=scene.cast.reader,
            text=f"No {n}.",
            created_at=NOW,
        )
        for n in range(44)
    ]
    rows = Comment.objects.bulk_create(rows)
    actions.vote(scene.cast.owner, subject_of(scene.public), now=NOW, comment_id=rows[3].pk)
    client, url = client_of(scene.cast.stranger), address(scene.public, "comments/")
    for sort, first in (("new", "No 43."), ("top", "No 3.")):
        seen: list[str] = []
        more = f"sort={sort}"
        while more:
            context = client.get(f"{url}?{more}").context
            seen += [thread.root.text for thread in context["threads"]]
            more = context["page"].more
        assert seen[0] == first
        assert len(seen) == len(set(seen)) == 45
    page = text_of(client.get(address(scene.public)))
    assert "All 45" in page
    assert page.count('class="thread"') == 5


def test_the_bell_counts_and_the_page_marks_as_read(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    assert 'aria-label="Notifications, 1 not read"' in text_of(client.get("/"))
    page = text_of(client.get("/notifications/"))
    assert f"{scene.cast.stranger.username} commented on" in page
    answer = client.get(f"/notifications/{scene.told.pk}/")
    assert answer.headers["Location"] == address(scene.public, f"comments/{scene.said.pk}/#c-{scene.said.pk}")
    assert 'aria-label="Notifications"' in text_of(client.get("/"))
    assert "All read" in text_of(client.get("/notifications/?show=unread"))
    actions.vote(scene.cast.stranger, subject_of(scene.public), now=NOW)
    actions.vote(scene.cast.reader, subject_of(scene.public), now=NOW)
    page = text_of(client.get("/notifications/?show=unread"))
    assert f"{scene.cast.reader.username} and 1 other voted for" in page
    row = Notification.objects.get(user=scene.cast.owner, read_at=None)
    client_of(scene.cast.stranger).post("/notifications/read/", {"id": row.pk})
    assert client_of(scene.cast.stranger).post("/notifications/read/", {"id": row.pk}).status_code == 404
    client.post("/notifications/read/", {"id": row.pk, "show": "unread"})
    assert not Notification.objects.filter(user=scene.cast.owner, read_at=None).exists()
    assert "Nothing yet" in text_of(client_of(scene.cast.reader).get("/notifications/"))
    assert "reported" in text_of(client_of(scene.cast.operator).get("/notifications/"))


def test_a_page_asks_once_for_the_bell_and_a_part_not_at_all(scene: Scene) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = client_of(scene.cast.owner)
    for path, count in (("/", 1), (address(scene.notebook, f"status/?run={scene.running.pk}"), 0)):
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        asked = [q["sql"] for q in seen if "community_notification" in q["sql"]]
        assert len(asked) == count, asked


def test_a_person_shows_what_the_one_who_looks_may_see(scene: Scene) -> None:
    private = subject_of(make_notebook(scene.cast.owner, scene.cast.team, "Hidden away", visibility=Visibility.PRIVATE))
    actions.comment(scene.cast.owner, private, "Note to myself", now=NOW)
    actions.save_profile(scene.cast.owner, bio="**Bold** <img src=x>", link="https://example.org/me")
    url = f"/people/{scene.cast.owner.username}/"
    for who, inside, own in (("owner", True, True), ("teammate", True, False), ("stranger", False, False)):
        page = text_of(client_of(getattr(scene.cast, who)).get(url))
        assert "Open work" in page
        assert "<strong>Bold</strong> &lt;img src=x&gt;" in page
        assert 'rel="me nofollow ugc noopener noreferrer"' in page
        assert ("For us." in page) == inside
        assert ("Note to myself" in page) == own
        assert "Team work</a></h3><div" not in page, "only public ones are listed"
        assert ("Change what it says" in page) == own
        assert scene.cast.owner.email not in page
    page = text_of(client_of(scene.cast.owner).get(f"/people/{scene.cast.reader.username}/"))
    assert "has made no notebook public" in page


def test_who_is_deactivated_has_no_page_and_keeps_their_words(scene: Scene) -> None:
    from studium.accounts.actions import set_active

    set_active(scene.cast.operator, scene.cast.stranger, False, now=NOW)
    client, name = client_of(scene.cast.owner), scene.cast.stranger.username
    assert client.get(f"/people/{name}/").status_code == 404
    page = text_of(client.get(address(scene.public)))
    assert f"<b>{name}</b>" in page
    assert f"/people/{name}/" not in page


def test_bookmarks_say_what_is_not_there_any_more(scene: Scene) -> None:
    client = client_of(scene.cast.stranger)
    assert "No bookmarks yet" in text_of(client.get("/bookmarks/"))
    client.post(address(scene.public, "bookmark/"), {"do": "mark"})
    assert "Open work" in text_of(client.get("/bookmarks/"))
    Notebook.objects.filter(pk=scene.public.pk).update(visibility=Visibility.TEAM, title="Secret plan")
    page = text_of(client.get("/bookmarks/"))
    assert "not there for you any more" in page
    assert "Secret plan" not in page
    client.post("/bookmarks/remove/", {"id": scene.public.pk})
    assert "No bookmarks yet" in text_of(client.get("/bookmarks/"))


def test_settings_of_page_and_mail(scene: Scene) -> None:
    client = client_of(scene.cast.reader)
    client.post("/settings/page/", {"bio": "Hello", "link": "https://example.org"})
    client.post("/settings/notifications/", {"kinds": ["reply", "vote"]})
    found = Profile.objects.get(user=scene.cast.reader)
    assert (found.bio, found.link, found.mailed) == ("Hello", "https://example.org", ["reply", "vote"])
    answer = client.post("/settings/page/", {"bio": "Other", "link": "ftp://example.org"})
    assert "A link begins with https://" in text_of(answer)
    assert ">Other</textarea>" in answer.content.decode().replace("\n", "")
    page = text_of(client.get("/settings/notifications/"))
    assert page.count(" checked") == 2
    assert "sends no mail yet" in page
    assert client.post("/settings/notifications/", {"kinds": ["everything"]}).status_code == 400


def test_a_report_is_made_and_left_there(scene: Scene) -> None:
    url = address(scene.public)
    assert "Report</a>" in text_of(client_of(scene.cast.operator).get(url))
    assert "Report</a>" not in text_of(client_of(scene.cast.teammate).get(url))
    assert "own team" in text_of(client_of(scene.cast.teammate).get(f"{url}report/"))
    answer = client_of(scene.cast.operator).post(f"{url}report/", {"why": "other", "text": " "})
    assert "Say what is wrong with it." in text_of(answer)
    admin = client_of(scene.cast.operator)
    page = text_of(admin.get("/admin/reports/"))
    assert "Look at the end" in page
    assert "Spam or advertising" in page
    admin.post(f"/admin/reports/{scene.report.pk}/dismiss/", {"answer": "It is fine"})
    assert "Nothing to decide" in text_of(admin.get("/admin/reports/"))
    assert "It is fine" in text_of(admin.get("/admin/reports/?show=all"))
    assert admin.post(f"/admin/reports/{scene.report.pk}/dismiss/").status_code == 422
    page = text_of(client_of(scene.cast.stranger).get("/notifications/"))
    assert "What you reported stays:" in page
    assert "It is fine" in page


def test_what_is_taken_down_says_why_and_to_whom(scene: Scene) -> None:
    admin, url, pk = client_of(scene.cast.operator), address(scene.public), scene.public.pk
    assert "Take down</a>" in text_of(admin.get(url))
    assert "Take down</a>" not in text_of(client_of(scene.cast.owner).get(url))
    assert admin.post(f"/admin/notebooks/{pk}/take-down/", {"reason": " "}).status_code == 400
    admin.post(f"/admin/notebooks/{pk}/take-down/", {"reason": "Shows passwords"})
    assert Report.objects.get().state == "upheld"
    for who in ("owner", "teammate", "reader"):
        for path in (url, f"{url}comments/"):
            page = text_of(client_of(getattr(scene.cast, who)).get(path))
            assert "Reason: Shows passwords" in page
    for who in ("stranger", "operator"):
        for path in (url, f"{url}comments/", f"{url}report/", f"{url}versions/1/", f"{url}download/"):
            assert client_of(getattr(scene.cast, who)).get(path).status_code == 404
        for path in ("comments/", "vote/", "bookmark/", "copy/"):
            assert client_of(getattr(scene.cast, who)).post(url + path, {"text": "x"}).status_code == 404
        assert "Open work" not in text_of(client_of(getattr(scene.cast, who)).get("/notebooks/?show=public"))
    assert "Shows passwords" in text_of(admin.get("/admin/reports/?show=down"))
    page = text_of(client_of(scene.cast.stranger).get("/notifications/"))
    assert "What you reported was taken down: <bdi>Open work</bdi>" in page, "it leads nowhere"
    admin.post(f"/admin/notebooks/{pk}/put-back/")
    assert client_of(scene.cast.stranger).get(url).status_code == 200
    assert "Nothing is taken down" in text_of(admin.get("/admin/reports/?show=down"))


@pytest.mark.parametrize(("sort", "first"), [("recent", "Newer"), ("votes", "Liked"), ("comments", "Open work")])
def test_public_notebooks_in_each_order(scene: Scene, sort: str, first: str) -> None:
    later = NOW + timedelta(hours=1)
    liked = make_notebook(scene.cast.owner, scene.cast.team, "Liked", visibility=Visibility.PUBLIC, now=NOW)
    make_notebook(scene.cast.owner, scene.cast.team, "Newer", visibility=Visibility.PUBLIC, now=later)
    actions.vote(scene.cast.stranger, subject_of(liked), now=NOW)
    context = client_of(scene.cast.stranger).get(f"/notebooks/?show=public&sort={sort}").context
    assert context["rows"][0].notebook.title == first
    rows = {row.notebook.title: (row.votes, row.comments) for row in context["rows"]}
    assert rows == {"Newer": (0, 0), "Liked": (1, 0), "Open work": (0, 1)}


def test_the_order_goes_on_from_page_to_page(scene: Scene) -> None:
    for n in range(60):
        made = make_notebook(scene.cast.owner, scene.cast.team, f"No {n}", visibility=Visibility.PUBLIC)
        if n % 3 == 0:
            actions.vote(scene.cast.stranger, subject_of(made), now=NOW)
    read_all(scene.cast.owner, now=NOW)
    client, more, seen = client_of(scene.cast.stranger), "show=public&sort=votes", []
    while more:
        context = client.get(f"/notebooks/?{more}").context
        seen += [(row.votes, row.notebook.title) for row in context["rows"]]
        more = context["page"].more
    assert [votes for votes, _ in seen] == [1] * 20 + [0] * 41
    assert len({title for _, title in seen}) == 61
