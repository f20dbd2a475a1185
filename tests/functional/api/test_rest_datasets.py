"""Datasets over REST: bringing chunks and pieces, versions, and files whole, in part and as archives."""

import hashlib
import io
import random
import zipfile
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from rest_world import World

from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.accounts.states import Visibility
from studium.client.sending import Sent, Way, packed, send_list
from studium.config.options import options
from studium.datasets import actions
from studium.datasets.models import Dataset, DatasetVersion
from studium.lib import chunks as cutting
from studium.lib import clock
from studium.storage import stores
from studium.storage.models import Chunk, Upload
from studium.storage.moving import Places

pytestmark = pytest.mark.django_db
BYTES = {"content_type": "application/octet-stream"}
LARGE = random.Random(3).randbytes(3_000_000)


@pytest.fixture
def dataset(world: World) -> Dataset:
    return make_team_dataset(world.cast.owner, world.cast.team)


@pytest.fixture
def version(dataset: Dataset) -> DatasetVersion:
    return make_dataset_version(dataset, {"raw/large.bin": LARGE, "a.csv": b"a,b\n1,2\n", "empty": b""})


def content_of(answer: Any) -> bytes:
    if isinstance(answer, StreamingHttpResponse):
        return b"".join(answer.streaming_content)  # type: ignore[arg-type]
    return bytes(answer.content)


