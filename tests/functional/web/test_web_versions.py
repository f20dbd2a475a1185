"""The pages of versions: what each state shows, and what its buttons do."""

from datetime import timedelta

import pytest
from django.test import Client
from scenes import Scene, address, client_of

from factories.accounts import NOW
from factories.notebooks import notebook_json
from studium.compute.models import Run
from studium.compute.states import Reason
from studium.config.options import options
from studium.notebooks import actions as notebooks
from studium.notebooks.models import Version
from studium.notebooks.versions import actions, reconcile

pytestmark = pytest.mark.django_db


def page(scene: Scene, path: str, who: str = "owner") -> str:
    response = client_of(getattr(scene.cast, who)).get(path, follow=True)
    assert response.status_code == 200, response
    return response.content.decode()


def edge(path: str, **headers: str) -> object:
    return Client(headers={"host": "localhost", "X-Studium-Edge-Key": options().edge_key, **headers}).get(path)


def test_saving_leads_to_the_version(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    quick = client.post(address(scene.quiet, "save/"), {"how": "quick", "note": "a " + "long " * 200})
    assert quick["Location"] == address(scene.quiet, "versions/1/")
    shown = page(scene, quick["Location"])
    assert "Rendering …" in shown
    run = client.post(address(scene.quiet, "save/"), {"how": "run", "machine": "cpu-small"})
    shown = page(scene, run["Location"])
    assert 'hx-get="' + address(scene.quiet, "versions/2/body/") in shown
    assert "In queue" in shown
    assert "Cancel" in shown
    refused = client.post(address(scene.quiet, "save/"), {"how": "run", "machine": "nonsense"})
    assert refused.status_code == 400
    assert scene.quiet.versions.count() == 2


def test_options_of_a_run_are_chosen_and_shown(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    form = {"how": "run", "machine": "cpu-small", "cell_timeout": "10min", "keep_going": "1"}
    saved = client.post(address(scene.quiet, "save/"), form)
    shown = page(scene, saved["Location"])
    assert "at most 10 min a cell, goes on after errors" in shown
    version = scene.quiet.versions.get()
    assert "at most 10 min a cell, goes on after errors" in page(scene, f"/runs/{version.run_id}/")
    again = client.post(saved["Location"] + "again/")
    assert "at most 10 min a cell, goes on after errors" in page(scene, again["Location"])
    refused = client.post(address(scene.quiet, "save/"), {**form, "cell_timeout": "soon"})
    assert (refused.status_code, scene.quiet.versions.count()) == (400, 2)
    assert "is not a length of time" in refused.content.decode()
    started = client.post(address(scene.quiet, "start/"), {**form, "kind": "execution"})
    assert "at most 10 min a cell" in page(scene, started["Location"])


def test_an_old_file_says_that_it_was_upgraded(scene: Scene) -> None:
    old = b'{"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": []}'
    notebooks.replace_document(scene.cast.owner, scene.quiet, old, now=NOW)
    assert "It came as nbformat 4.0 and was upgraded to 4.5." in page(scene, address(scene.quiet))


def test_a_version_without_results_and_one_that_was_kept_in_part(scene: Scene) -> None:
    path = address(scene.notebook, "versions/1/")
    shown = page(scene, path)
    assert "It left no files in its workspace." in shown
    assert f"/runs/{scene.version_run.run_id}/" in shown
    Run.objects.filter(pk=scene.version_run.run_id).update(reason=Reason.FAILED, message="NoSuchKernel: none named 'j'")
    assert "NoSuchKernel: none named &#x27;j&#x27;" in page(scene, path)
    Version.objects.filter(pk=scene.version_run.pk).update(fault="Not all could be kept: the disk is full.")
    assert "the disk is full" in page(scene, path)


def test_strangers_read_a_public_version_and_nothing_of_its_run(scene: Scene) -> None:
    made = actions.save_and_run(scene.cast.owner, scene.public, "cpu-small", now=NOW)
    shown = page(scene, address(scene.public, f"versions/{made.number}/"), "stranger")
    assert str(made.run_id) not in shown
    assert "Restore" not in shown
    listed = page(scene, address(scene.public, "versions/"), "stranger")
    assert "As it was" in listed
    assert "cpu-small" not in listed


def test_the_frame_of_a_version_is_its_own_page(scene: Scene) -> None:
    label = scene.public.label
    assert edge(f"/-/documents/{label}/v/1/").status_code == 503  # type: ignore[attr-defined]
    while reconcile.render_settled(NOW):
        pass
    found = edge(f"/-/documents/{label}/v/1/")
    assert b"hello" in found.content  # type: ignore[attr-defined]
    again = edge(f"/-/documents/{label}/v/1/", **{"If-None-Match": found["ETag"]})  # type: ignore[index]
    assert again.status_code == 304  # type: ignore[attr-defined]
    assert edge(f"/-/documents/{label}/v/7/").status_code == 404  # type: ignore[attr-defined]
    assert Client(headers={"host": "localhost"}).get(f"/-/documents/{label}/v/1/").status_code == 404
    shown = page(scene, address(scene.public, "versions/1/"))
    assert f"//doc-{label}." in shown
    body = client_of(scene.cast.owner).get(address(scene.public, "versions/1/body/"))
    assert (body.status_code, body["HX-Refresh"]) == (204, "true")


def test_two_versions_are_compared_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    notebooks.replace_document(scene.cast.owner, scene.public, notebook_json("print('bye')"), now=NOW)
    scene.public.refresh_from_db()
    actions.save_quick(scene.cast.owner, scene.public, now=NOW)
    shown = page(scene, address(scene.public, "compare/?left=v1&right=2"))
    assert "Version 1 → 2" in shown
    path = f"/-/documents/{scene.public.label}/compare/1/2/"
    found = edge(path)
    assert b"bye" in found.content  # type: ignore[attr-defined]
    monkeypatch.setattr(actions, "compare_page", lambda *_: pytest.fail("it is there already"))
    assert edge(path).content == found.content  # type: ignore[attr-defined]
    assert edge(path, **{"If-None-Match": found["ETag"]}).status_code == 304  # type: ignore[index,attr-defined]
    assert reconcile.forget_comparisons(NOW + timedelta(days=6)) == 0
    assert reconcile.forget_comparisons(NOW + timedelta(days=8)) == 1


def test_restoring_while_a_session_runs_says_what_to_do(scene: Scene) -> None:
    response = client_of(scene.cast.owner).post(address(scene.notebook, "versions/1/restore/"))
    assert response.status_code == 409
    assert "Stop the session first" in response.content.decode()


def test_pinning_and_notes(scene: Scene) -> None:
    client, path = client_of(scene.cast.owner), address(scene.public, "versions/1/")
    client.post(path + "change/", {"do": "pin"})
    assert "Pinned" in page(scene, address(scene.public, "versions/"))
    client.post(path + "change/", {"do": "unpin"})
    client.post(path + "change/", {"note": "<script>x</script>"})
    shown = page(scene, path)
    assert "Pinned" not in shown
    assert "&lt;script&gt;x" in shown


def test_a_copy_names_its_origin_to_those_who_may_read_it(scene: Scene) -> None:
    client_of(scene.cast.stranger).post(address(scene.public, "versions/1/copy/"))
    copy = scene.public.copies.get()
    assert "Open work, version 1" in page(scene, address(copy), "stranger")
    link = f'<a href="{address(copy)}">'
    for who, may in (("owner", False), ("teammate", False), ("stranger", True)):
        shown = page(scene, address(scene.public), who)
        assert ("copied 1 time" in shown, link in shown) == (True, may), who
    notebooks.update_notebook(scene.cast.stranger, copy, visibility=notebooks.Visibility.PUBLIC, now=NOW)
    assert link in page(scene, address(scene.public))
    notebooks.update_notebook(scene.cast.owner, scene.public, visibility=notebooks.Visibility.PRIVATE, now=NOW)
    assert "Open work, version" not in page(scene, address(copy), "stranger")
