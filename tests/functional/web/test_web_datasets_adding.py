"""Files come to a dataset by its page: piece by piece as the script sends them, or in one plain form."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from dataset_scenes import FILES, Data, at, make_data
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from scenes import Scene, client_of

from factories.accounts import NOW
from studium.datasets.models import DatasetVersion, Sweep
from studium.datasets.queries import files_of
from studium.plans.models import Plan
from studium.plans.queries import standing
from studium.storage.models import Upload
from studium.web.views.datasets import adding

MIB = 1024**2


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


@pytest.fixture
def client(scene: Scene) -> Client:
    return client_of(scene.cast.owner)


def begin(client: Client, data: Data, path: str, size: int, *, changed: int = 1, status: int = 200) -> Any:
    said = json.dumps({"path": path, "size": size, "fingerprint": str(changed)})
    response = client.post(at(data.bare, "add/begin/"), said, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


def send(client: Client, data: Data, upload: str, offset: int, content: bytes, *, status: int = 200) -> Any:
    address = at(data.bare, f"add/{upload}/?offset={offset}")
    response = client.post(address, content, content_type="application/octet-stream")
    assert response.status_code == status, response.content
    return response.json()


def make(client: Client, data: Data, **form: Any) -> Any:
    return client.post(at(data.bare, "add/"), form)


def content_of(version: DatasetVersion) -> dict[str, bytes]:
    return {each.path: b"".join(each.pieces()) for each in files_of(version)}


def newest(data: Data) -> DatasetVersion:
    return data.bare.versions.latest("number")


def test_a_file_in_pieces_becomes_a_version(client: Client, data: Data) -> None:
    content = random.Random(1).randbytes(3 * MIB)
    begun = begin(client, data, "big/one.bin", len(content))
    assert (begun["received"], begun["size"]) == (0, len(content))
    assert send(client, data, begun["id"], 0, content[:MIB])["received"] == MIB
    assert begin(client, data, "big/one.bin", len(content)) == {**begun, "received": MIB}, "it is gone on with"
    assert send(client, data, begun["id"], MIB, content[MIB:])["received"] == len(content)
    begin(client, data, "nothing.txt", 0)
    page = client.get(at(data.bare, "add/arrived/")).content.decode()
    assert "2 files, 3 MiB" in page
    response = make(client, data, note="Two")
    assert response["Location"] == at(data.bare)
    assert content_of(newest(data)) == {"big/one.bin": content, "nothing.txt": b""}
    assert newest(data).note == "Two"
    assert not Upload.objects.exists()


def test_a_piece_that_is_not_next_is_told_where_to_go_on(client: Client, data: Data) -> None:
    upload = begin(client, data, "a", 10)["id"]
    told = send(client, data, upload, 4, b"4567", status=409)
    assert (told["code"], told["facts"]["received"]) == ("upload.elsewhere", 0)
    assert send(client, data, upload, 0, b"0123456")["received"] == 7
    assert send(client, data, upload, 5, b"56789")["received"] == 10, "bytes that came before are passed over"
    make(client, data)
    assert content_of(newest(data)) == {"a": b"0123456789"}


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"path": 1, "size": 1}', '{"path": "a", "size": true}', "[" * 99_999]
)
def test_what_is_not_understood(client: Client, data: Data, body: str) -> None:
    response = client.post(at(data.bare, "add/begin/"), body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "upload.unread")


@pytest.mark.parametrize("path", ["", "/a", "../a", "a//b", "a/./b", "x" * 300, "a\nb"])
def test_a_path_that_could_not_be(client: Client, data: Data, path: str) -> None:
    assert begin(client, data, path, 1, status=400)["code"] == "dataset.path"


def test_a_piece_that_is_too_large(client: Client, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "PIECE", 10)
    upload = begin(client, data, "a", 20)["id"]
    assert send(client, data, upload, 0, b"x" * 11, status=400)["code"] == "input.body_too_large"
    assert send(client, data, upload, 0, b"x" * 10)["received"] == 10


def test_another_dataset_does_not_take_it(client: Client, data: Data) -> None:
    upload = begin(client, data, "a", 1)["id"]
    response = client.post(at(data.team, f"add/{upload}/?offset=0"), b"x", content_type="application/octet-stream")
    assert (response.status_code, response.json()["code"]) == (404, "upload.unknown")


def test_a_file_that_changed_counts_as_it_is_now(client: Client, data: Data, frozen: time_machine.Traveller) -> None:
    for changed, content in ((1, b"old"), (2, b"new")):
        frozen.shift(timedelta(seconds=1))
        send(client, data, begin(client, data, "a", 3, changed=changed)["id"], 0, content)
    make(client, data)
    assert content_of(newest(data)) == {"a": b"new"}


def test_what_is_not_all_there_waits(client: Client, data: Data) -> None:
    send(client, data, begin(client, data, "a", 3)["id"], 0, b"all")
    half = begin(client, data, "b", 4)
    send(client, data, half["id"], 0, b"ha")
    assert "2 B of 4 B" in client.get(at(data.bare, "add/")).content.decode()
    make(client, data)
    assert content_of(newest(data)) == {"a": b"all"}
    assert begin(client, data, "b", 4) == {**half, "received": 2}


def test_after_a_week_it_is_begun_anew(
    client: Client, data: Data, frozen: time_machine.Traveller, scene: Scene
) -> None:
    half = begin(client, data, "b", 4)
    send(client, data, half["id"], 0, b"ha")
    frozen.move_to(NOW + timedelta(days=6))
    client = client_of(scene.cast.owner)
    assert begin(client, data, "b", 4)["received"] == 2
    frozen.move_to(NOW + timedelta(days=8))
    client = client_of(scene.cast.owner)
    assert begin(client, data, "b", 4)["received"] == 0
    assert send(client, data, half["id"], 2, b"lf", status=404)["code"] == "upload.unknown"


def test_forgetting(client: Client, data: Data) -> None:
    begin(client, data, "a", 0)
    part = client.post(at(data.bare, "add/forget/"), headers={"HX-Request": "true"}).content.decode()
    assert "Nothing yet." in part
    assert not Upload.objects.exists()
    assert make(client, data).status_code == 400


def test_files_of_the_version_before_stay_or_go(client: Client, data: Data) -> None:
    def add(path: str, content: bytes) -> None:
        begun = begin(client, data, path, len(content))
        send(client, data, begun["id"], 0, content)

    add("a", b"1")
    add("b", b"1")
    make(client, data)
    add("b", b"22")
    assert make(client, data, how="add", base="1").status_code == 302
    assert content_of(newest(data)) == {"a": b"1", "b": b"22"}
    add("c", b"3")
    assert make(client, data, how="replace", base="2").status_code == 302
    assert content_of(newest(data)) == {"c": b"3"}


def test_a_version_made_meanwhile_is_not_undone_unseen(client: Client, data: Data) -> None:
    begin(client, data, "a", 0)
    make(client, data)
    begin(client, data, "b", 0)
    late = make(client, data, how="add", base="")
    assert late.status_code == 409
    assert "Version 1 was made meanwhile" in late.content.decode()
    assert "1 file, 0 B" in late.content.decode(), "what has arrived is still there"
    assert make(client, data, how="add", base="1").status_code == 302


def test_the_same_files_are_no_version(client: Client, data: Data) -> None:
    for status in (302, 409):
        begin(client, data, "a", 0)
        assert make(client, data, how="replace").status_code == status
    assert "Nothing differs from version 1" in make(client, data, how="replace").content.decode()


def test_a_plain_form(client: Client, data: Data) -> None:
    files = [SimpleUploadedFile("a.csv", b"1,2"), SimpleUploadedFile("b.csv", b"")]
    response = make(client, data, files=files, folder="/tables/", note="Plain")
    assert response.status_code == 302
    assert content_of(newest(data)) == {"tables/a.csv": b"1,2", "tables/b.csv": b""}
    bad = make(client, data, files=SimpleUploadedFile("a", b"1"), folder="..", note="Typed", how="replace")
    assert bad.status_code == 400
    assert 'value="Typed"' in bad.content.decode(), "what was typed is not lost"


def test_a_plan_without_room(scene: Scene, client: Client, data: Data) -> None:
    plan = standing(scene.cast.team, now=NOW).plan.slug
    row = Plan.objects.get(pk=plan)
    row.rules |= {"storage_bytes_team": 5 * 1024**3, "storage_overage_micros_per_gib_month": None}
    row.save()
    told = begin(client, data, "a", 6 * 1024**3, status=422)
    assert told["code"] == "plan.storage_team"
    assert not Upload.objects.exists(), "what cannot come is not begun"
    begun = begin(client, data, "a", 1)
    assert send(client, data, begun["id"], 0, b"x")["received"] == 1


def test_what_nobody_makes_a_version_of_is_looked_for(scene: Scene, client: Client, data: Data) -> None:
    Sweep.objects.all().delete()
    send(client, data, begin(client, data, "a", 3)["id"], 0, b"all")
    assert Sweep.objects.filter(team=scene.cast.team).exists()


def test_the_page_says_what_stays(client: Client, data: Data) -> None:
    page = client.get(at(data.team, "add/")).content.decode()
    assert f"The {len(FILES)} files of version 2" in page
    assert "stay; files of the same path are replaced" not in client.get(at(data.bare, "add/")).content.decode()


def test_the_script_sends_its_token(scene: Scene, data: Data) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    strict.force_login(scene.cast.owner, backend="django.contrib.auth.backends.ModelBackend")
    said = {"data": json.dumps({"path": "a", "size": 0}), "content_type": "application/json"}
    assert strict.post(at(data.bare, "add/begin/"), **said).status_code == 403
    page = strict.get(at(data.bare, "add/")).content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert strict.post(at(data.bare, "add/begin/"), **said, headers={"X-CSRFToken": token}).status_code == 200
