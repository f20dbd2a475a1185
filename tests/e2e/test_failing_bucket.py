"""A bucket that is away, answers 503 or hangs up, under a whole platform: said clearly, nothing lost, gone on with by itself."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factories.datasets import seeded
from factories.notebooks import notebook_json
from running.faulty import Faulty, faulty
from running.platform import Platform, running_platform, wait_for
from running.swift import Swift, running_swift
from studium.client import Client
from studium.client.errors import ApiError
from studium.lib.units import MIB

FILE = seeded(9 * MIB, 95)
READS = "import hashlib, pathlib\nprint(hashlib.sha256(pathlib.Path('/datasets/data/x.bin').read_bytes()).hexdigest())"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    with (
        running_swift(tmp_path_factory.mktemp("swift")) as swift,
        faulty(int(swift.endpoint.rpartition(":")[2])) as server,
        pytest.MonkeyPatch.context() as patched,
    ):
        swift.make_bucket("files")
        for name, value in swift.variables.items():
            patched.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def platform(bucket: Faulty) -> Iterator[Platform]:
    url = Swift(f"http://127.0.0.1:{bucket.port}").url_of("files")
    with running_platform(storage_url=url) as up:
        yield up


@pytest.fixture(autouse=True)
def _well(bucket: Faulty) -> Iterator[None]:
    yield
    bucket.fail("pass")


@pytest.fixture
def impatient(platform: Platform) -> Iterator[Client]:
    """Who sees each answer as it is."""
    with Client(platform.url, platform.token, patience=0) as client:
        yield client


def refused(ask: Callable[[], object]) -> None:
    with pytest.raises(ApiError) as said:
        ask()
    assert (said.value.code, said.value.status) == ("storage.away", 503), said.value
    assert "Nothing that was kept is lost" in said.value.next_step


def on_disk(tmp_path: Path) -> Path:
    (tmp_path / "x.bin").write_bytes(FILE)
    return tmp_path / "x.bin"


@pytest.mark.parametrize("mode", ["503", "cut", "mute"])
def test_everything_says_it_and_goes_on(
    platform: Platform, bucket: Faulty, impatient: Client, tmp_path: Path, mode: str
) -> None:
    files, path = impatient.datasets, on_disk(tmp_path)
    dataset = files.create(f"Through {mode}")
    first = files.send(dataset.id, [("x.bin", path)])
    upload = files.begin_upload(dataset.id, "y.bin", len(FILE))
    files.send_piece(dataset.id, upload.id, 0, FILE[: 4 * MIB])
    bucket.fail(mode)
    refused(lambda: files.send_piece(dataset.id, upload.id, 4 * MIB, FILE[4 * MIB :]))
    refused(lambda: files.file(dataset.id, first.number, "x.bin"))
    if mode != "mute":  # each of these would wait as long as those before
        refused(lambda: files.archive(dataset.id, first.number, tmp_path / "all.zip"))
        refused(lambda: files.make_version(dataset.id, base=first.number, remove=["x.bin"]))
    assert files.upload(dataset.id, upload.id).received == 4 * MIB
    assert [each.number for each in files.versions(dataset.id)] == [1]
    bucket.fail("pass")
    assert files.send_piece(dataset.id, upload.id, 4 * MIB, FILE[4 * MIB :]).received == len(FILE)
    made = files.make_version(dataset.id, uploads=[upload.id], base=first.number)
    assert files.file(dataset.id, made.number, "y.bin") == files.file(dataset.id, first.number, "x.bin") == FILE


def test_a_run_and_a_look_into_the_files_wait_for_it(
    platform: Platform, bucket: Faulty, impatient: Client, tmp_path: Path
) -> None:
    files = impatient.datasets
    dataset = files.create("Data")
    notebook = impatient.notebooks.create("Reads it", content=notebook_json(READS))
    (tmp_path / "x.bin").write_bytes(seeded(3 * MIB, 96))  # of which no tree was laid down before
    platform.kill("controller")
    made = files.send(dataset.id, [("x.bin", tmp_path / "x.bin")])
    impatient.notebooks.inputs.add(notebook.id, dataset=dataset.id)
    run = impatient.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
    bucket.fail("503")

    def tried() -> bool:
        lines = platform.log_text().splitlines()
        return any("tree_failed" in line and run.id in line for line in lines)

    wait_for(lambda: platform.supervisor.check() or tried(), seconds=120, says="the pass to find no store")
    assert impatient.runs.get(run.id).state == "assigned"
    bucket.fail("pass")
    wait_for(lambda: impatient.runs.get(run.id).state == "ended", seconds=120, says="the run's end")
    assert impatient.runs.get(run.id).reason == "finished", impatient.runs.get(run.id)
    wait_for(
        lambda: files.profile(dataset.id, made.number, "x.bin").state == "ready", seconds=120, says="a look into it"
    )


def test_a_run_that_ends_meanwhile_keeps_its_outputs(platform: Platform, bucket: Faulty, impatient: Client) -> None:
    notebook = impatient.notebooks.create("Ends alone", content=notebook_json("print('kept' * 2)"))
    run = impatient.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
    wait_for(lambda: impatient.runs.get(run.id).state == "running", seconds=120, says="the run to begin")
    bucket.fail("503")
    wait_for(lambda: impatient.runs.get(run.id).state == "ended", seconds=120, says="the run's end")
    bucket.fail("pass")
    wait_for(lambda: _has(impatient, run.id, b"keptkept"), seconds=120, says="its outputs")


def _has(client: Client, run: str, what: bytes) -> bool:
    try:
        return what in client.runs.document(run)
    except ApiError:  # not yet, or not now
        return False


def test_whoever_has_patience_notices_nothing(platform: Platform, bucket: Faulty, tmp_path: Path) -> None:
    content = seeded(9 * MIB, 97)  # of which nothing is there before
    (tmp_path / "x.bin").write_bytes(content)
    with platform.client() as client:
        dataset = client.datasets.create("Patient")
        bucket.fail("503", after=4)
        made: list[int] = []
        sending = threading.Thread(
            target=lambda: made.append(client.datasets.send(dataset.id, [("x.bin", tmp_path / "x.bin")]).number)
        )
        sending.start()
        wait_for(lambda: bucket.refused >= 3, seconds=60, says="requests that were refused")
        bucket.fail("pass")
        sending.join(60)
        assert made == [1]
        assert client.datasets.file(dataset.id, 1, "x.bin") == content
