"""A bucket of Google Cloud and a container of Azure on a whole running platform: a provider made and tested, kept
alike with a folder in both directions, made a dataset of, and read in a run's sandbox.

What answers for Google is a stand-in that follows its documentation (`running.gcs`); for Azure it is Azurite.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from factories.clouds import azurite, gcs  # noqa: F401 (fixtures)
from factories.datasets import seeded
from factories.notebooks import notebook_json
from running.azurite import Azurite
from running.gcs import Gcs
from running.platform import Platform, running_platform, wait_for
from studium.client import Client

READER = "reader@lab.iam.gserviceaccount.example"
# One that goes in parts.
FILES = {"a.csv": b"a,b\n1,2\n", "deep/ü & ?.txt": b"of a name", "deep/large.bin": seeded(18_000_000)}
READS = """\
import hashlib, pathlib
top = pathlib.Path("/providers/{name}/raw")
for path in sorted(p for p in top.rglob("*") if p.is_file()):
    print(path.relative_to(top), hashlib.sha256(path.read_bytes()).hexdigest()[:8], path.stat().st_size)
"""


@dataclass(frozen=True)
class Cloud:
    """One of them: how a provider of it is made, with which key, and with one that it does not take."""

    kind: str
    told: dict[str, str]
    key: str
    wrong: str


@pytest.fixture(scope="module")
def platform(gcs: Gcs) -> Iterator[Platform]:  # noqa: F811
    with running_platform(outbound_allow="127.0.0.0/8", google_token_url=gcs.token_url) as up:
        yield up


@pytest.fixture
def google(gcs: Gcs) -> Cloud:  # noqa: F811
    gcs.make_bucket("measured")
    other = gcs.account("other@lab.iam.gserviceaccount.example", "measured")
    wrong, other.key = other.file, gcs.account("third@lab.iam.gserviceaccount.example", "").key
    return Cloud("gcs", {"endpoint": gcs.endpoint}, gcs.account(READER, "measured").file, wrong)


@pytest.fixture
def azure(azurite: Azurite) -> Cloud:  # noqa: F811
    azurite.make_container("measured")
    told = {"endpoint": azurite.endpoint, "account": azurite.account}
    return Cloud("azure", told, azurite.key, "c29tZXRoaW5nIGVsc2U=")


@pytest.mark.parametrize("which", ["google", "azure"])
def test_from_the_key_to_a_run(
    platform: Platform, request: pytest.FixtureRequest, tmp_path: Path, which: str
) -> None:  # fmt: skip
    cloud: Cloud = request.getfixturevalue(which)
    with platform.client() as client:
        dataset = client.datasets.create(f"Of {which}")
        team, providers = dataset.team, client.providers
        client.secrets.set("CLOUD_KEY", cloud.wrong, team=team)
        told = {**cloud.told, "key_secret": "CLOUD_KEY", "writable": True}
        providers.make(team, which, cloud.kind, bucket="measured", **told)
        assert _trouble(client, team, which) == "provider.signature_wrong"
        client.secrets.set("CLOUD_KEY", cloud.key, team=team)
        providers.change(team, which, cloud.kind, bucket="nosuchbucket", **told)
        assert _trouble(client, team, which) == "provider.bucket_unknown"
        providers.change(team, which, cloud.kind, bucket="measured", **told)
        assert providers.test(team, which).ok

        _keep_alike(platform, tmp_path, f"{which}:raw")
        assert [each.path for each in providers.folder(team, which, "raw").entries] == ["raw/a.csv", "raw/deep"]
        begun = client.datasets.imports.begin(dataset.id, provider=which, folder="raw")
        source = notebook_json(READS.format(name=which))
        notebook = client.notebooks.create(f"Reads {which}", content=source)
        client.notebooks.inputs.add(notebook.id, provider=which)
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        ended = client.datasets.imports.wait(dataset.id, begun.id)
        assert (ended.state, ended.message, ended.version) == ("done", "", 1)
        assert {path: client.datasets.file(dataset.id, 1, path) for path in FILES} == FILES
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="the end of the run")
        cell = json.loads(client.runs.document(run.id))["cells"][0]
    assert "".join("".join(each.get("text", "")) for each in cell["outputs"]).splitlines() == [
        f"{path} {hashlib.sha256(content).hexdigest()[:8]} {len(content)}" for path, content in sorted(FILES.items())
    ]


def _trouble(client: Client, team: str, name: str) -> str:
    tried = client.providers.test(team, name)
    assert not tried.ok
    return str(tried.steps[-1].code)


def _keep_alike(platform: Platform, folder: Path, there: str) -> None:
    """There, there again, and back to another folder."""
    here, back = folder / "here", folder / "back"
    for path, content in FILES.items():
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_bytes(content)
        # What is of the second in which it is sent is sent again: Azure tells dates in seconds, and no digest.
        os.utime(here / path, (1_800_000_000, 1_700_000_000))

    def synced(*arguments: str) -> Any:
        done = platform.cli("storage", "sync", *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    assert synced(str(here), there)["sent"] == sorted(FILES)
    assert synced(str(here), there)["unchanged"] == len(FILES)
    assert synced(there, str(back))["sent"] == sorted(FILES)
    assert {path: (back / path).read_bytes() for path in FILES} == FILES
