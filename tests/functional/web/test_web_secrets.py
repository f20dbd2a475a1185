"""Secrets on the pages of teams and notebooks: plain forms, and a value that is never seen again."""

import pytest
from scenes import Scene, address, client_of
from test_web_access import problems_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from studium.notebooks.launching import place_of
from studium.notebooks.models import Notebook
from studium.secrets import actions
from studium.secrets.access import Place
from studium.secrets.giving import give
from studium.secrets.models import Secret
from studium.secrets.queries import reference
from studium.secrets.sealing import value_of

VALUE = "correct-horse-battery-staple"


def given(scene: Scene, notebook: Notebook) -> dict[str, str]:
    return give(reference(place_of(notebook)), notebook.team, scene.cast.owner, now=NOW)


def test_the_team_page_sets_lists_and_removes(scene: Scene) -> None:
    client, url = client_of(scene.cast.teammate), f"/teams/{scene.cast.team.slug}/"
    assert "No secrets." in text_of(client.get(url))
    client.post(f"{url}secrets/", {"name": "TOKEN", "value": VALUE, "project": ""})
    client.post(f"{url}secrets/", {"name": "TOKEN", "value": f"{VALUE}\r\nof the project", "project": "main"})
    page = text_of(client.get(url))
    assert page.count(f"set by {scene.cast.teammate.username}") == 2
    assert "Project Main" in page
    assert "All projects" in page
    assert "never given to a run" in page
    assert VALUE not in page
    assert problems_of(page) == []
    assert value_of(Secret.objects.get(project=scene.notebook.project)) == f"{VALUE}\nof the project"
    client.post(f"{url}secrets/remove/", {"name": "TOKEN", "project": "main"})
    assert Secret.objects.get().project is None
    client.post(f"{url}secrets/remove/", {"name": "TOKEN", "project": ""})
    assert not Secret.objects.exists()


def test_readers_and_strangers_see_no_names(scene: Scene) -> None:
    actions.set_secret(scene.cast.owner, Place(scene.cast.team), "TEAM_TOKEN", VALUE, now=NOW)
    actions.set_secret(scene.cast.owner, place_of(scene.public), "OWN_TOKEN", VALUE, now=NOW)
    page = text_of(client_of(scene.cast.reader).get(f"/teams/{scene.cast.team.slug}/"))
    assert "Members of the team see and set its secrets. Your role is reader." in page
    assert "TEAM_TOKEN" not in page
    for who in (scene.cast.reader, scene.cast.stranger):
        page = text_of(client_of(who).get(address(scene.public)))
        assert "TOKEN" not in page
        assert "secrets/" not in page


def test_the_notebook_page_sets_uses_and_removes(scene: Scene) -> None:
    client, url = client_of(scene.cast.teammate), address(scene.notebook)
    assert "No secrets yet." in text_of(client.get(url))
    actions.set_secret(scene.cast.owner, Place(scene.cast.team), "SHARED", "of the team", now=NOW)
    assert 'value="use"' in text_of(client.get(url))
    client.post(f"{url}secrets/change/", {"name": "SHARED", "do": "use"})
    assert given(scene, scene.notebook) == {"SHARED": "of the team"}
    client.post(f"{url}secrets/", {"name": "SHARED", "value": VALUE})
    assert given(scene, scene.notebook) == {"SHARED": VALUE}
    page = text_of(client.get(url))
    assert "which a narrower one hides" in page
    assert "1 used" in page
    assert VALUE not in page
    assert problems_of(page) == []
    client.post(f"{url}secrets/change/", {"name": "SHARED", "do": "remove"})
    assert given(scene, scene.notebook) == {"SHARED": "of the team"}
    client.post(f"{url}secrets/change/", {"name": "SHARED", "do": "leave"})
    assert given(scene, scene.notebook) == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "lower", "value": VALUE}, "capital letters"),
        ({"name": "PATH", "value": VALUE}, "that the platform or programs use"),
        ({"name": "TOKEN", "value": VALUE * 2000}, "too large"),
        ({"name": "", "value": VALUE}, "required"),
        ({"name": "TOKEN", "value": VALUE + "\0"}, "Null characters"),
    ],
)
def test_what_is_refused_is_said_and_the_value_not_shown_again(scene: Scene, data: dict[str, str], words: str) -> None:
    client = client_of(scene.cast.owner)
    for url in (f"/teams/{scene.cast.team.slug}/secrets/", address(scene.notebook, "secrets/")):
        answer = client.post(url, data)
        assert answer.status_code == 400
        assert words in text_of(answer)
        assert VALUE not in text_of(answer)
        assert problems_of(text_of(answer)) == []
    assert not Secret.objects.exists()


def test_a_copy_on_the_page_has_no_secrets(scene: Scene) -> None:
    actions.set_secret(scene.cast.owner, place_of(scene.public), "TOKEN", VALUE, now=NOW)
    answer = client_of(scene.cast.stranger).post(address(scene.public, "copy/"))
    team, slug = answer.headers["Location"].strip("/").split("/")[1:]
    made = Notebook.objects.get(team__slug=team, slug=slug)
    assert give(reference(place_of(made)), made.team, scene.cast.stranger, now=NOW) == {}
