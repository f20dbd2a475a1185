"""A disk that is full, and a store that is away: answered with what to do, losing nothing, gone on with afterwards."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from rest_world import World

from factories.datasets import seeded
from factories.team_datasets import make_dataset_version, make_team_dataset
from running.disks import Disk, home_on, needs_root, small_disk
from studium.client.sending import packed
from studium.datasets.models import Dataset, DatasetVersion
from studium.lib import chunks as cutting
from studium.storage import stores
from studium.storage.errors import StoreFailed, is_full

pytestmark = pytest.mark.django_db
BYTES = {"content_type": "application/octet-stream"}
LARGE = seeded(6_000_000, 50)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "home") as found, home_on(found, stores):
        yield found


@pytest.fixture
def dataset(world: World) -> Dataset:
    return make_team_dataset(world.cast.owner, world.cast.team)


def read(world: World, dataset: Dataset, number: int, path: str) -> bytes:
    answer: Any = world.call(world.cast.owner, "GET", f"/datasets/{dataset.pk}/versions/{number}/files/{path}")
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def full(said: dict[str, Any]) -> None:
    assert said["code"] == "storage.full"
    assert "Ask an administrator" in said["next_step"]


def left_aside(disk: Disk) -> list[Path]:
    return [path for path in disk.path.rglob("*#*") if path.is_file()]


@needs_root
def test_an_upload_goes_on_after_room_is_made(world: World, dataset: Dataset, disk: Disk) -> None:
    owner, top = world.cast.owner, f"/datasets/{dataset.pk}"
    make_dataset_version(dataset, {"old.bin": LARGE[:1_000_000]})
    begun = world.json(owner, "POST", f"{top}/uploads", {"path": "x.bin", "size": len(LARGE), "fingerprint": "1"})
    one = f"{top}/uploads/{begun['id']}"
    world.json(owner, "PUT", f"{one}?offset=0", data=LARGE[:3_000_000], **BYTES)
    disk.fill(leave=1_000_000)
    full(world.json(owner, "PUT", f"{one}?offset=3000000", data=LARGE[3_000_000:], status=507, **BYTES))
    assert left_aside(disk) == []
    assert world.json(owner, "GET", one)["received"] == 3_000_000
    assert read(world, dataset, 1, "old.bin") == LARGE[:1_000_000]
    disk.make_room()
    world.json(owner, "PUT", f"{one}?offset=3000000", data=LARGE[3_000_000:], **BYTES)
    disk.fill()
    full(world.json(owner, "POST", f"{top}/versions", {"uploads": [begun["id"]]}, status=507))
    assert DatasetVersion.objects.filter(dataset=dataset).count() == 1
    disk.make_room()
    made = world.json(owner, "POST", f"{top}/versions", {"uploads": [begun["id"]]}, status=201)
    disk.fill()
    assert read(world, dataset, made["number"], "x.bin") == LARGE
    archive: Any = world.call(owner, "GET", f"{top}/versions/{made['number']}/archive")
    assert archive.status_code == 200
    assert len(b"".join(archive.streaming_content)) > len(LARGE), "it takes no room to be made"


@needs_root
def test_packs_are_kept_or_refused_as_a_whole(world: World, dataset: Dataset, disk: Disk) -> None:
    owner, top = world.cast.owner, f"/datasets/{dataset.pk}"
    pieces = list(cutting.cut(io.BytesIO(LARGE)))
    digests = [chunk.digest for chunk, _ in pieces]
    world.json(owner, "PUT", f"{top}/packs", data=packed(pieces[:2]), **BYTES)
    disk.fill(leave=sum(chunk.size for chunk, _ in pieces[2:]) // 2)
    full(world.json(owner, "PUT", f"{top}/packs", data=packed(pieces[2:]), status=507, **BYTES))
    assert left_aside(disk) == []
    assert world.json(owner, "PUT", f"{top}/missing", {"digests": digests})["missing"] == digests[2:]
    disk.make_room()
    world.json(owner, "PUT", f"{top}/packs", data=packed(pieces[2:]), **BYTES)
    assert world.json(owner, "PUT", f"{top}/missing", {"digests": digests})["missing"] == []


@needs_root
def test_a_page_says_that_there_is_no_room(world: World, dataset: Dataset, disk: Disk) -> None:
    client = signed_in(world)
    disk.fill()
    form = {"files": SimpleUploadedFile("a.csv", LARGE[:100_000]), "how": "replace"}
    answer = client.post(f"/datasets/{dataset.team.slug}/{dataset.slug}/add/", form)
    assert answer.status_code == 507
    assert "of this installation is full" in answer.content.decode()
    disk.make_room()
    form["files"].seek(0)  # type: ignore[attr-defined]
    assert client.post(f"/datasets/{dataset.team.slug}/{dataset.slug}/add/", form).status_code == 302


def signed_in(world: World) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(world.cast.owner)
    return client


def refuses(what: str) -> Callable[..., Any]:
    def ask(*_: object, **__: object) -> None:
        raise StoreFailed(f"The object store did not {what}: it is away")

    return ask


def test_a_store_that_is_away_is_answered_before_a_download_begins(
    world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_dataset_version(dataset, {"x.bin": LARGE[:2_000_000]})
    monkeypatch.setattr(stores, "read_block_part", refuses("give a part of a block"))
    path = f"/datasets/{dataset.pk}/versions/{version.number}/files/x.bin"
    answer = world.call(world.cast.owner, "GET", path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert b"storage.away" in answer.content
    page = signed_in(world).get(f"/datasets/{dataset.team.slug}/{dataset.slug}/download/?path=x.bin")
    assert page.status_code == 503
    assert "does not answer at this moment" in page.content.decode()


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database or disk is full"),
        OperationalError("could not extend file: No space left on device\nHINT:  Check free disk space."),
        OSError(28, "No space left on device"),
        OSError(122, "Disk quota exceeded", "some-file"),
    ],
)
def test_a_database_or_a_folder_without_room_is_no_fault(
    world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Dataset.objects, "create", no_room)
    body = {"team": dataset.team.slug, "title": "More"}
    full(world.json(world.cast.owner, "POST", "/datasets", body, status=507))
    page = signed_in(world).post("/datasets/new/", {**body, "visibility": "team", "licence": ""})
    assert page.status_code == 507
    assert "There is no room" in page.content.decode()


def test_names_in_an_error_do_not_say_that_a_disk_is_full() -> None:
    assert is_full(OSError("the files cannot be taken out: [Errno 28] No space left on device"))
    assert not is_full(OSError("[Errno 2] No such file or directory: 'No space left on device'"))
    assert not is_full(OperationalError("database is locked"))


def test_a_fault_of_ours_is_still_one(world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(Dataset.objects, "create", broken)
    body = {"team": dataset.team.slug, "title": "More"}
    said = world.json(world.cast.owner, "POST", "/datasets", body, status=500)
    assert said["code"] == "server.fault"
