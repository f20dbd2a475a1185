"""The page of a team's volume: empty, sized, waiting for runs, with snapshots, and for those who may only look."""

import pytest
from django.http import HttpResponse
from scenes import Scene, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from studium.accounts.models import User
from studium.compute.models import Run
from studium.compute.volumes import actions
from studium.compute.volumes.models import Snapshot, TeamVolume
from studium.lib.units import GIB, MIB


@pytest.fixture
def volume(scene: Scene) -> TeamVolume:
    made = actions.create_volume(scene.cast.owner, scene.cast.team, 4 * GIB, used=0, now=NOW)
    TeamVolume.objects.filter(pk=made.pk).update(used_bytes=GIB, measured_at=NOW)
    return made


def snapshot(scene: Scene, note: str = "Before labels", **facts: object) -> Snapshot:
    given = {"state": "ready", "size_bytes": 5 * MIB, "created_by": scene.cast.teammate, **facts}
    return Snapshot.objects.create(team=scene.cast.team, note=note, created_at=NOW, **given)


def page(scene: Scene, user: User, rest: str = "") -> str:
    return text_of(client_of(user).get(f"/usage/{scene.cast.team.slug}/volume/{rest}"))


def post(scene: Scene, user: User, rest: str = "", **data: str) -> HttpResponse:
    return client_of(user).post(f"/usage/{scene.cast.team.slug}/volume/{rest}", data)  # type: ignore[return-value]


def test_made_sized_and_deleted_on_the_page(scene: Scene) -> None:
    assert "Make the volume" in page(scene, scene.cast.owner)
    said = page(scene, scene.cast.teammate)
    assert "An admin of the team makes it" in said
    assert "Make the volume" not in said
    wrong = post(scene, scene.cast.owner, size="large")
    assert wrong.status_code == 400
    assert "Write it as 500 MiB or 20 GiB." in text_of(wrong)
    assert post(scene, scene.cast.owner, size="1 GiB").status_code == 302
    assert post(scene, scene.cast.owner, size="2GiB").status_code == 302
    assert TeamVolume.objects.get().size_bytes == 2 * GIB
    assert post(scene, scene.cast.owner, "do/", do="delete", name="other").status_code == 400
    assert TeamVolume.objects.get().deleted_at is None
    assert post(scene, scene.cast.owner, "do/", do="delete", name=scene.cast.team.slug).status_code == 302
    assert "Being deleted" in page(scene, scene.cast.owner)


def test_snapshots_are_listed_taken_put_back_and_deleted(scene: Scene, volume: TeamVolume) -> None:
    assert "None. A snapshot keeps all files" in page(scene, scene.cast.owner)
    kept = snapshot(scene)
    snapshot(scene, "", state="failed", trouble="Its files claim more.", created_by=None)
    said = page(scene, scene.cast.owner)
    for words in ("Before labels", "5 MiB", "Put back", "not taken", "Its files claim more.", "by the platform"):
        assert words in said, words
    teammate = page(scene, scene.cast.teammate)
    assert "Put back" not in teammate
    assert "Take it" in teammate
    reader = page(scene, scene.cast.reader)
    assert "Delete" not in reader
    assert "Take it" not in reader
    assert post(scene, scene.cast.teammate, "do/", do="snapshot", note="mine").status_code == 302
    assert "being taken" in page(scene, scene.cast.owner)
    assert post(scene, scene.cast.teammate, "do/", do="snapshot").status_code == 409
    Snapshot.objects.filter(state="waiting").delete()
    assert post(scene, scene.cast.teammate, "do/", do="restore", snapshot=kept.pk).status_code == 403
    assert post(scene, scene.cast.owner, "do/", do="restore", snapshot=kept.pk).status_code == 302
    said = page(scene, scene.cast.owner)
    assert "is put back." in said
    assert post(scene, scene.cast.owner, "do/", do="forget", snapshot=kept.pk).status_code == 409
    assert post(scene, scene.cast.owner, "do/", do="cancel").status_code == 302
    Snapshot.objects.filter(state="waiting").delete()
    assert post(scene, scene.cast.owner, "do/", do="forget", snapshot=kept.pk).status_code == 302
    assert not Snapshot.objects.filter(pk=kept.pk).exists()
    assert post(scene, scene.cast.owner, "do/", do="dance").status_code == 400


def test_what_it_waits_for_is_named_and_private_titles_are_not(scene: Scene, volume: TeamVolume) -> None:
    shared = [{"name": volume.name, "target": "/storage", "size_bytes": GIB}]
    for run in (scene.running, scene.queued):
        run.refresh_from_db()
        Run.objects.filter(pk=run.pk).update(spec={**run.spec, "shared": shared}, state="running")
    actions.resize_volume(scene.cast.owner, volume, 2 * GIB, used=0, now=NOW)
    TeamVolume.objects.filter(pk=volume.pk).update(trouble="It waits until no run has the volume.")
    owner, reader = page(scene, scene.cast.owner), page(scene, scene.cast.reader)
    for said in (owner, reader):
        assert "It is made smaller, to 2 GiB." in said
        assert "It waits until no run has the volume." in said
        assert "has the volume now" in said
        assert 'hx-trigger="every 2s"' in said
    assert "Leave it as it is" in owner
    assert "Leave it as it is" not in reader
    assert scene.running.title in owner


def test_a_full_one_says_so(scene: Scene, volume: TeamVolume) -> None:
    TeamVolume.objects.filter(pk=volume.pk).update(used_bytes=4 * GIB - MIB)
    assert '<progress class="bad"' in page(scene, scene.cast.owner)
    state = client_of(scene.cast.owner).get(f"/usage/{scene.cast.team.slug}/volume/state/")
    assert b"<html" not in state.content
    for person, status in ((scene.cast.teammate, 200), (scene.cast.reader, 200), (scene.cast.stranger, 404)):
        assert client_of(person).get(f"/usage/{scene.cast.team.slug}/volume/state/").status_code == status