def get(world: World, path: str, **headers: str) -> Any:
    return world.call(world.cast.reader, "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_what_is_sent_in_packs_becomes_a_version(world: World, dataset: Dataset) -> None:
    user, top = world.cast.owner, f"/datasets/{dataset.pk}"
    pieces = list(cutting.cut(io.BytesIO(LARGE)))
    digests = [chunk.digest for chunk, _ in pieces]
    assert world.json(user, "PUT", f"{top}/missing", {"digests": digests})["missing"] == digests
    kept = world.json(user, "PUT", f"{top}/packs", data=packed(pieces[:3]), **BYTES)
    assert kept == {"new_bytes": sum(chunk.size for chunk, _ in pieces[:3])}
    assert world.json(user, "PUT", f"{top}/missing", {"digests": digests})["missing"] == digests[3:]
    file = {"path": "x.bin", "size": len(LARGE), "digest": hashlib.sha256(LARGE).hexdigest(), "chunks": digests}
    early = world.json(user, "POST", f"{top}/versions", {"files": [file]}, status=409)
    assert early["code"] == "storage.chunks_missing"
    world.json(user, "PUT", f"{top}/packs", data=packed(pieces[3:]), **BYTES)
    made = world.json(user, "POST", f"{top}/versions", {"files": [file], "note": "first"}, status=201)
    assert (made["number"], made["files"], made["bytes"], made["note"]) == (1, 1, len(LARGE), "first")
    assert content_of(get(world, f"{top}/versions/1/files/x.bin")) == LARGE
    same = world.json(user, "POST", f"{top}/versions", {"files": [file]}, status=409)
    assert (same["code"], same["facts"]["number"]) == ("dataset.unchanged", 1)


def test_a_version_begins_with_another_and_a_list_may_be_sent_as_chunks(
    world: World, dataset: Dataset, version: DatasetVersion
) -> None:
    user, top = world.cast.owner, f"/datasets/{dataset.pk}"

    def missing(digests: list[str]) -> list[str]:
        found: list[str] = world.json(user, "PUT", f"{top}/missing", {"digests": digests})["missing"]
        return found

    def bring(pack: bytes) -> int:
        return int(world.json(user, "PUT", f"{top}/packs", data=pack, **BYTES)["new_bytes"])

    way, content = Way(missing, bring), b"c,d\n"
    (pack,) = [list(cutting.cut(io.BytesIO(content)))]
    way.send(pack, Sent())
    digest = hashlib.sha256(content).hexdigest()
    listed = send_list([{"path": "b.csv", "size": 4, "digest": digest, "chunks": [digest]}], way)
    body = {"base": 1, "remove": ["raw"], "listed": listed}
    world.json(user, "POST", f"{top}/versions", body, status=201)
    files = world.json(user, "GET", f"{top}/versions/2/files")["items"]
    assert [each["path"] for each in files] == ["a.csv", "b.csv", "empty"]
    differs = world.json(user, "GET", f"{top}/compare?left=1&right=2")
    assert [each["path"] for each in differs["removed"]] == ["raw/large.bin"]
    assert ([each["path"] for each in differs["added"]], differs["same"]) == (["b.csv"], 2)
    for bad in (
        {"base": 1, "remove": ["nothing"]},
        {"listed": ["0" * 64]},
        {"base": 1, "files": [], "remove": ["raw", "raw"]},
    ):
        assert world.call(user, "POST", f"{top}/versions", bad).status_code == 400
    assert world.call(user, "POST", f"{top}/versions", {"base": 7}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\0\1x", b"\xff\xff\xff\xff[]", packed([])[:-1], b"\0\0\0\x04[[1]"],
)
def test_a_pack_that_is_none_is_said_to_be_none(world: World, dataset: Dataset, body: bytes) -> None:
    answer = world.call(world.cast.owner, "PUT", f"/datasets/{dataset.pk}/packs", data=body, **BYTES)
    assert answer.status_code == 400
    assert Chunk.objects.count() == 0


def test_a_file_comes_piece_by_piece(world: World, dataset: Dataset) -> None:
    user, top = world.cast.owner, f"/datasets/{dataset.pk}"
    asked = {"path": "x.bin", "size": len(LARGE), "fingerprint": "yesterday"}
    begun = world.json(user, "POST", f"{top}/uploads", asked)
    one = f"{top}/uploads/{begun['id']}"
    world.json(user, "PUT", f"{one}?offset=0", data=LARGE[:1_000_000], **BYTES)
    wrong = world.json(user, "PUT", f"{one}?offset=2000000", data=LARGE[2_000_000:], status=409, **BYTES)
    assert wrong["facts"]["received"] == 1_000_000
    again = world.json(user, "POST", f"{top}/uploads", asked)
    assert (again["id"], again["received"], again["digest"]) == (begun["id"], 1_000_000, "")
    early = world.json(user, "POST", f"{top}/versions", {"uploads": [begun["id"]]}, status=409)
    assert early["code"] == "upload.elsewhere"
    done = world.json(user, "PUT", f"{one}?offset=1000000", data=LARGE[1_000_000:], **BYTES)
    assert done["digest"] == hashlib.sha256(LARGE).hexdigest()
    world.json(user, "POST", f"{top}/versions", {"uploads": [begun["id"]]}, status=201)
    assert content_of(get(world, f"{top}/versions/1/files/x.bin")) == LARGE
    assert not Upload.objects.exists()
    assert world.call(user, "GET", one).status_code == 404


def test_a_file_is_given_whole_in_part_or_not_again(world: World, dataset: Dataset, version: DatasetVersion) -> None:
    path = f"/datasets/{dataset.pk}/versions/1/files/raw/large.bin"
    whole = get(world, path)
    assert (whole.status_code, whole["Content-Length"], whole["Accept-Ranges"]) == (200, str(len(LARGE)), "bytes")
    assert 'attachment; filename="large.bin"' in whole["Content-Disposition"]
    etag = whole["ETag"]
    assert etag == f'"{hashlib.sha256(LARGE).hexdigest()}"'
    assert get(world, path, If_None_Match=etag).status_code == 304
    for asked, expected in (
        ("bytes=0-9", LARGE[:10]),
        ("bytes=2999990-", LARGE[-10:]),
        ("bytes=-5", LARGE[-5:]),
        ("bytes=70000-900000", LARGE[70_000:900_001]),
        ("bytes=2999999-99999999", LARGE[-1:]),
    ):
        part = get(world, path, Range=asked)
        assert part.status_code == 206
        assert content_of(part) == expected
        assert part["Content-Length"] == str(len(expected))
        assert part["Content-Range"].endswith(f"/{len(LARGE)}")
    assert get(world, path, Range="bytes=3000000-").status_code == 416
    for odd in ("bytes=5-2", "bytes=a-b", "bytes=0-1,5-6", "lines=1-2"):
        assert content_of(get(world, path, Range=odd)) == LARGE
    assert get(world, path, Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get(world, path, Range="bytes=0-9", If_Range=whole["Last-Modified"]).status_code == 206
    assert get(world, path, Range="bytes=0-9", If_Range='"other"').status_code == 200
    assert content_of(get(world, f"/datasets/{dataset.pk}/versions/1/files/empty")) == b""
    assert get(world, f"/datasets/{dataset.pk}/versions/1/files/empty", Range="bytes=0-").status_code == 416
    assert get(world, f"/datasets/{dataset.pk}/versions/1/files/nothing").status_code == 404


def test_where_the_edge_can_send_them_the_bytes_are_named(
    world: World, dataset: Dataset, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, blobs = f"/datasets/{dataset.pk}/versions/1/files/raw/large.bin", options().home / "blobs"

    def named(**headers: str) -> bytes:
        answer = get(world, path, X_Studium_Sends="1", **headers)
        assert "Content-Range" in answer if headers else answer.status_code == 200
        found = b""
        for line in content_of(answer).decode().splitlines():
            file, offset, length = line.split()
            found += (blobs / file).read_bytes()[int(offset) : int(offset) + int(length)]
        assert answer["X-Studium-Files"] == str(len(found))
        return found

    assert named() == LARGE
    assert named(Range="bytes=70000-2000000") == LARGE[70_000:2_000_001]
    small = get(world, path, X_Studium_Sends="1", Range="bytes=70000-900000")
    assert "X-Studium-Files" not in small, "which would not be worth it"
    assert content_of(small) == LARGE[70_000:900_001]
    unchanged = get(world, path, X_Studium_Sends="1", If_None_Match=f'"{hashlib.sha256(LARGE).hexdigest()}"')
    assert (unchanged.status_code, "X-Studium-Files" in unchanged) == (304, False)
    monkeypatch.setattr(stores, "places", lambda: Places("", "s3://elsewhere", both=True))
    assert "X-Studium-Files" not in get(world, path, X_Studium_Sends="1"), "some may be in another store"
    monkeypatch.undo()
    (chunk,) = Chunk.objects.filter(size__gt=0).order_by("-offset")[:1]
    stores.remove_block(chunk.block_id)
    assert get(world, path, X_Studium_Sends="1").status_code == get(world, path).status_code >= 400


def test_an_archive_is_given_at_once_and_gone_on_with(world: World, dataset: Dataset, version: DatasetVersion) -> None:
    path = f"/datasets/{dataset.pk}/versions/1/archive"
    answer = get(world, path)
    whole = content_of(answer)
    assert answer["Content-Length"] == str(len(whole))
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        assert opened.testzip() is None
        assert opened.read("raw/large.bin") == LARGE
        assert opened.namelist() == ["a.csv", "empty", "raw/large.bin"]
    rest = get(world, path, Range="bytes=1500000-", If_Range=answer["ETag"])
    assert whole[:1_500_000] + content_of(rest) == whole
    part = get(world, f"{path}?below=raw")
    assert 'filename="churn-v1-raw.zip"' in part["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(content_of(part))) as opened:
        assert opened.namelist() == ["large.bin"]
    assert get(world, f"{path}?below=nothing").status_code == 404


def test_deleted_versions_keep_their_number_and_no_files(
    world: World, dataset: Dataset, version: DatasetVersion
) -> None:
    user, top = world.cast.owner, f"/datasets/{dataset.pk}"
    make_dataset_version(dataset, {"b": b"2"})
    assert world.call(user, "DELETE", f"{top}/versions/1").status_code == 204
    assert world.call(user, "DELETE", f"{top}/versions/1").status_code == 404
    assert world.call(user, "GET", f"{top}/versions/1/files").status_code == 404
    listed = world.json(user, "GET", f"{top}/versions")["items"]
    assert [(each["number"], each["deleted_at"] is None) for each in listed] == [(2, True), (1, False)]
    made = make_dataset_version(dataset, {"c": b"3"})
    assert made.number == 3


def test_a_card_is_changed_and_found(world: World, dataset: Dataset) -> None:
    user, top = world.cast.owner, f"/datasets/{dataset.pk}"
    card = {"subtitle": "Who left", "licence": "CC0-1.0", "frequency": "monthly", "tags": ["Telecom", "churn rate"]}
    changed = world.json(user, "PATCH", top, card)
    assert (changed["tags"], changed["frequency"], changed["licence"]) == (
        ["churn-rate", "telecom"],
        "monthly",
        "CC0-1.0",
    )
    said = world.json(user, "PATCH", top, {"columns": {"a.csv": {"a": " Age in years ", "b": " "}}})
    assert said["columns"] == {"a.csv": {"a": "Age in years"}}
    for query in ("?q=left", "?tag=telecom", f"?name={dataset.team.slug}/churn", "?name=churn", f"?name={dataset.pk}"):
        assert [each["id"] for each in world.json(user, "GET", f"/datasets{query}")["items"]] == [dataset.pk]
    assert world.json(user, "GET", "/datasets?tag=other")["items"] == []
    for bad in ({"frequency": "often"}, {"tags": ["!!"]}, {"title": " "}, {"subtitle": "x" * 301}, {"colour": "red"}):
        assert world.call(user, "PATCH", top, bad).status_code == 400
    assert world.json(world.cast.teammate, "PATCH", top, {"visibility": "public"})["visibility"] == "public"
    assert world.json(world.cast.stranger, "GET", top)["title"] == "Churn"


def test_collaborators_read_or_bring(world: World) -> None:
    made = make_team_dataset(world.cast.owner, world.cast.team, "Secret")
    actions.change_visibility(world.cast.owner, made, Visibility.PRIVATE, now=clock.now())
    make_dataset_version(made, {"a": b"1"})
    top, stranger = f"/datasets/{made.pk}", world.cast.stranger
    assert world.call(stranger, "GET", top).status_code == 404
    world.json(world.cast.owner, "PUT", f"{top}/people/{stranger.username}", {"role": "reader"})
    assert world.call(stranger, "GET", f"{top}/versions/1/files/a").status_code == 200
    assert world.call(stranger, "PATCH", top, {"subtitle": "x"}).status_code == 403
    world.json(world.cast.owner, "PUT", f"{top}/people/{stranger.username}", {"role": "editor"})
    assert world.call(stranger, "PATCH", top, {"subtitle": "x"}).status_code == 200
    assert world.call(stranger, "PATCH", top, {"visibility": "public"}).status_code == 403
    assert world.call(stranger, "DELETE", top).status_code == 403
    assert world.call(stranger, "DELETE", f"{top}/people/{stranger.username}").status_code == 204
    assert world.call(stranger, "GET", top).status_code == 404


def test_a_plan_without_room_takes_no_more(world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.plans import queries as plans

    standing = plans.standing

    def narrow(*args: Any, **more: Any) -> Any:
        found = standing(*args, **more)
        rules = found.plan.rules.model_copy(update={"storage_bytes_team": 1000})
        object.__setattr__(found, "plan", found.plan.model_copy(update={"rules": rules}))
        return found

    monkeypatch.setattr(actions.plans, "standing", narrow)
    pack = packed(list(cutting.cut(io.BytesIO(LARGE))))
    refused = world.json(world.cast.owner, "PUT", f"/datasets/{dataset.pk}/packs", data=pack, status=422, **BYTES)
    assert refused["code"] == "plan.storage_team"
    assert Chunk.objects.count() == 0
