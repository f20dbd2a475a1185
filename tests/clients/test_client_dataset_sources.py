"""Datasets from elsewhere, found and taken down, from Python and from the terminal. Fetching is under test in `tests/e2e`."""

import json
import os
import subprocess
import sys

import pytest
from live import Cli, World

from factories.providers import web_provider
from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.accounts.states import Visibility
from studium.client import ApiError
from studium.client.dataset_imports import DatasetImports
from studium.datasets import actions
from studium.datasets.models import Dataset
from studium.datasets.sources.models import Import
from studium.lib import clock

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://files.example/a.csv?key=hidden"


@pytest.fixture
def dataset(world: World) -> Dataset:
    made = make_team_dataset(world.cast.owner, world.cast.team, "Weather")
    make_dataset_version(made, {"a.csv": b"a,b\n1,2\n"})
    actions.change_visibility(world.cast.owner, made, Visibility.PUBLIC, now=clock.now())
    return made


def words(text: str) -> str:
    return " ".join(text.split())


def test_from_python(world: World, dataset: Dataset) -> None:
    with world.client(world.cast.owner) as studium:
        imports = studium.datasets.imports
        begun = imports.begin(dataset.pk, urls=[URL], note="From there")
        assert (begun.state, begun.live, begun.source) == ("waiting", True, "https://files.example/a.csv")
        with pytest.raises(ApiError) as error:
            imports.begin(dataset.pk, git="https://git.example/x.git")
        assert error.value.code == "import.busy"
        assert imports.cancel(dataset.pk, begun.id).state == "cancelled"
        assert imports.wait(dataset.pk, begun.id).state == "cancelled"
        assert imports.again(dataset.pk, begun.id).state == "waiting"
        assert [each.id for each in imports.all(dataset.pk)] == [begun.id]
        for body in ({}, {"urls": [URL], "git": "https://git.example/x.git"}, {"urls": ["nonsense"]}):
            with pytest.raises(ApiError):
                imports.begin(dataset.pk, **body)
        assert studium.datasets.source(dataset.pk, 1).words == "brought by hand"
        assert studium.datasets.uses(dataset.pk) == []
    with world.client(world.cast.stranger) as studium:
        assert studium.datasets.report(dataset.pk, "spam").dataset_id == dataset.pk
        found = [row.slug for row in studium.datasets.all(which="public", ending="csv", smallest=1, sort="trending")]
        assert found == ["weather"]
        assert list(studium.datasets.all(which="public", ending="png")) == []
        studium.datasets.file(dataset.pk, 1, "a.csv")
        assert studium.datasets.get(dataset.pk).downloads == 1


def test_from_a_provider(world: World, dataset: Dataset, cli: Cli) -> None:
    team = world.cast.team
    web_provider(world.cast.owner, team, "https://files.example/")
    for name in ("web", f"{team.slug}/web"):
        with world.client(world.cast.teammate) as studium:
            begun = studium.datasets.imports.begin(dataset.pk, provider=name, folder="raw/2024/")
            assert (begun.kind, begun.source, begun.run) == ("provider", f"provider {team.slug}/web, raw/2024", "")
            assert studium.datasets.imports.cancel(dataset.pk, begun.id).state == "cancelled"
    with world.client(world.cast.stranger) as studium:
        own = studium.datasets.create("Own")
        for name in ("web", f"{team.slug}/web"):
            with pytest.raises(ApiError) as error:
                studium.datasets.imports.begin(own.id, provider=name)
            assert error.value.status == 404
    with world.client(world.cast.owner) as studium, pytest.raises(ApiError) as error:
        studium.datasets.imports.begin(dataset.pk, provider="web", folder="a/../b")
    assert error.value.code == "provider.bad_path"
    assert "raw/2024" in cli("datasets", "imports", "weather").output


def test_the_command_refuses_before_it_makes_anything(cli: Cli, world: World) -> None:
    for words_of in (
        ("create",),
        ("create", ".", "--from-url", URL),
        ("create", "--from-url", URL, "--from-notebook", "x"),
        ("create", "--from-url", "http://127.0.0.1/x"),
        ("create", "--from-git", "ssh://host/x.git"),
        ("create", "--from-notebook", "no-such"),
        ("create", "--from-provider", "no-such:folder"),
        ("create", "--from-provider", "a/b", "--from-git", "https://host/x.git"),
    ):
        assert cli("datasets", *words_of).exit_code == 2, words_of
    assert not Dataset.objects.filter(deleted_at=None).exists()


def test_the_command_lists_calls_off_and_shows(cli: Cli, world: World, dataset: Dataset) -> None:
    assert "Nothing was." in cli("datasets", "imports", "weather").output
    assert cli("datasets", "refresh", "weather").exit_code == 2
    with world.client(world.cast.owner) as studium:
        begun = studium.datasets.imports.begin(dataset.pk, urls=[URL])
    assert begun.id in cli("datasets", "imports", "weather").output
    assert "was called off" in cli("datasets", "cancel", "weather").output
    assert cli("datasets", "cancel", "weather").exit_code == 4
    shown = json.loads(cli("datasets", "show", "weather", "--json").output)
    assert (shown["source"]["kind"], shown["uses"]) == ("", [])
    assert "brought by hand" in cli("datasets", "show", "weather").output


