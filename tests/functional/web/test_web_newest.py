"""What a notebook's page and the listing say of its newest runs, to those who may know."""

import pytest
from scenes import Scene, address, client_of

from factories.accounts import NOW
from studium.compute.models import Run
from studium.notebooks.models import Notebook, Version
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db


def page(scene: Scene, where: str, who: str = "owner") -> str:
    return client_of(getattr(scene.cast, who)).get(where).content.decode()


def test_outputs_that_a_version_has_and_the_notebook_has_not_are_pointed_at(scene: Scene) -> None:
    version, notebook = scene.version_run, scene.notebook
    other = storage.put(b"{}", now=NOW)
    Version.objects.filter(pk=version.pk).update(source=notebook.document, document=other.digest, settled_at=NOW)
    shown = page(scene, address(notebook))
    assert f'<a href="{address(notebook, "versions/1/")}">read them</a>. Restore it' in shown
    assert "Restore it to have them here" not in page(scene, address(notebook), "reader")
    Notebook.objects.filter(pk=notebook.pk).update(document=other.digest)
    assert "ran this and has its outputs" not in page(scene, address(notebook))


def test_a_notebook_whose_versions_alone_were_run_has_run(scene: Scene) -> None:
    Run.objects.filter(owner_id=scene.notebook.pk).update(state="ended", reason="finished")
    scene.notebook.launches.exclude(kind="version").delete()
    assert f'<a href="{address(scene.notebook, "versions/1/")}">Version 1</a> was run' in page(
        scene, address(scene.notebook, "status/")
    )
    assert "It has never run." in page(scene, address(scene.quiet, "status/"))


def test_strangers_are_not_told_that_what_they_may_not_know_never_was(scene: Scene) -> None:
    assert "Never run" not in page(scene, "/notebooks/?show=public", "stranger")
    assert "Never run" in page(scene, "/notebooks/")


def test_who_saved_from_the_editor_finds_the_way_back(scene: Scene) -> None:
    back = "Back to the editor"
    assert back in page(scene, address(scene.notebook, "versions/1/"))
    assert back not in page(scene, address(scene.notebook, "versions/1/"), "reader")
    assert back not in page(scene, address(scene.public, "versions/1/"))


def test_a_password_that_is_set_leads_home(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    scene.cast.owner.set_unusable_password()
    scene.cast.owner.save()
    client.force_login(scene.cast.owner, backend="django.contrib.auth.backends.ModelBackend")
    form = {"password1": "a long and dull sentence", "password2": "a long and dull sentence"}
    answer = client.post("/accounts/password/set/", form)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/")
