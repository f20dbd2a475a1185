"""The section of inputs on a notebook's page: nothing yet, added, followed or stayed with, gone, and not for readers to change."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scenes import Scene, address, client_of

from factories.accounts import NOW
from factories.files import give_files
from factories.notebooks import make_notebook
from factories.providers import web_provider
from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.compute.models import Run
from studium.notebooks.inputs import actions, queries
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.notebooks.versions import actions as versions

pytestmark = pytest.mark.django_db


@pytest.fixture
def consumer(scene: Scene) -> Notebook:
    return make_notebook(scene.cast.owner, scene.cast.team, "Consumer", visibility=Visibility.TEAM)


@pytest.fixture
def source(scene: Scene) -> Notebook:
    """Its version 1 ended without results in the scene; here it has left a file."""
    give_files(scene.version_run, {"a.csv": b"1,2\n"})
    return scene.notebook


def page(scene: Scene, notebook: Notebook, who: str = "owner", rest: str = "") -> str:
    return client_of(getattr(scene.cast, who)).get(address(notebook, rest)).content.decode()


def test_nothing_yet_says_what_inputs_are(scene: Scene, consumer: Notebook) -> None:
    assert "Add a dataset, a notebook for its output files or a storage provider of the team" in page(scene, consumer)
    shown = page(scene, consumer, "reader")
    assert "It reads no dataset, no storage provider and no other notebook" in shown
    assert 'action="' + address(consumer, "inputs/") not in shown


@pytest.mark.parametrize("typed", ["{name}", "{slug}", "http://localhost{address}", "{address}versions/1/"])
def test_one_is_added_by_its_name_or_its_address(
    scene: Scene, consumer: Notebook, source: Notebook, typed: str
) -> None:
    name = f"{source.team.slug}/{source.slug}"
    form = {"source": typed.format(name=name, slug=source.slug, address=address(source)), "version": "1", "name": ""}
    answer = client_of(scene.cast.owner).post(address(consumer, "inputs/"), form)
    assert (answer.status_code, answer.headers["Location"]) == (302, address(consumer, "#inputs"))
    shown = page(scene, consumer)
    assert f'<code class="path">/datasets/{source.slug}</code>' in shown
    assert f"{source.title}, version 1</a>" in shown
    assert f'<option value="notebooks/{name}">' in shown
    assert "1 file, 4 B" in shown
    assert "Follow newest" not in page(scene, consumer, "reader")


@pytest.mark.parametrize("typed", ["{name}", "datasets/{name}", "http://localhost/datasets/{name}/", "{slug}"])
def test_a_dataset_is_added_likewise(scene: Scene, consumer: Notebook, typed: str) -> None:
    dataset = make_team_dataset(scene.cast.owner, scene.cast.team, "Measured")
    make_dataset_version(dataset, {"a.csv": b"1,2\n"})
    name = f"{dataset.team.slug}/{dataset.slug}"
    form = {"source": typed.format(name=name, slug=dataset.slug), "version": "", "name": ""}
    answer = client_of(scene.cast.owner).post(address(consumer, "inputs/"), form)
    assert (answer.status_code, answer.headers["Location"]) == (302, address(consumer, "#inputs"))
    shown = page(scene, consumer)
    assert '<code class="path">/datasets/measured</code>' in shown
    assert f'Dataset <a href="/datasets/{name}/?version=1">Measured, version 1</a>, the newest' in shown
    assert f'<option value="datasets/{name}">' in shown


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"source": ""}, 400, "This field is required"),
        ({"source": "nobody/nothing"}, 404, "no notebook"),
        ({"source": "{name}", "version": "0"}, 400, "greater than or equal to 1"),
        ({"source": "{name}", "version": "9"}, 409, "has no output files that are kept"),
        ({"source": "{name}"}, 409, "ended well and left files"),
        ({"source": "{name}", "version": "1", "name": "a/b"}, 400, "is no name for an input"),
    ],
)
def test_what_is_refused_is_said_on_the_form(
    scene: Scene, consumer: Notebook, source: Notebook, form: dict[str, str], status: int, words: str
) -> None:
    Run.objects.filter(pk=scene.version_run.run_id).update(reason="failed")
    filled = {key: value.format(name=f"{source.team.slug}/{source.slug}") for key, value in form.items()}
    answer = client_of(scene.cast.owner).post(address(consumer, "inputs/"), filled)
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    assert not queries.inputs_of(consumer).exists()


def test_follow_stay_and_remove(scene: Scene, consumer: Notebook, source: Notebook) -> None:
    actions.add_input(scene.cast.owner, consumer, source, now=NOW, number=1, name="data")
    Run.objects.filter(pk=scene.version_run.run_id).update(reason="finished")
    client = client_of(scene.cast.owner)

    def do(**form: str) -> int:
        return client.post(address(consumer, "inputs/do/"), {"name": "data", **form}).status_code

    assert "Follow newest" in page(scene, consumer)
    assert do(do="follow") == 302
    assert "Stay with 1" in page(scene, consumer)
    assert do(do="stay", version="1") == 302
    assert (do(do="stay", version="x"), do(do="stay", version="7"), do(do="eat")) == (400, 409, 400)
    assert queries.input_of(consumer, "data").number == 1
    assert do(do="remove") == 302
    assert do(do="remove") == 404


def test_one_that_is_gone_or_not_for_the_reader_is_said(scene: Scene, consumer: Notebook, source: Notebook) -> None:
    actions.add_input(scene.cast.owner, consumer, source, now=NOW, number=1, name="data")
    Notebook.objects.filter(pk=source.pk).update(visibility=Visibility.PRIVATE, created_by=scene.cast.owner)
    shown = page(scene, consumer, "reader")
    assert "You may not read what the input data comes from." in shown
    assert source.title not in shown
    Notebook.objects.filter(pk=source.pk).update(deleted_at=NOW)
    assert "comes from was deleted" in page(scene, consumer)


def test_a_versions_page_and_a_copy_tell_of_inputs(scene: Scene, consumer: Notebook, source: Notebook) -> None:
    actions.add_input(scene.cast.owner, consumer, source, now=NOW, number=1, name="data")
    versions.save_quick(scene.cast.owner, consumer, now=NOW)
    assert f"{source.title}, version 1</a>" in page(scene, consumer, rest="versions/1/")
    Notebook.objects.filter(pk=consumer.pk).update(visibility=Visibility.PUBLIC)
    shown = page(scene, consumer, "stranger", "versions/1/")
    assert "version 1 of what is not yours to read, or is gone" in shown
    assert source.title not in shown
    client = client_of(scene.cast.stranger)
    for rest in ("copy/", "versions/1/copy/"):
        told = client.post(address(consumer, rest), follow=True).content.decode()
        assert "Not yours to read, so the copy is without: data." in told


def test_many_inputs_ask_no_more_often(scene: Scene, consumer: Notebook, source: Notebook) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert len(queries.shown(scene.cast.owner, consumer)) > 0
        return len(seen)

    actions.add_input(scene.cast.owner, consumer, source, now=NOW, number=1, name="a")
    before = asked()
    for n in range(10):
        actions.add_input(scene.cast.owner, consumer, source, now=NOW, number=1, name=f"b{n}")
    assert asked() == before


def test_with_script_only_the_section_comes_back(scene: Scene, consumer: Notebook, source: Notebook) -> None:
    client, script = client_of(scene.cast.owner), {"HTTP_HX_REQUEST": "true"}
    refused = client.post(address(consumer, "inputs/"), {"source": "no/no"}, **script)
    assert (refused.status_code, "<html" in refused.content.decode()) == (404, False)
    assert "no notebook" in refused.content.decode()
    form = {"source": source.slug, "version": "1", "name": "data"}
    added = client.post(address(consumer, "inputs/"), form, **script).content.decode()
    assert added.startswith('<section class="card" id="inputs">')
    assert "It is /datasets/data in the session" in added
    gone = client.post(address(consumer, "inputs/do/"), {"name": "data", "do": "remove"}, **script).content.decode()
    assert "data is no input any more." in gone


def test_the_editors_panel_has_inputs_and_secrets(scene: Scene) -> None:
    shown = page(scene, scene.notebook, rest="edit/")
    for rest in ("inputs/", "secrets/"):
        assert f'hx-get="{address(scene.notebook, rest)}"' in shown
        assert page(scene, scene.notebook, rest=rest).startswith('<section class="card"')


@pytest.mark.parametrize("typed", ["providers/web", "http://localhost/teams/{team}/providers/web/"])
def test_a_provider_is_added_and_removed(scene: Scene, consumer: Notebook, typed: str) -> None:
    team = consumer.team
    web_provider(scene.cast.owner, team, "https://files.example/top")
    client, form = client_of(scene.cast.owner), {"source": typed.format(team=team.slug), "version": "", "name": "data"}
    assert client.post(address(consumer, "inputs/"), {**form, "version": "1"}).status_code == 400
    answer = client.post(address(consumer, "inputs/"), form)
    assert (answer.status_code, answer.headers["Location"]) == (302, address(consumer, "#inputs"))
    shown = page(scene, consumer)
    assert '<code class="path">/providers/data</code>' in shown
    assert f'Storage provider <a href="/teams/{team.slug}/providers/web/">web</a>' in shown
    assert '<option value="providers/web">' in shown
    assert "/providers/web/" not in page(scene, consumer, "reader")
    assert "A storage provider of its team" in page(scene, consumer, "reader")
    assert client_of(scene.cast.stranger).post(address(consumer, "inputs/"), form).status_code == 404
    assert client.post(address(consumer, "inputs/do/"), {"name": "data", "do": "follow"}).status_code == 400
    client.post(address(consumer, "inputs/do/"), {"name": "data", "do": "remove"})
    assert "/providers/data" not in page(scene, consumer)
