"""The page of a workspace's snapshots: empty, taken, waiting, failed, put back, and for those who may only look."""

from django.http import HttpResponse
from scenes import Scene, client_of
from test_web_notebooks import address, text_of

from factories.accounts import NOW
from studium.accounts.models import User
from studium.lib.units import MIB
from studium.notebooks.models import Notebook
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.snapshots.states import Why


def snapshot(scene: Scene, note: str = "Before the clean-up", **facts: object) -> WorkspaceSnapshot:
    given = {"state": "ready", "size_bytes": 5 * MIB, "created_by": scene.cast.teammate, "taken_at": NOW, **facts}
    WorkspaceCare.objects.get_or_create(notebook=scene.notebook)
    return WorkspaceSnapshot.objects.create(notebook=scene.notebook, note=note, created_at=NOW, **given)


def page(scene: Scene, user: User, rest: str = "snapshots/") -> str:
    return text_of(client_of(user).get(address(scene.notebook, rest)))


def post(scene: Scene, user: User, **data: str) -> HttpResponse:
    return client_of(user).post(address(scene.notebook, "snapshots/do/"), data)  # type: ignore[return-value]


def test_empty_it_teaches_and_the_notebook_leads_there(scene: Scene) -> None:
    said = page(scene, scene.cast.owner)
    for words in ("No snapshot yet", "Take one before", "Take it", "A run has the workspace"):
        assert words in said, words
    reader = page(scene, scene.cast.reader)
    assert "You may look." in reader
    assert "Take" not in reader.replace("Taken", "")
    Notebook.objects.filter(pk=scene.notebook.pk).update(workspace_bytes=3 * MIB)
    first = page(scene, scene.cast.owner, "")
    assert "3 MiB of files. No snapshot of it." in first
    snapshot(scene)
    assert "1 snapshot to go back to." in page(scene, scene.cast.owner, "")
    stranger = text_of(client_of(scene.cast.stranger).get(address(scene.public)))
    assert "Workspace" not in stranger


def test_taken_put_back_given_up_and_deleted(scene: Scene) -> None:
    kept = snapshot(scene)
    snapshot(scene, "", state="failed", trouble="Its files claim more.", created_by=None, why=Why.BEFORE_PUT_BACK)
    said = page(scene, scene.cast.owner)
    for words in (
        "Before the clean-up",
        "5 MiB",
        'aria-label="Put back',
        "not taken",
        "Its files claim more.",
        "by the platform",
    ):
        assert words in said, words
    reader = page(scene, scene.cast.reader)
    assert 'aria-label="Put back' not in reader
    assert "Delete" not in reader
    assert post(scene, scene.cast.teammate, do="take", note="mine").status_code == 302
    assert "being taken" in page(scene, scene.cast.owner, "snapshots/state/")
    again = post(scene, scene.cast.teammate, do="take", note="mine too")
    assert again.status_code == 409
    assert "Wait until it is there." in text_of(again)
    assert b'value="mine too"' in again.content
    WorkspaceSnapshot.objects.filter(state="waiting").delete()
    assert post(scene, scene.cast.teammate, do="put-back", snapshot=kept.pk).status_code == 302
    WorkspaceCare.objects.update(trouble="It waits until no run has the workspace.")
    said = page(scene, scene.cast.owner)
    for words in ("is put back, and nothing starts", "It waits until no run has the workspace.", "being put back"):
        assert words in said, words
    assert "Leave it as it is" not in page(scene, scene.cast.reader)
    assert "A snapshot is put back" in page(scene, scene.cast.owner, "")
    assert post(scene, scene.cast.owner, do="forget", snapshot=kept.pk).status_code == 409
    assert post(scene, scene.cast.owner, do="cancel").status_code == 302
    assert "is put back" not in page(scene, scene.cast.owner)
    assert post(scene, scene.cast.owner, do="forget", snapshot=kept.pk).status_code == 302
    assert not WorkspaceSnapshot.objects.filter(pk=kept.pk).exists()
    assert post(scene, scene.cast.owner, do="dance").status_code == 400


def test_why_something_was_not_done_is_said(scene: Scene) -> None:
    snapshot(scene)
    WorkspaceCare.objects.update(trouble="The snapshot was not put back (the disk is broken).")
    assert "the disk is broken" in page(scene, scene.cast.reader)
    Notebook.objects.filter(pk=scene.notebook.pk).update(emptying_at=NOW)
    assert "The workspace is emptied" in page(scene, scene.cast.owner)
    assert "It is being emptied." in page(scene, scene.cast.owner, "")


def test_emptied_with_a_snapshot_where_that_is_ticked(scene: Scene) -> None:
    Notebook.objects.filter(pk=scene.quiet.pk).update(workspace_bytes=3 * MIB)
    client, where = client_of(scene.cast.owner), f"/usage/{scene.cast.team.slug}/storage/clean/"
    item = f"workspaces:{scene.quiet.pk}"
    asked = text_of(client.post(where, {"item": item}))
    assert "Keep a snapshot of each workspace first" in asked
    assert "Snapshots take room too" in asked
    assert "Keep a snapshot" not in text_of(client.post(where, {"item": "versions:x"}))
    client.post(where, {"item": item, "sure": "1", "snapshots": "1"})
    kept = WorkspaceSnapshot.objects.get()
    assert (kept.notebook, kept.why, kept.state) == (scene.quiet, Why.BEFORE_EMPTYING, "waiting")
    assert "less what the snapshots take" in text_of(client.get(f"/usage/{scene.cast.team.slug}/storage/"))
