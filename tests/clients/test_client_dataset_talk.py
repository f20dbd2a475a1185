"""Comments, votes and bookmarks of datasets by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.accounts.states import Visibility
from studium.client import ApiError
from studium.community.models import Bookmark, Comment
from studium.datasets import actions
from studium.datasets.models import Dataset
from studium.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(world: World) -> Dataset:
    made = make_team_dataset(world.cast.owner, world.cast.team, "Weather")
    make_dataset_version(made, {"a.csv": b"1"})
    actions.change_visibility(world.cast.owner, made, Visibility.PUBLIC, now=clock.now())
    return made


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_client_talks_and_votes(world: World, dataset: Dataset) -> None:
    with world.client(world.cast.stranger) as studium:
        comments, favour = studium.datasets.comments, studium.datasets.favour
        first = comments.write(dataset.pk, "Why?")
        answer = comments.write(dataset.pk, "So.", parent=first.id)
        assert [c.id for c in comments.all(dataset.pk)] == [answer.id, first.id]
        assert comments.edit(dataset.pk, first.id, "Why *so*?").edited_at
        comments.delete(dataset.pk, answer.id)
        assert favour.vote(dataset.pk).voted
        assert favour.bookmark(dataset.pk).bookmarked
        [mark] = studium.bookmarks.datasets().items
        assert mark.dataset
        assert mark.dataset.votes == 1
        assert favour.unvote(dataset.pk).votes == 0
        studium.bookmarks.remove_dataset(dataset.pk)
        assert studium.bookmarks.datasets().items == []
        assert favour.report(dataset.pk, "spam").state == "open"
        with pytest.raises(ApiError) as caught:
            comments.hide(dataset.pk, first.id)
        assert caught.value.code == "comment.not_moderator"
    with world.client(world.cast.owner) as studium:
        assert studium.datasets.comments.vote(dataset.pk, first.id).votes == 1
        assert studium.datasets.comments.unvote(dataset.pk, first.id).votes == 0
        assert studium.datasets.comments.hide(dataset.pk, first.id, "Later").hidden_reason == "Later"
        assert not studium.datasets.comments.unhide(dataset.pk, first.id).hidden


def test_the_command_talks(cli: Cli, world: World, dataset: Dataset) -> None:
    name, guest = f"{world.cast.team.slug}/weather", world.cast.stranger
    assert "Nobody has said anything yet." in cli("datasets", "comments", name).output
    said = cli("datasets", "comment", name, "Which *station*?", user=guest)
    first = Comment.objects.get()
    assert f"Said, as comment {first.pk} on {name}" in words(said.output)
    cli("datasets", "comment", name, "--reply-to", str(first.pk), "-", input="All\nof them.\n")
    assert [c["parent"] for c in json.loads(cli("datasets", "comments", name, "--json").output)] == [first.pk, None]
    assert cli("datasets", "comment-edit", name, str(first.pk), "Which?", user=guest).exit_code == 0
    assert f"Comment {first.pk} has 1 vote," in words(cli("datasets", "vote", name, "--comment", str(first.pk)).output)
    assert "has 0 votes." in cli("datasets", "unvote", name, "--comment", str(first.pk)).output
    hidden = cli("datasets", "comment-hide", name, str(first.pk), "--reason", "Off topic")
    assert f"Comment {first.pk} of {guest.username} is hidden" in words(hidden.output)
    assert "shown again" in words(cli("datasets", "comment-unhide", name, str(first.pk)).output)
    assert cli("datasets", "comment-delete", name, str(first.pk), user=guest).exit_code == 2, "nobody was asked"
    assert cli("datasets", "comment-delete", name, str(first.pk), "--yes", user=guest).exit_code == 0


def test_the_command_votes_and_bookmarks(cli: Cli, world: World, dataset: Dataset) -> None:
    name, guest = f"{world.cast.team.slug}/weather", world.cast.stranger
    assert f"{name} has 1 vote, yours among them." in words(cli("datasets", "vote", name, user=guest).output)
    assert f"{name} has 0 votes." in words(cli("datasets", "unvote", name, user=guest).output)
    assert "See them: studium bookmarks" in words(cli("datasets", "bookmark", name, user=guest).output)
    assert f"dataset {name} Weather" in words(cli("bookmarks", user=guest).output)
    actions.change_visibility(world.cast.owner, dataset, Visibility.TEAM, now=clock.now())
    assert "(not there for you any more)" in words(cli("bookmarks", user=guest).output)
    told = json.loads(cli("bookmarks", "--json", user=guest).output)
    assert ([each["dataset_id"] for each in told["datasets"]], told["notebooks"]) == ([dataset.pk], [])
    assert cli("datasets", "unbookmark", dataset.pk, user=guest).exit_code == 0
    assert not Bookmark.objects.exists()
