"""Sharing, search and tags by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from factories.notebooks import make_notebook, notebook_json
from studium.client import ApiError
from studium.lib import clock
from studium.notebooks.launching import place_of
from studium.notebooks.models import Collaborator, Notebook
from studium.notebooks.search.reconcile import index_changed
from studium.secrets.actions import set_secret


@pytest.fixture
def notebook(world: World) -> Notebook:
    content = notebook_json("x = np.linalg.norm(y)")
    return make_notebook(world.cast.owner, world.cast.team, "Churn", now=clock.now(), content=content)


def test_share_read_and_end_it_from_python(world: World, notebook: Notebook) -> None:
    owner, stranger = world.client(world.cast.owner), world.client(world.cast.stranger)
    shares = owner.notebooks.shares
    assert shares.add(notebook.pk, world.cast.stranger.username, "editor").role == "editor"
    seen = stranger.notebooks.find("churn")
    assert (seen.shared_as, seen.may_change, seen.may_manage) == ("editor", True, False)
    assert [each.id for each in stranger.notebooks.all(which="shared")] == [notebook.pk]
    with pytest.raises(ApiError, match="for its team to do"):
        stranger.notebooks.shares.get(notebook.pk)
    with pytest.raises(ApiError, match="for its team to do"):
        stranger.notebooks.update(notebook.pk, visibility="public")
    with pytest.raises(ApiError, match="for its team to do"):
        stranger.notebooks.delete(notebook.pk)
    link = shares.make_link(notebook.pk, "reader", days=1, most_uses=2)
    assert world.client(world.cast.reader).notebooks.shares.accept(link.url).shared_as == "reader"
    found = shares.get(notebook.pk)
    assert {(p.username, p.role, p.by_link) for p in found.people} == {
        (world.cast.stranger.username, "editor", False),
        (world.cast.reader.username, "reader", True),
    }
    assert [(each.used, each.most_uses, each.state, each.url) for each in found.links] == [(1, 2, "open", "")]
    shares.revoke_link(notebook.pk, link.id)
    with pytest.raises(ApiError, match="revoked"):
        stranger.notebooks.shares.accept(link.url)
    shares.remove(notebook.pk, world.cast.stranger.username)
    with pytest.raises(ApiError):
        stranger.notebooks.get(notebook.pk)


def test_share_from_the_terminal(cli: Cli, world: World, notebook: Notebook) -> None:
    name, stranger = f"{world.cast.team.slug}/churn", world.cast.stranger
    set_secret(world.cast.owner, place_of(notebook), "API_TOKEN", "correct horse", now=clock.now())
    done = cli("notebooks", "share", name, "--with", stranger.username, "--as", "editor")
    assert done.exit_code == 0
    assert f"{stranger.username} is editor of {name}." in done.stdout
    assert "API_TOKEN" in done.stderr
    assert name in cli("notebooks", "list", "--shared", user=stranger).stdout
    assert "shared with you as" in cli("notebooks", "show", "churn", user=stranger).stdout
    made = cli("notebooks", "share", name, "--link", "--days", "0")
    assert made.stdout.startswith("http://localhost:8000/shared/")
    assert "no end" in made.stderr
    took = cli("notebooks", "accept", made.stdout.strip(), user=world.cast.reader)
    assert f"{name} is yours to read" in took.stdout
    told = json.loads(cli("notebooks", "shares", name, "--json").stdout)
    assert [person["role"] for person in told["people"]] == ["editor", "reader"]
    listed = cli("notebooks", "shares", name).stdout
    assert "used by 1" in listed
    assert cli("notebooks", "share", name, "--revoke", told["links"][0]["id"]).exit_code == 0
    assert cli("notebooks", "share", name, "--revoke", stranger.username).exit_code == 0
    assert cli("notebooks", "leave", name, user=world.cast.reader).exit_code == 0
    assert not Collaborator.objects.exists()
    assert (
        "Shared with nobody" in cli("notebooks", "shares", name).stdout
        or "revoked" in cli("notebooks", "shares", name).stdout
    )


def test_what_the_terminal_refuses(cli: Cli, world: World, notebook: Notebook) -> None:
    name = f"{world.cast.team.slug}/churn"
    assert cli("notebooks", "share", name).exit_code == 2
    assert cli("notebooks", "share", name, "--link", "--with", "x").exit_code == 2
    assert "Nobody called" in cli("notebooks", "share", name, "--with", "nosuch").stderr
    assert cli("notebooks", "share", name, "--with", world.cast.stranger.username, "--as", "owner").exit_code == 2
    assert cli("notebooks", "shares", name, user=world.cast.stranger).exit_code == 2
    assert cli("notebooks", "list", "--public", "--shared").exit_code == 2


def test_search_and_tags_from_the_terminal(cli: Cli, world: World, notebook: Notebook) -> None:
    assert "churn: c++, time-series" in cli("notebooks", "tag", "churn", "Time-Series", "c++").stdout
    index_changed(clock.now())
    found = cli("notebooks", "search", "np.linalg.norm", "tag:time-series").stdout
    assert "cell 1: x = np.linalg.norm(y)" in found
    (hit,) = json.loads(cli("notebooks", "search", "churn", "--json").stdout)
    assert hit["title"] == [{"text": "Churn", "hit": True}]
    assert "Nothing found" in cli("notebooks", "search", "churn", user=world.cast.stranger).stdout
    assert "time-series" in cli("notebooks", "tags").stdout
    assert "churn" in cli("notebooks", "list", "--tag", "c++").stdout
    assert "has no tags" in cli("notebooks", "untag", "churn", "c++", "time-series").stdout
    assert "No tags yet" in cli("notebooks", "tags").stdout


def test_search_reads_page_after_page(world: World) -> None:
    for number in range(5):
        make_notebook(world.cast.owner, world.cast.team, f"Paged {number}", now=clock.now())
    index_changed(clock.now())
    client = world.client(world.cast.owner).notebooks
    first = client.search_page("paged", limit=2)
    assert (len(first.items), first.next_cursor) == (2, "2")
    rest = client.search_page("paged", limit=2, cursor=first.next_cursor)
    assert not {hit.notebook.id for hit in first.items} & {hit.notebook.id for hit in rest.items}
    assert len(list(client.search("paged"))) == 5
    with pytest.raises(ApiError, match="cursor"):
        client.search_page("paged", cursor="x")
