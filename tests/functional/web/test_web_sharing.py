"""Sharing on pages and content hosts: what collaborators get of everything, the dialog, links, and the end of it."""

from collections.abc import Callable

import pytest
from scenes import Scene, address, client_of
from test_web_access import problems_of
from test_web_edge_answers import allowed, enter, topics

from factories.accounts import NOW, make_user
from studium.accounts.models import User
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import place_of
from studium.notebooks.models import Collaborator, Notebook
from studium.notebooks.search.reconcile import index_changed
from studium.notebooks.sharing import actions
from studium.notebooks.states import LaunchKind, SharedRole
from studium.secrets import actions as secrets
from studium.secrets.access import Place

OK, BAD, NO, GONE, IN, DONE = 200, 400, 403, 404, 302, 302
Where = Callable[[Scene], str]

# what: its address, its form (None to look), and the status for owner, teammate, editor, reader by link, stranger, nobody.
# All of it concerns a notebook that is private to the owner: the teammate is a stranger to it.
MATRIX: dict[str, tuple[Where, dict[str, str] | None, tuple[int, ...]]] = {
    "page": (lambda s: address(s.quiet), None, (OK, GONE, OK, OK, GONE, IN)),
    "document": (lambda s: address(s.quiet, "document/"), None, (OK, GONE, OK, OK, GONE, IN)),
    "status": (lambda s: address(s.quiet, "status/?run="), None, (OK, GONE, OK, OK, GONE, IN)),
    "download": (lambda s: address(s.quiet, "download/"), None, (OK, GONE, OK, OK, GONE, IN)),
    "versions": (lambda s: address(s.quiet, "versions/"), None, (OK, GONE, OK, OK, GONE, IN)),
    "schedules": (lambda s: address(s.quiet, "schedules/"), None, (OK, GONE, OK, NO, GONE, IN)),
    "editor": (lambda s: address(s.quiet, "edit/"), None, (OK, GONE, OK, NO, GONE, IN)),
    "panel": (lambda s: address(s.quiet, "edit/panel/"), None, (OK, GONE, OK, NO, GONE, IN)),
    "document's host": (lambda s: f"/open/doc-{s.quiet.label}", None, (IN, GONE, IN, IN, GONE, IN)),
    "session's host": (lambda s: f"/open/{s.quiet.label}", None, (IN, GONE, IN, NO, GONE, IN)),
    "to delete": (lambda s: address(s.quiet, "delete/"), None, (OK, GONE, NO, NO, GONE, IN)),
    "change": (lambda s: address(s.quiet, "change/"), {}, (BAD, GONE, BAD, NO, GONE, IN)),
    "upload": (lambda s: address(s.quiet, "upload/"), {}, (BAD, GONE, BAD, NO, GONE, IN)),
    "start": (lambda s: address(s.quiet, "start/"), {}, (BAD, GONE, BAD, NO, GONE, IN)),
    "save": (lambda s: address(s.quiet, "save/"), {"how": "quick"}, (DONE, GONE, DONE, NO, GONE, IN)),
    "schedule": (lambda s: address(s.quiet, "schedules/"), {}, (BAD, GONE, BAD, NO, GONE, IN)),
    "tags": (lambda s: address(s.quiet, "tags/"), {"tags": "a"}, (DONE, GONE, DONE, NO, GONE, IN)),
    "copy": (lambda s: address(s.quiet, "copy/"), {}, (DONE, GONE, DONE, DONE, GONE, IN)),
    "share": (lambda s: address(s.quiet, "sharing/add/"), {}, (BAD, GONE, NO, NO, GONE, IN)),
    "change a role": (lambda s: address(s.quiet, "sharing/change/"), {}, (GONE, GONE, NO, NO, GONE, IN)),
    "make a link": (lambda s: address(s.quiet, "sharing/link/"), {}, (BAD, GONE, NO, NO, GONE, IN)),
    "revoke a link": (lambda s: address(s.quiet, "sharing/link/no/revoke/"), {}, (GONE, GONE, NO, NO, GONE, IN)),
    "secrets": (lambda s: address(s.quiet, "secrets/"), {}, (BAD, GONE, NO, NO, GONE, IN)),
    "use a secret": (lambda s: address(s.quiet, "secrets/change/"), {"do": "use"}, (GONE, GONE, NO, NO, GONE, IN)),
    "leave": (lambda s: address(s.quiet, "sharing/leave/"), {}, (GONE, GONE, DONE, DONE, GONE, IN)),
    "delete": (lambda s: address(s.quiet, "delete/"), {}, (DONE, GONE, GONE, GONE, GONE, IN)),
}


