"""Datasets from elsewhere on a running platform: real sandboxes, real servers on loopback, and nothing else allowed."""

import json
from collections.abc import Iterator

import pytest

from factories.datasets import seeded
from factories.notebooks import notebook_json
from running.file_server import FileServer
from running.lfs_server import LfsServer
from running.platform import Platform, running_platform

TOKEN = "a-token-that-nobody-else-has"
BIG = seeded(20_000_000, 5)


@pytest.fixture(scope="module")
def files() -> Iterator[FileServer]:
    made = FileServer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LfsServer]:
    made = LfsServer(tmp_path_factory.mktemp("server"))
    made.password = f"ada:{TOKEN}"
    yield made
    made.close()


@pytest.fixture(scope="module")
def open_platform(files: FileServer, server: LfsServer) -> Iterator[Platform]:
    """A platform of its own, whose operator allows these two servers."""
    with running_platform(outbound_allow=f"{files.entry},{server.entry}") as up:
        yield up


def test_files_come_from_addresses(open_platform: Platform, files: FileServer) -> None:
    cli = open_platform.cli
    url = files.put("/data/numbers.bin", BIG, breaks=[5_000_000])
    made = cli("datasets", "create", "--from-url", url, "--title", "Numbers")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Version 1" in made.stdout
    assert files.ranges("/data/numbers.bin") == ["", "bytes=5000000-"]
    with open_platform.client() as client:
        dataset = client.datasets.find("numbers")
        assert client.datasets.file(dataset.id, 1, "numbers.bin") == BIG
        assert client.datasets.source(dataset.id, 1).words == url
    same = cli("datasets", "refresh", "numbers")
    assert (same.returncode, "Nothing is new" in same.stdout) == (0, True), same.stdout + same.stderr
    files.put("/data/numbers.bin", b"other")
    assert "Version 2" in cli("datasets", "refresh", "numbers").stdout
    gone = cli("datasets", "version", "numbers", "--from-url", files.url("/nowhere.csv"))
    assert gone.returncode == 1
    assert "404" in gone.stderr
    closed = cli("datasets", "create", "--from-url", "http://127.0.0.1:1/x", "--title", "Closed")
    assert closed.returncode == 2, closed.stderr
    with open_platform.client() as client:
        assert [row.name for row in client.datasets.all() if "closed" in row.slug] == [], (
            "of no source there is no dataset"
        )


def test_files_come_from_a_private_repository(open_platform: Platform, server: LfsServer) -> None:
    pointer = server.keep(BIG)
    files = {"data/a.csv": "a,b\n1,2\n", "code.py": "x = 1\n", "data/large.bin": pointer}
    server.make("raw", {**files, ".gitattributes": "*.bin filter=lfs -text\n"})
    cli = open_platform.cli
    assert cli("secrets", "set", "GIT_TOKEN", input=TOKEN).returncode == 0
    words = ["--from-git", server.url("raw"), "--folder", "data", "--secret", "GIT_TOKEN", "--username", "ada"]
    made = cli("datasets", "create", *words, "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    assert json.loads(made.stdout)["state"] == "done"
    with open_platform.client() as client:
        dataset = client.datasets.find("raw")
        assert [file.path for file in client.datasets.files(dataset.id, 1)] == ["a.csv", "large.bin"]
        assert client.datasets.file(dataset.id, 1, "large.bin") == BIG
        assert client.datasets.source(dataset.id, 1).commit == server.head("raw")


def test_files_come_from_a_notebook_and_are_read_by_another(open_platform: Platform) -> None:
    cli = open_platform.cli
    with open_platform.client() as client:
        content = notebook_json("open('made.csv', 'w').write('a\\n1\\n')")
        maker = client.notebooks.create("Maker", content=content)
    ran = cli("notebooks", "run", "maker")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    made = cli("datasets", "create", "--from-notebook", "maker@1", "--title", "Made")
    assert made.returncode == 0, made.stdout + made.stderr
    with open_platform.client() as client:
        dataset = client.datasets.find("made")
        assert client.datasets.file(dataset.id, 1, "made.csv") == b"a\n1\n"
        assert client.datasets.source(dataset.id, 1).words == "Maker, version 1"
        reader = client.notebooks.create(
            "Reader", content=notebook_json("print(open('/datasets/made/made.csv').read())")
        )
        client.notebooks.inputs.add(reader.id, dataset=dataset.id)
        assert [use.notebook for use in client.datasets.uses(dataset.id)] == [reader.name]
    read = cli("notebooks", "run", "reader")
    assert read.returncode == 0, read.stdout + read.stderr
    shown = cli("datasets", "show", "made")
    assert "Maker, version 1" in shown.stdout
    assert f"{reader.name} (versions 1)" in shown.stdout
    assert maker.name