def test_the_command_finds(cli: Cli, world: World, dataset: Dataset) -> None:
    def found(*more: str) -> bool:
        return "Weather" in cli("datasets", "list", *more).output

    assert found("--type", "csv", "--max-size", "1 MiB", "--days", "1", "--sort", "trending")
    assert not found("--min-size", "1M")
    assert not found("--votes", "1")
    assert not found("--licence", "MIT")
    assert cli("datasets", "list", "--min-size", "large").exit_code == 2
    assert cli("datasets", "list", "--sort", "nonsense").exit_code == 2


def test_the_command_takes_down(cli: Cli, world: World, dataset: Dataset) -> None:
    name, admin, guest = f"{world.cast.team.slug}/weather", world.cast.operator, world.cast.stranger
    assert "is reported" in words(cli("datasets", "report", name, "--reason", "spam", user=guest).output)
    assert "Weather" in cli("admin", "reports", user=admin).output
    assert f"{name} is taken down" in words(
        cli("admin", "takedown", name, "--reason", "Spam", "--dataset", user=admin).output
    )
    assert "Spam" in cli("datasets", "show", name).output
    assert cli("datasets", "show", name, user=guest).exit_code == 2
    assert f"dataset  {name}" in cli("admin", "takedowns", user=admin).output
    assert "For a dataset say --dataset" in cli("admin", "restore", name, user=admin).output
    assert f"{name} is back" in words(cli("admin", "restore", name, "--dataset", user=admin).output)
    assert cli("datasets", "show", name, user=guest).exit_code == 0


def test_a_fault_is_told_in_plain_text_to_what_is_no_terminal() -> None:
    code = (
        "import sys; from studium.cli import datasets, main\n"
        "def broken(*_): raise RuntimeError('a fault of ours')\n"
        "datasets.server = broken; sys.argv = ['studium', 'datasets', 'list']; main.main()"
    )
    env = {**os.environ, "FORCE_COLOR": "1", "GITHUB_ACTIONS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("RuntimeError: a fault of ours")
    assert "\x1b" not in done.stderr


def test_an_address_that_is_refused_among_several_is_named(cli: Cli, world: World) -> None:
    urls = [URL, "http://user:secret@10.0.0.1/b.csv?key=hidden", "http://127.0.0.1/x"]
    for bad, shown in ((urls[1], "10.0.0.1/b.csv: "), (urls[2], "http://127.0.0.1/x: ")):
        told = words(cli("datasets", "create", "--from-url", urls[0], "--from-url", bad).output)
        assert told.startswith(shown)
        assert "secret" not in told
        assert "hidden" not in told
    assert not Dataset.objects.filter(deleted_at=None).exists()


def test_a_dataset_whose_first_import_failed_is_told_of(
    cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(self: DatasetImports, dataset_id: str, import_id: str, seen: object = None) -> object:
        """As when the run has ended; its program is under test elsewhere."""
        Import.objects.filter(pk=import_id).update(state="failed", message="No such file.", code="url.not_found")
        return self.get(dataset_id, import_id)

    monkeypatch.setattr(DatasetImports, "wait", wait)
    told = cli(
        "datasets", "create", "--title", "Fresh", "--from-url", URL, "--from-url", "https://x.example/b", "--unpack"
    )
    assert told.exit_code == 1
    name = f"{world.cast.owner.username}/fresh"
    assert f"{name} was made, and is empty." in words(told.output)
    assert f"studium datasets version {name} --from-url '{URL}' --from-url https://x.example/b --unpack" in words(
        told.output
    )
    assert "No such file." in words(told.output)
    again = cli("datasets", "version", name, "--from-git", "https://x.example/b.git")
    assert again.exit_code == 1
    assert "was made" not in words(again.output)


def test_what_came_is_told_apart_from_what_a_version_has(
    cli: Cli, world: World, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(self: DatasetImports, dataset_id: str, import_id: str, seen: object = None) -> object:
        """As when one file was added to what the version before has."""
        made = make_dataset_version(dataset, {"a.csv": b"a,b\n1,2\n", "b.csv": b"1"})
        ended = {"state": "done", "version": made, "files_count": 1, "files_bytes": 2048, "ended_at": clock.now()}
        Import.objects.filter(pk=import_id).update(**ended)
        return self.get(dataset_id, import_id)

    monkeypatch.setattr(DatasetImports, "wait", wait)
    told = words(cli("datasets", "version", "weather", "--from-url", URL, "--add").output)
    assert f"Version 2 of {world.cast.team.slug}/weather: 1 file, 2 KiB came." in told
