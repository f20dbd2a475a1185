"""Comments, votes, bookmarks, notifications, reports and people by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from factories.notebooks import make_notebook
from studium.client import ApiError
from studium.community.models import Bookmark, Comment, Notification, Profile, Report
from studium.lib import clock
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility

pytestmark = pytest.mark.django_db


@pytest.fixture
def notebook(world: World) -> Notebook:
    return make_notebook(world.cast.owner, world.cast.team, "Churn", visibility=Visibility.PUBLIC, now=clock.now())


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_client_talks_votes_and_reports(world: World, notebook: Notebook) -> None:
    with world.client(world.cast.stranger) as studium:
        comments = studium.notebooks.comments
        first = comments.write(notebook.pk, "Why?")
        answer = comments.write(notebook.pk, "So.", parent=first.id)
        assert [c.id for c in comments.all(notebook.pk)] == [answer.id, first.id]
        assert comments.edit(notebook.pk, first.id, "Why *so*?").edited_at
        comments.delete(notebook.pk, answer.id)
        assert [c.text for c in comments.page(notebook.pk).items] == ["Why *so*?"]
        assert studium.notebooks.favour.vote(notebook.pk).voted
        assert studium.notebooks.favour.bookmark(notebook.pk).bookmarked
        assert studium.notebooks.favour.unvote(notebook.pk).votes == 0
        [mark] = studium.bookmarks.page().items
        assert mark.notebook
        assert mark.notebook.comments == 1
        studium.bookmarks.remove(notebook.pk)
        assert studium.notebooks.favour.report(notebook.pk, "spam").state == "open"
        with pytest.raises(ApiError) as caught:
            comments.hide(notebook.pk, first.id)
        assert (caught.value.code, caught.value.status) == ("comment.not_moderator", 403)
    with world.client(world.cast.owner) as studium:
        assert studium.notebooks.comments.vote(notebook.pk, first.id).votes == 1
        assert studium.notebooks.comments.unvote(notebook.pk, first.id).votes == 0
        assert studium.notebooks.comments.hide(notebook.pk, first.id, "Later").hidden_reason == "Later"
        assert not studium.notebooks.comments.unhide(notebook.pk, first.id).hidden
        told = studium.notifications.page(unread=True).items
        assert [n.kind for n in told] == ["comment"]
        assert studium.notifications.read(told[0].id).read_at
        assert studium.notifications.read_all() == 0
        assert studium.people.change_own_page(bio="Me", mailed=["vote"]).mailed == ["vote"]
        assert studium.people.own_page().bio == "Me"
        assert studium.people.get(world.cast.owner.username).notebooks == 1
        assert [n.id for n in studium.notebooks.all(which="public", sort="votes")] == [notebook.pk]
    with world.client(world.cast.operator) as studium:
        [row] = studium.admin.reports().items
        assert studium.admin.take_down(notebook.pk, "Spam").taken_down_at
        assert [r.state for r in studium.admin.reports(everything=True).items] == ["upheld"]
        assert studium.admin.takedowns().items[0].id == notebook.pk
        assert studium.admin.restore(notebook.pk).taken_down_at is None
        with pytest.raises(ApiError):
            studium.admin.dismiss(row.id)


def test_the_command_talks(cli: Cli, world: World, notebook: Notebook) -> None:
    name, guest = f"{world.cast.team.slug}/churn", world.cast.stranger
    assert "Nobody has said anything yet." in cli("notebooks", "comments", name).output
    said = cli("notebooks", "comment", name, "Why is *tenure* binned?", user=guest)
    first = Comment.objects.get()
    assert f"Said, as comment {first.pk} on {name}" in words(said.output)
    cli("notebooks", "comment", name, "--reply-to", str(first.pk), "-", input="Because\nso.\n")
    assert Comment.objects.latest("pk").text == "Because\nso."
    listed = cli("notebooks", "comments", name).output
    assert "Why is *tenure* binned?" in words(listed)
    assert listed.index("Because") < listed.index("Why is")
    assert [c["parent"] for c in json.loads(cli("notebooks", "comments", name, "--json").output)] == [first.pk, None]
    assert cli("notebooks", "comment-edit", name, str(first.pk), "Why?", user=guest).exit_code == 0
    assert cli("notebooks", "comment-edit", name, str(first.pk), "Mine").exit_code == 2
    assert f"Comment {first.pk} has 1 vote," in words(cli("notebooks", "vote", name, "--comment", str(first.pk)).output)
    assert "has 0 votes." in cli("notebooks", "unvote", name, "--comment", str(first.pk)).output
    hidden = cli("notebooks", "comment-hide", name, str(first.pk), "--reason", "Off topic")
    assert f"Comment {first.pk} of {guest.username} is hidden" in words(hidden.output)
    assert "(hidden: Off topic)" in words(cli("notebooks", "comments", name, user=world.cast.reader).output)
    assert "shown again" in words(cli("notebooks", "comment-unhide", name, str(first.pk)).output)
    assert cli("notebooks", "comment-delete", name, str(first.pk), user=guest).exit_code == 2, "nobody was asked"
    assert cli("notebooks", "comment-delete", name, str(first.pk), "--yes", user=guest).exit_code == 0


def test_the_command_votes_marks_and_reports(cli: Cli, world: World, notebook: Notebook) -> None:
    name, guest = f"{world.cast.team.slug}/churn", world.cast.stranger
    assert "has 1 vote, yours among them" in words(cli("notebooks", "vote", name, user=guest).output)
    assert cli("notebooks", "vote", name).exit_code == 2, "it is one's own"
    assert "1 votes" in words(cli("notebooks", "show", name).output)
    assert name in cli("notebooks", "list", "--public", "--sort", "votes", user=guest).output
    assert "has 0 votes." in cli("notebooks", "unvote", name, user=guest).output
    assert "No bookmarks." in cli("bookmarks", user=guest).output
    cli("notebooks", "bookmark", name, user=guest)
    assert "Churn" in cli("bookmarks", user=guest).output
    Notebook.objects.filter(pk=notebook.pk).update(visibility=Visibility.TEAM)
    gone = cli("bookmarks", user=guest).output
    assert "not there for you any more" in words(gone)
    assert cli("notebooks", "unbookmark", notebook.pk, user=guest).exit_code == 0
    assert not Bookmark.objects.exists()
    Notebook.objects.filter(pk=notebook.pk).update(visibility=Visibility.PUBLIC)
    cli("notebooks", "bookmark", name, user=guest)
    assert cli("notebooks", "unbookmark", name, user=guest).exit_code == 0
    assert not Bookmark.objects.exists()
    assert cli("notebooks", "report", name, "--reason", "nonsense", user=guest).exit_code == 2
    said = cli("notebooks", "report", name, "--reason", "spam", "--text", "Look", user=guest)
    assert f"{name} is reported." in words(said.output)
    assert Report.objects.get().text == "Look"


def test_the_command_reads_what_one_was_told(cli: Cli, world: World, notebook: Notebook) -> None:
    name, guest = f"{world.cast.team.slug}/churn", world.cast.stranger
    assert "Nothing yet." in cli("notifications", "list").output
    for text in ("One", "Two"):
        cli("notebooks", "comment", name, text, user=guest)
    listed = words(cli("notifications", "list").output)
    assert f"{guest.username} commented on Churn" in listed
    first = Notification.objects.earliest("pk")
    assert "1 marked as read." in cli("notifications", "read", str(first.pk)).output
    assert len(json.loads(cli("notifications", "list", "--unread", "--json").output)) == 1
    assert cli("notifications", "read").exit_code == 2
    assert cli("notifications", "read", str(first.pk), "--all").exit_code == 2
    assert cli("notifications", "read", str(first.pk), user=guest).exit_code == 2
    assert "1 marked as read." in cli("notifications", "read", "--all").output
    assert "All read." in cli("notifications", "list", "--unread").output


def test_the_command_shows_people(cli: Cli, world: World, notebook: Notebook) -> None:
    shown = cli(
        "people", "page", "--bio", "I count.", "--link", "https://example.org", "--mail", "reply", "--mail", "vote"
    )
    assert "reply, vote" in words(shown.output)
    page = words(cli("people", "show", world.cast.owner.username, user=world.cast.stranger).output)
    assert "I count." in page
    assert "Churn" in page
    assert "nothing" in cli("people", "page", "--no-mail").output
    assert Profile.objects.get().mailed == []
    assert cli("people", "page", "--link", "javascript:alert(1)").exit_code == 2
    assert cli("people", "page", "--mail", "vote", "--no-mail").exit_code == 2
    assert cli("people", "show", "nobody").exit_code == 2


def test_the_command_decides_on_reports(cli: Cli, world: World, notebook: Notebook) -> None:
    name, admin = f"{world.cast.team.slug}/churn", world.cast.operator
    assert "Nothing to decide." in cli("admin", "reports", user=admin).output
    cli("notebooks", "report", name, "--reason", "spam", user=world.cast.stranger)
    row = Report.objects.get()
    assert row.pk in cli("admin", "reports", user=admin).output
    assert f"{world.cast.stranger.username} is told" in words(
        cli("admin", "dismiss", row.pk, "--answer", "Fine", user=admin).output
    )
    assert "dismissed" in cli("admin", "reports", "--all", user=admin).output
    assert "Nothing is taken down." in cli("admin", "takedowns", user=admin).output
    assert cli("admin", "takedown", name, "--reason", "Spam").exit_code == 2, "an owner is no administrator"
    assert f"{name} is taken down" in words(cli("admin", "takedown", name, "--reason", "Spam", user=admin).output)
    assert "taken down Spam" in words(cli("notebooks", "show", name).output)
    assert cli("notebooks", "show", name, user=world.cast.stranger).exit_code == 2
    assert name in cli("admin", "takedowns", user=admin).output
    assert cli("admin", "restore", "other", user=admin).exit_code == 2
    assert f"{name} is back" in words(cli("admin", "restore", name, user=admin).output)
    assert cli("notebooks", "show", name, user=world.cast.stranger).exit_code == 0
