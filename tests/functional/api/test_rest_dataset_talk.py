"""Comments, votes and bookmarks of datasets through REST, and that they are none of a notebook's."""

import pytest
from rest_world import World

from factories.team_datasets import make_team_dataset
from studium.accounts.states import Visibility
from studium.community.models import Bookmark
from studium.datasets import actions
from studium.datasets.models import Dataset
from studium.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def public(world: World) -> Dataset:
    made = make_team_dataset(world.cast.owner, world.cast.team, "Weather")
    actions.change_visibility(world.cast.owner, made, Visibility.PUBLIC, now=clock.now())
    return made


def test_comments_are_written_answered_hidden_and_listed(world: World, public: Dataset) -> None:
    path, guest, owner = f"/datasets/{public.pk}/comments", world.cast.stranger, world.cast.owner
    first = world.json(guest, "POST", path, {"text": "Which station?"}, status=201)
    assert first["url"].endswith(f"/datasets/{world.cast.team.slug}/{public.slug}/comments/{first['id']}/")
    world.json(owner, "POST", path, {"text": "All of them.", "parent": first["id"]}, status=201)
    page = world.json(guest, "GET", f"{path}?limit=1")
    assert [each["text"] for each in page["items"]] == ["All of them."]
    page = world.json(guest, "GET", f"{path}?limit=1&cursor={page['next_cursor']}")
    assert ([each["text"] for each in page["items"]], page["next_cursor"]) == (["Which station?"], "")
    assert world.json(owner, "POST", f"{path}/{first['id']}/vote", {})["votes"] == 1
    world.json(owner, "POST", f"{path}/{first['id']}/hide", {"reason": "spam"})
    shown = world.json(world.cast.teammate, "GET", path)["items"][1]
    assert (shown["text"], shown["hidden_reason"]) == ("", "spam")
    notebook = world.notebook(Visibility.PUBLIC)
    assert world.json(owner, "GET", f"/notebooks/{notebook.pk}/comments")["items"] == []


def test_a_bookmark_stays_after_the_dataset_is_hidden(world: World, public: Dataset) -> None:
    guest = world.cast.stranger
    assert world.json(guest, "POST", f"/datasets/{public.pk}/vote", {})["votes"] == 1
    tally = world.json(guest, "POST", f"/datasets/{public.pk}/bookmark", {})
    assert (tally["votes"], tally["voted"], tally["bookmarked"]) == (1, True, True)
    [mark] = world.json(guest, "GET", "/bookmarks/datasets")["items"]
    assert (mark["dataset_id"], mark["dataset"]["votes"]) == (public.pk, 1)
    assert world.json(guest, "GET", "/bookmarks")["items"] == []
    actions.change_visibility(world.cast.owner, public, Visibility.TEAM, now=clock.now())
    [mark] = world.json(guest, "GET", "/bookmarks/datasets")["items"]
    assert (mark["dataset_id"], mark["dataset"]) == (public.pk, None)
    world.json(guest, "DELETE", f"/bookmarks/datasets/{public.pk}", status=204)
    assert not Bookmark.objects.exists()
