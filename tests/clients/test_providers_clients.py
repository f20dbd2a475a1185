"""Providers by the Python client and the `studium` command, against a real S3-compatible server."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Cli, World

from factories.providers import allow, swift_provider, web_provider, web_server
from running.swift import Swift, running_swift
from studium.client import ApiError
from studium.client.providers import Providers
from studium.lib.ids import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def lab(world: World, swift: Swift, monkeypatch: pytest.MonkeyPatch) -> str:
    """A provider of an empty bucket, as the sync command names it."""
    allow(monkeypatch, "127.0.0.0/8")
    bucket = new_id()
    swift.make_bucket(bucket)
    team = world.cast.team
    swift_provider(world.cast.owner, team, swift, bucket)
    return f"{team.slug}/lab:"


def words(text: str) -> str:
    return " ".join(text.split())


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def synced(cli: Cli, *arguments: str) -> dict[str, object]:
    result = cli("storage", "sync", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_client(world: World, lab: str, tmp_path: Path) -> None:
    team = world.cast.team.slug
    with world.client(world.cast.owner) as studium:
        providers = studium.providers
        made = providers.make(team, "open", "s3", bucket="open-data", region="eu-west-1")
        assert (made.kind, made.region, made.writable) == ("s3", "eu-west-1", False)
        assert providers.change(team, "open", "s3", bucket="other").bucket == "other"
        assert [row.name for row in providers.of_team(team)] == ["lab", "open"]
        providers.remove(team, "open")
        assert providers.test(team, "lab").ok
        (tmp_path / "big").write_bytes(os.urandom(3_000_000))
        assert providers.write(team, "lab", "a/big & ü", tmp_path / "big").size == 3_000_000
        (entry,) = providers.files(team, "lab")
        providers.read(team, "lab", entry.path, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
        (tmp_path / "part").write_bytes((tmp_path / "big").read_bytes()[:1_000_000])
        providers.append(team, "lab", entry, tmp_path / "part")
        assert (tmp_path / "part").read_bytes() == (tmp_path / "big").read_bytes()
        assert [(each.path, each.folder) for each in providers.folder(team, "lab").entries] == [("a", True)]
        providers.delete(team, "lab", "a/big & ü")
        with pytest.raises(ApiError, match="no file"):
            providers.read(team, "lab", "a/big & ü", tmp_path / "back")


def test_the_commands(world: World, cli: Cli, lab: str, tmp_path: Path) -> None:
    team = world.cast.team.slug
    (tmp_path / "x.txt").write_text("of x")

    def run(*arguments: str) -> str:
        result = cli("storage", "providers", *arguments, "--team", team)
        assert result.exit_code == 0, result.output
        return words(result.output)

    assert "Made open of" in run("add", "open", "--bucket", "open-data", "--region", "eu-west-1")
    run("change", "open", "--bucket", "other", "--writable")
    listed = run("list")
    assert "other" in listed
    assert "not tested" in listed
    assert json.loads(cli("storage", "providers", "list", "--team", team, "--json").stdout)[1]["region"] == "eu-west-1"
    assert "ok write:" in run("test", "lab")
    assert "works, tested" in run("list")
    assert "Wrote a/x.txt to lab, 4 B." in run("put", "lab", str(tmp_path / "x.txt"), "a/")
    assert "a/" in run("ls", "lab")
    assert "a/x.txt" in run("ls", "lab", "--recursive")
    assert "4 B" in run("get", "lab", "a/x.txt", str(tmp_path / "y"))
    assert (tmp_path / "y").read_text() == "of x"
    assert cli("storage", "providers", "get", "lab", "a/x.txt", str(tmp_path / "y"), "--team", team).exit_code == 2
    assert cli("storage", "providers", "rm", "lab", "a/x.txt", "--team", team).exit_code == 2
    run("rm", "lab", "a/x.txt", "--yes")
    assert "Nothing here." in run("ls", "lab")
    run("change", "lab", "--bucket", "nosuchbucket")
    failed = cli("storage", "providers", "test", "lab", "--team", team)
    assert failed.exit_code == 1
    assert "(provider.bucket_unknown)" in words(failed.output)
    run("remove", "open", "--yes")


def test_sync_there_and_back(cli: Cli, lab: str, tmp_path: Path) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    put(here, a_txt="a", deep__b_txt="bb", git__x="1")
    (here / "link").symlink_to("/etc/passwd")
    dry = synced(cli, str(here), lab, "--dry-run")
    assert (dry["sent"], dry["bytes"]) == (["a.txt", "deep/b.txt", "git/x"], 4)
    assert synced(cli, str(here), f"{lab}in")["sent"] == dry["sent"]
    assert synced(cli, str(here), f"{lab}in")["unchanged"] == 3
    put(here, a_txt="A")  # of the same size
    (here / "git" / "x").unlink()
    assert synced(cli, str(here), f"{lab}in") == {
        "sent": ["a.txt"],
        "deleted": [],
        "unchanged": 1,
        "bytes": 1,
        "failed": [],
        "stopped": "",
    }
    assert synced(cli, str(here), f"{lab}in", "--delete")["deleted"] == ["git/x"]
    assert synced(cli, f"{lab}in", str(back))["sent"] == ["a.txt", "deep/b.txt"]
    assert (back / "a.txt").read_text() == "A"
    put(back, more="1", a_txt="B")
    assert synced(cli, f"{lab}in", str(back), "--delete", "--dry-run")["deleted"] == ["more"]
    assert synced(cli, f"{lab}in", str(back), "--delete")["deleted"] == ["more"]
    assert sorted(path.name for path in back.rglob("*")) == ["a.txt", "b.txt", "deep"]
    assert synced(cli, f"{lab}in", str(back))["unchanged"] == 2


def test_sync_goes_on_where_it_broke_off(
    world: World, cli: Cli, lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    here.mkdir()
    (here / "big").write_bytes(os.urandom(2_000_000))
    synced(cli, str(here), lab)
    with world.client(world.cast.owner) as studium:
        (entry,) = studium.providers.files(world.cast.team.slug, "lab")
    back.mkdir()
    key = hashlib.sha256(f"{entry.path}\n{entry.etag}\n{entry.size}".encode()).hexdigest()[:16]
    (back / f".studium-{key}.part").write_bytes((here / "big").read_bytes()[:1_500_000])
    monkeypatch.setattr(Providers, "read", None)  # not from its beginning
    assert synced(cli, lab, str(back))["sent"] == ["big"]
    assert (back / "big").read_bytes() == (here / "big").read_bytes()
    assert [path.name for path in back.iterdir()] == ["big"]
    (back / "big").unlink()
    (back / f".studium-{key}.part").write_bytes(bytes(1000))
    assert "big: It did not come as it is there." in words(cli("storage", "sync", lab, str(back)).output)
    assert list(back.iterdir()) == []
    assert synced(cli, lab, str(back))["sent"] == ["big"]


def test_sync_writes_nowhere_else(cli: Cli, lab: str, tmp_path: Path) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    put(here, sub__x="evil", fine="1")
    synced(cli, str(here), lab)
    outside = tmp_path / "outside"
    outside.mkdir()
    back.mkdir()
    (back / "sub").symlink_to(outside)
    result = cli("storage", "sync", lab, str(back))
    assert result.exit_code == 2
    assert "sub/x: This name would lie outside of the folder." in words(result.output)
    assert list(outside.iterdir()) == []
    assert (back / "fine").read_text() == "1"
    assert cli("storage", "sync", str(here), str(back)).exit_code == 2
    assert cli("storage", "sync", lab, lab).exit_code == 2
    assert cli("storage", "sync", str(tmp_path / "none"), lab).exit_code == 2


def test_sync_from_a_web_server(world: World, cli: Cli, lab: str, tmp_path: Path) -> None:
    served, back = tmp_path / "served", tmp_path / "back"
    put(served, a_txt="a", deep__b_txt="bb")
    with web_server(served) as address:
        web_provider(world.cast.owner, world.cast.team, address)
        where = f"{world.cast.team.slug}/web:"
        assert synced(cli, where, str(back))["sent"] == ["a.txt", "deep/b.txt"]
        assert synced(cli, where, str(back))["unchanged"] == 2
        assert "read only" in words(cli("storage", "sync", str(back), f"{where}x").output)


def test_sync_tries_nothing_where_all_would_fail_alike(
    world: World, cli: Cli, lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, tried = tmp_path / "here", list[str]()
    put(here, a_txt="a", b_txt="b", c_txt="c")
    code = ["provider.key_unknown"]

    def write(self: Providers, team: str, name: str, path: str, source: Path) -> None:
        tried.append(path)
        raise ApiError(code[0], "It is so.", "Do that.", 403)

    monkeypatch.setattr(Providers, "write", write)
    told = cli("storage", "sync", str(here), lab)
    assert told.exit_code == 2
    assert tried == ["a.txt"]
    assert "a.txt: It is so. Nothing more was tried: it would be the same for every file. Do that." in words(
        told.output
    )
    tried.clear()
    code[0] = "provider.bad_path"
    assert "3 failed." in words(cli("storage", "sync", str(here), lab).output)
    assert tried == ["a.txt", "b.txt", "c.txt"]
    tried.clear()
    team = world.cast.team.slug
    cli("storage", "providers", "change", "lab", "--read-only", "--team", team)
    for more in ((), ("--dry-run",)):
        refused = cli("storage", "sync", str(here), lab, *more)
        assert refused.exit_code == 2
        assert "lab is read only. If it may be written:" in words(refused.output)
        assert "a.txt" not in refused.output
    assert tried == []