def editor_of(notebook: Notebook, by: User) -> User:
    person = make_user()
    actions.share(by, notebook, person, SharedRole.EDITOR, now=NOW)
    return person


def reader_by_link(notebook: Notebook, by: User) -> User:
    person = make_user()
    _, secret = actions.make_link(by, notebook, SharedRole.READER, now=NOW)
    assert client_of(person).post(f"/shared/{secret}/").status_code == 302
    return person


@pytest.mark.parametrize("name", MATRIX)
def test_what_each_gets_of_a_shared_private_notebook(scene: Scene, name: str) -> None:
    where, form, wanted = MATRIX[name]
    owner = scene.cast.owner
    people = [owner, scene.cast.teammate, editor_of(scene.quiet, owner), reader_by_link(scene.quiet, owner)]
    seen = []
    for who in [*people, scene.cast.stranger, None]:
        client = client_of(who)
        response = client.get(where(scene)) if form is None else client.post(where(scene), form)
        seen.append(response.status_code)
        if "text/html" in response.get("Content-Type", "") and not response.streaming:
            assert problems_of(response.content.decode()) == []
    assert tuple(seen) == wanted


def test_an_editor_sees_and_stops_runs_of_the_shared_notebook_and_no_others(scene: Scene) -> None:
    owner = scene.cast.owner
    editor, reader = editor_of(scene.quiet, owner), reader_by_link(scene.quiet, owner)
    run = notebooks.start(owner, scene.quiet, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    for rest in ("", "state/", "log/?offset=0", "log/download/"):
        assert client_of(editor).get(f"/runs/{run.pk}/{rest}").status_code == 200
        assert client_of(reader).get(f"/runs/{run.pk}/{rest}").status_code == 404
    assert client_of(editor).get(f"/runs/{scene.running.pk}/").status_code == 404
    assert run.pk in client_of(editor).get("/runs/").content.decode()
    assert run.pk not in client_of(scene.cast.teammate).get("/runs/").content.decode()
    assert topics(editor, f"run={run.pk}&notebook={scene.quiet.pk}") == [f"notebook:{scene.quiet.pk}", f"run:{run.pk}"]
    assert topics(reader, f"run={run.pk}&notebook={scene.quiet.pk}") == [f"notebook:{scene.quiet.pk}"]
    assert client_of(reader).post(f"/runs/{run.pk}/stop/").status_code == 404
    assert client_of(editor).post(f"/runs/{run.pk}/stop/").status_code == 302
    run.refresh_from_db()
    assert run.state == "ended"


def test_content_hosts_let_collaborators_in_until_it_ends(scene: Scene) -> None:
    owner, label = scene.cast.owner, scene.notebook.label
    editor, reader = editor_of(scene.notebook, owner), reader_by_link(scene.notebook, owner)
    stays = {
        "session": (label, enter(client_of(editor), scene.notebook, label)),
        "document": (f"doc-{label}", enter(client_of(editor), scene.notebook, f"doc-{label}")),
        "read": (f"doc-{label}", enter(client_of(reader), scene.notebook, f"doc-{label}")),
    }
    assert all(allowed(*stay) for stay in stays.values())
    assert not allowed(label, stays["read"][1]), "a reader is let into no session"
    actions.share(owner, scene.notebook, editor, SharedRole.READER, now=NOW)
    assert [allowed(*stay) for stay in stays.values()] == [False, True, True]
    actions.remove(owner, scene.notebook, editor, now=NOW)
    actions.remove(owner, scene.notebook, reader, now=NOW)
    assert not any(allowed(*stay) for stay in stays.values())


def test_the_page_names_what_an_editor_could_read_and_tells_an_editor_no_other_secret(scene: Scene) -> None:
    owner, place = scene.cast.owner, place_of(scene.quiet)
    for name in ("USED", "KEPT_BACK"):
        secrets.set_secret(owner, Place(scene.cast.team), name, "correct horse", now=NOW)
    secrets.attach(owner, place, "USED", now=NOW)
    page = client_of(owner).get(address(scene.quiet)).content.decode()
    assert "the secrets this notebook uses (USED)" in page
    assert f"allowance of {scene.cast.team.slug}" in page
    seen = client_of(editor_of(scene.quiet, owner)).get(address(scene.quiet)).content.decode()
    assert "Runs are given USED" in seen
    assert "KEPT_BACK" not in seen
    assert "Set a secret" not in seen
    read = client_of(reader_by_link(scene.quiet, owner)).get(address(scene.quiet)).content.decode()
    assert "USED" not in read


def test_an_editor_changes_the_title_and_nothing_that_is_the_teams(scene: Scene) -> None:
    editor = client_of(editor_of(scene.quiet, scene.cast.owner))
    sent = {"title": "Renamed", "visibility": "public", "internet": "on"}
    assert editor.post(address(scene.quiet, "change/"), sent).status_code == 302
    scene.quiet.refresh_from_db()
    assert (scene.quiet.title, scene.quiet.visibility, scene.quiet.internet) == ("Renamed", "private", False)


def test_the_dialog_shares_changes_and_removes(scene: Scene) -> None:
    client, person = client_of(scene.cast.owner), scene.cast.stranger
    here = address(scene.quiet)
    response = client.post(here + "sharing/add/", {"who": person.username, "role": "reader"}, follow=True)
    assert f"{person.username} is reader" in response.content.decode()
    part = client.post(
        here + "sharing/change/", {"username": person.username, "do": "editor"}, headers={"HX-Request": "true"}
    )
    assert part.content.decode().startswith('<section class="card" id="sharing">')
    assert f"{person.username} is editor" in part.content.decode()
    assert Collaborator.objects.get().role == "editor"
    client.post(here + "sharing/change/", {"username": person.username, "do": "remove"})
    assert not Collaborator.objects.exists()
    refused = client.post(here + "sharing/add/", {"who": "no such person", "role": "reader"})
    assert refused.status_code == 404
    assert "Nobody called" in refused.content.decode()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_link_is_shown_once_and_leads_whoever_agrees(scene: Scene, headers: dict[str, str]) -> None:
    owner, visitor = client_of(scene.cast.owner), client_of(scene.cast.stranger)
    made = owner.post(address(scene.quiet, "sharing/link/"), {"role": "reader", "days": "7"}, headers=headers)
    link = made.context["made_link"]
    assert link in made.content.decode()
    assert link not in owner.get(address(scene.quiet)).content.decode()
    path = link.removeprefix("http://localhost:8000")
    assert client_of(None).get(path)["Location"].startswith("/accounts/login/")
    asked = visitor.get(path)
    assert scene.quiet.title in asked.content.decode()
    assert not Collaborator.objects.exists(), "looking is not coming"
    assert visitor.post(path)["Location"] == address(scene.quiet)
    assert visitor.get(path)["Location"] == address(scene.quiet), "who came goes straight there"
    assert scene.quiet.title in visitor.get("/notebooks/?show=shared").content.decode()
    assert "1 shared with me" in visitor.get("/").content.decode()
    found = Collaborator.objects.get()
    owner.post(address(scene.quiet, f"sharing/link/{found.link_id}/revoke/"))
    other = client_of(make_user())
    assert other.get(path).status_code == other.post(path).status_code == 404


def test_search_page_shows_where_it_was_found_and_only_to_who_may_read(scene: Scene) -> None:
    index_changed(NOW)
    hostile = '"><script>alert(1)</script>'
    owner = client_of(scene.cast.owner)
    found = owner.get("/notebooks/", {"q": "hello"}).content.decode()
    assert "<mark>hello</mark>" in found
    assert "Cell 1" in found
    assert "<script>alert" not in owner.get("/notebooks/", {"q": hostile}).content.decode()
    for q in ("quiet", "quiet work", "by:" + scene.cast.owner.username):
        assert scene.quiet.slug in owner.get("/notebooks/", {"q": q}).content.decode()
        assert scene.quiet.slug not in client_of(scene.cast.teammate).get("/notebooks/", {"q": q}).content.decode()


def test_tags_are_chips_that_lead_to_what_has_them(scene: Scene) -> None:
    owner = client_of(scene.cast.owner)
    owner.post(address(scene.public, "tags/"), {"tags": "Time Series, C++"})
    page = owner.get(address(scene.public)).content.decode()
    for name in ("time", "series"):
        assert f'href="/notebooks/?q=tag:{name}"' in page
    assert 'href="/notebooks/?q=tag:c%2B%2B"' in page
    found = client_of(scene.cast.stranger).get("/notebooks/?q=tag:c%2B%2B").content.decode()
    assert scene.public.title in found
    refused = owner.post(address(scene.public, "tags/"), {"tags": " ".join(f"t{n}" for n in range(11))})
    assert refused.status_code == 400
