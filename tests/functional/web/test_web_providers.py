"""Storage providers on a team's pages: who gets which, what they show of good and bad buckets, what a test tells."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scenes import Scene, client_of
from test_web_access import problems_of
from test_web_notebooks import text_of

from factories.providers import allow, web_provider, web_server
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage.providers.models import Provider

OK, DONE, BAD, NO, GONE, IN = 200, 302, 400, 403, 404, 302
Five = tuple[int, int, int, int, int]


@pytest.fixture
def web(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Provider]:
    """A web server with some files."""
    allow(monkeypatch, "127.0.0.0/8")
    for number in range(120):
        path = tmp_path / "many" / f"{number:03}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a,b\n")
    (tmp_path / "a <b>.txt").write_bytes(b"hello")
    (tmp_path / "none").mkdir()
    with web_server(tmp_path) as address:
        yield web_provider(scene.cast.owner, scene.cast.team, address, "lab")


def at(scene: Scene, rest: str = "") -> str:
    return f"/teams/{scene.cast.team.slug}/providers/{rest}"


# page: owner, teammate, reader, stranger, operator; nobody is sent to sign in everywhere.
PAGES: dict[str, tuple[str, Five]] = {
    "listing": ("", (OK, OK, NO, GONE, GONE)),
    "new": ("new/", (OK, OK, NO, GONE, GONE)),
    "one": ("lab/", (OK, OK, NO, GONE, GONE)),
    "a folder": ("lab/?path=many", (OK, OK, NO, GONE, GONE)),
    "no folder": ("lab/?path=a/../b", (BAD, BAD, NO, GONE, GONE)),
    "no provider": ("nothing/", (GONE, GONE, NO, GONE, GONE)),
    "download": ("lab/download/?path=many/000.csv", (OK, OK, NO, GONE, GONE)),
    "no download": ("lab/download/?path=many/x", (GONE, GONE, NO, GONE, GONE)),
}
FORMS: dict[str, tuple[str, dict[str, str], Five]] = {
    "make": ("new/", {"name": "x"}, (BAD, BAD, NO, GONE, GONE)),
    "test": ("lab/test/", {}, (OK, OK, NO, GONE, GONE)),
    "change": ("lab/change/", {}, (BAD, BAD, NO, GONE, GONE)),
    "remove": ("lab/remove/", {}, (DONE, GONE, NO, GONE, GONE)),
}


def everybody(scene: Scene) -> list[object]:
    cast = scene.cast
    return [cast.owner, cast.teammate, cast.reader, cast.stranger, cast.operator]


@pytest.mark.parametrize("name", PAGES)
def test_page(scene: Scene, web: Provider, name: str) -> None:
    rest, wanted = PAGES[name]
    answers = [client_of(user).get(at(scene, rest)) for user in everybody(scene)]  # type: ignore[arg-type]
    assert tuple(answer.status_code for answer in answers) == wanted
    for answer in answers:
        if "download" not in name:
            assert problems_of(answer.content.decode()) == []
        elif answer.status_code == OK:
            assert answer["Content-Security-Policy"].startswith("sandbox")
            assert answer["Content-Disposition"].startswith("attachment")
    assert client_of(None).get(at(scene, rest)).status_code == IN


@pytest.mark.parametrize("name", FORMS)
def test_form(scene: Scene, web: Provider, name: str) -> None:
    rest, form, wanted = FORMS[name]
    assert client_of(None).post(at(scene, rest), form).status_code == IN
    found = tuple(client_of(user).post(at(scene, rest), form).status_code for user in everybody(scene))  # type: ignore[arg-type]
    assert found == wanted


def test_one_is_made_and_changed(scene: Scene) -> None:
    client = client_of(scene.cast.teammate)
    assert "No providers yet" in text_of(client.get(at(scene)))
    assert "/providers/new/" in text_of(client.get(f"/teams/{scene.cast.team.slug}/"))
    secrets.set_secret(
        scene.cast.owner, Place(scene.cast.team), "LAB_KEY", "correct-horse", now=scene.cast.team.created_at
    )
    form = {"kind": "gcs", "name": "data", "bucket": "b", "key_secret": "LAB_KEY", "writable": "on", "folder": "a/b"}
    assert 'value="LAB_KEY"' in text_of(client.get(at(scene, "new/")))
    assert client.post(at(scene, "new/"), form)["Location"] == at(scene, "data/")
    row = Provider.objects.get()
    assert (row.kind, row.bucket, row.key_secret, row.writable, row.prefix) == ("gcs", "b", "LAB_KEY", True, "a/b")
    assert "has a provider data already" in text_of(client.post(at(scene, "new/"), form))
    assert "Not tested" in text_of(client.get(at(scene)))
    page = text_of(client.get(at(scene, "data/")))
    assert "The secret LAB_KEY is no key of a service account in JSON." in page
    assert "correct-horse" not in page
    client.post(at(scene, "data/change/"), {"bucket": "c"})
    row.refresh_from_db()
    assert (row.bucket, row.key_secret, row.writable, row.prefix) == ("c", "", False, "")


def test_files_are_looked_through(scene: Scene, web: Provider) -> None:
    client = client_of(scene.cast.teammate)
    page = text_of(client.get(at(scene, "lab/")))
    assert "a &lt;b&gt;.txt" in page
    assert "5 B" in page
    first = text_of(client.get(at(scene, "lab/?path=many")))
    assert "099.csv" in first
    assert "100.csv" not in first
    assert "after=many%2F099.csv" in first
    rest = text_of(client.get(at(scene, "lab/?path=many&after=many/099.csv")))
    assert "119.csv" in rest
    assert ">First</a>" in rest
    assert "There is no file below none." in text_of(client.get(at(scene, "lab/?path=none")))
    answer = client.get(at(scene, "lab/download/?path=a%20%3Cb%3E.txt"), headers={"range": "bytes=1-2"})
    assert (answer.status_code, b"".join(answer)) == (206, b"el")


def test_a_test_tells_each_step(scene: Scene, web: Provider) -> None:
    client = client_of(scene.cast.teammate)
    page = text_of(client.post(at(scene, "lab/test/")))
    assert page.count(">Good<") == 4
    assert "Works" in text_of(client.get(at(scene)))
    Provider.objects.update(endpoint=web.endpoint + "nowhere/")
    part = text_of(client.post(at(scene, "lab/test/"), headers={"hx-request": "true"}))
    assert "<h1>" not in part
    assert "<code>provider.bucket_unknown</code>" in part
    assert "Does not work" in text_of(client.get(at(scene)))
    assert "<code>provider.bucket_unknown</code>" in text_of(client.get(at(scene, "lab/")))


BOUNDS: dict[str, tuple[Callable[[Scene], str], int]] = {
    "providers": (lambda s: at(s), 6),
    "a provider": (lambda s: at(s, "lab/?path=many"), 7),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_queries(scene: Scene, web: Provider, name: str) -> None:
    where, most = BOUNDS[name]
    for number in range(20):
        web_provider(scene.cast.owner, scene.cast.team, web.endpoint, f"n{number}")
    client, url = client_of(scene.cast.owner), where(scene)
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == OK
    assert len(seen) <= most, [each["sql"] for each in seen]
