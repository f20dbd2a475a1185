"""A dataset of a bucket on a running platform whose controller is killed in the midst of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factories.datasets import seeded
from running.platform import Platform, running_platform, wait_for
from running.swift import SECRET, USER, Swift, running_swift
from studium.client import Client

BUCKET = "measured"
FILES = {"a.csv": b"a,b\n1,2\n", **{f"{number}.bin": seeded(15_000_000, number) for number in range(4)}}
# As if its time were over: whoever holds it is dead.
FORGET_LEASE = "from studium.datasets.sources.models import Import; Import.objects.update(lease='', leased_until=None)"


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="module")
def platform(swift: Swift) -> Iterator[Platform]:
    with running_platform(outbound_allow="127.0.0.0/8") as up:
        yield up


def fill(client: Client, team: str, swift: Swift, folder: Path) -> None:
    """A provider of the team, with the files."""
    for name, value in (("KEY_ID", USER), ("KEY", SECRET)):
        client.secrets.set(name, value, team=team)
    where = {"bucket": BUCKET, "endpoint": swift.endpoint, "writable": True}
    client.providers.make(team, "lab", "s3", key_id_secret="KEY_ID", key_secret="KEY", **where)
    for path, content in FILES.items():
        folder.joinpath("file").write_bytes(content)
        client.providers.write(team, "lab", f"raw/{path}", folder / "file")


def test_an_import_goes_on_after_kill_9(platform: Platform, swift: Swift, tmp_path: Path) -> None:
    with platform.client() as client:
        dataset = client.datasets.create("Measured")
        fill(client, dataset.team, swift, tmp_path)
        imports = client.datasets.imports
        begun = imports.begin(dataset.id, provider="lab", folder="raw")
        for stage in ("Listing the files", "Fetching"):
            seen = wait_for(
                lambda stage=stage: _at(platform, client, dataset.id, begun.id, stage), seconds=60, says=stage
            )
            if seen == "over":
                break
            platform.kill("controller")
            platform.manage(FORGET_LEASE)
        wait_for(lambda: _at(platform, client, dataset.id, begun.id, "over"), seconds=120, says="its end")
        ended = imports.get(dataset.id, begun.id)
        assert (ended.state, ended.message, ended.version) == ("done", "", 1)
        for path, content in FILES.items():
            assert client.datasets.file(dataset.id, 1, path) == content
        client.providers.delete(dataset.team, "lab", "raw/a.csv")
        told = platform.cli("datasets", "version", dataset.name, "--from-provider", "lab:raw/")
        assert "Version 2" in told.stdout, told.stdout + told.stderr
        made = platform.cli("datasets", "create", "--from-provider", f"{dataset.team}/lab:raw/0.bin")
        assert "Version 1" in made.stdout, made.stdout + made.stderr


def _at(platform: Platform, client: Client, dataset: str, begun: str, stage: str) -> str:
    """The stage, once it is there and somebody works at it; "over" if it has ended."""
    platform.supervisor.check()
    found = client.datasets.imports.get(dataset, begun)
    if not found.live:
        return "over"
    return stage if found.doing == stage and "controller" in platform.supervisor.children else ""
