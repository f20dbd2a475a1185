"""Providers through REST: made, tested, looked through, files in part, written and deleted; no value of a secret anywhere."""

import io
from collections.abc import Iterator

import pytest
from rest_world import World

from factories.providers import allow
from running.swift import SECRET, USER, Swift, running_swift
from studium.lib.ids import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def path(world: World, swift: Swift, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a provider of an empty bucket."""
    allow(monkeypatch, "127.0.0.0/8")
    bucket = new_id()
    swift.make_bucket(bucket)
    team = f"/teams/{world.cast.team.slug}"
    for name, value in (("LAB_ID", USER), ("LAB_KEY", SECRET)):
        world.json(world.cast.owner, "PUT", f"{team}/secrets/{name}", {"value": value})
    body = {
        "name": "lab",
        "kind": "s3",
        "bucket": bucket,
        "endpoint": swift.endpoint,
        "key_id_secret": "LAB_ID",
        "key_secret": "LAB_KEY",
        "writable": True,
    }
    made = world.json(world.cast.owner, "POST", f"{team}/providers", body, status=201)
    assert {name: made[name] for name in body} == body
    return f"{team}/providers/lab"


def put(world: World, path: str, content: bytes, **more: object) -> int:
    more = {"content_type": "application/octet-stream", "data": content, **more}
    return world.call(world.cast.teammate, "PUT", path, **more).status_code


def test_files_come_and_go(world: World, path: str) -> None:
    owner = world.cast.owner
    for name in ("a/1.bin", "a/2.bin", "b ü.txt"):
        assert put(world, f"{path}/files/{name}", name.encode()) == 200
    listed = world.json(owner, "GET", f"{path}/files")
    assert [(entry["path"], entry["folder"], entry["size"]) for entry in listed["entries"]] == [
        ("a", True, None),
        ("b ü.txt", False, 8),
    ]
    first = world.json(owner, "GET", f"{path}/files?limit=1")
    assert [entry["path"] for entry in first["entries"]] == ["a"]
    rest = world.call(owner, "GET", f"{path}/files", QUERY_STRING=f"limit=1&after={first['after']}").json()
    assert [entry["path"] for entry in rest["entries"]] == ["b ü.txt"]
    every = world.json(owner, "GET", f"{path}/files?recursive=true&limit=2")
    assert ([entry["path"] for entry in every["entries"]], every["after"]) == (["a/1.bin", "a/2.bin"], "a/2.bin")
    whole = world.call(owner, "GET", f"{path}/files/a/1.bin")
    assert b"".join(whole) == b"a/1.bin"
    part = world.call(owner, "GET", f"{path}/files/a/1.bin", headers={"Range": "bytes=2-", "If-Range": whole["ETag"]})
    assert (part.status_code, b"".join(part), part["Content-Range"]) == (206, b"1.bin", "bytes 2-6/7")
    assert world.call(owner, "DELETE", f"{path}/files/a/1.bin").status_code == 204
    assert world.json(owner, "GET", f"{path}/files/a/1.bin", status=404)["code"] == "provider.no_file"


def test_a_test_tells_each_step(world: World, path: str) -> None:
    told = world.json(world.cast.teammate, "POST", f"{path}/test", {})
    assert told["ok"]
    assert [step["step"] for step in told["steps"]] == ["secrets", "connect", "list", "read", "write"]
    world.json(world.cast.owner, "PUT", f"/teams/{world.cast.team.slug}/secrets/LAB_KEY", {"value": "another-value"})
    answer = world.call(world.cast.owner, "POST", f"{path}/test", {})
    assert not answer.json()["ok"]
    assert answer.json()["steps"][-1]["code"] == "provider.signature_wrong"
    assert world.json(world.cast.owner, "GET", path)["test_code"] == "provider.signature_wrong"
    assert "another-value" not in answer.content.decode()


@pytest.mark.parametrize("size", [20, 12_000_000, 6 * 1024**3])
def test_what_is_cut_short_or_too_large_is_not_written(world: World, path: str, size: int) -> None:
    come = {"CONTENT_LENGTH": str(size), "wsgi.input": io.BytesIO(bytes(min(size, 11_000_000) - 1))}
    answer = world.call(world.cast.owner, "PUT", f"{path}/files/x", content_type="application/octet-stream", **come)
    wanted = "provider.file_size" if size > 5 * 1024**3 else "input.cut_short"
    assert (answer.status_code, answer.json()["code"]) == (400, wanted)
    assert world.json(world.cast.owner, "GET", f"{path}/files")["entries"] == []


def test_one_that_is_read_only_is_not_written(world: World, path: str) -> None:
    told = world.json(world.cast.owner, "GET", path)
    kept = ("kind", "bucket", "endpoint", "key_id_secret", "key_secret")
    world.json(world.cast.owner, "PUT", path, {name: told[name] for name in kept})
    assert put(world, f"{path}/files/x", b"1") == 422
    assert world.call(world.cast.owner, "DELETE", f"{path}/files/x").status_code == 422
    for bad in ("a//b", "../x", "a/./b", "a/"):
        assert world.call(world.cast.owner, "GET", f"{path}/files/{bad}").status_code == 400
