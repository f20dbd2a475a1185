"""Inputs by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from factories.accounts import NOW, Cast
from factories.files import give_files
from factories.notebooks import make_notebook
from factories.providers import web_provider
from studium.client import ApiError
from studium.compute.models import Run
from studium.notebooks.models import Notebook, Version
from studium.notebooks.states import Visibility
from studium.notebooks.versions import actions as versions

pytestmark = pytest.mark.django_db


def producer(cast: Cast, count: int = 2) -> Notebook:
    """A notebook with so many versions that left a file each; the last ended badly."""
    made = make_notebook(cast.owner, cast.team, "Producer", visibility=Visibility.TEAM)
    for n in range(count):
        version = versions.save_and_run(cast.owner, made, "cpu-small", now=NOW)
        Version.objects.filter(pk=version.pk).update(settled_at=NOW)
        assert version.run is not None
        reason = "failed" if n == count - 1 else "finished"
        Run.objects.filter(pk=version.run_id).update(state="ended", reason=reason)
        give_files(version, {"a.csv": b"%d" % n})
    return made


def test_the_client_adds_changes_and_removes(world: World) -> None:
    source = producer(world.cast)
    notebook = make_notebook(world.cast.owner, world.cast.team, "Consumer", visibility=Visibility.TEAM)
    with world.client(world.cast.owner) as studium:
        inputs = studium.notebooks.inputs
        made = inputs.add(notebook.pk, f"{source.team.slug}/{source.slug}")
        assert (made.name, made.version, made.follows, made.files, made.trouble) == ("producer", 1, True, 1, "")
        assert made.paths == ["/datasets/producer", "/kaggle/input/producer"]
        assert inputs.change(notebook.pk, "producer", 2).version == 2
        assert [(row.version, row.newest, row.follows) for row in inputs.of(notebook.pk)] == [(2, 1, False)]
        assert inputs.change(notebook.pk, "producer", None).follows
        saved = studium.notebooks.versions.save(notebook.pk)
        assert [(row.name, row.version) for row in inputs.of_version(notebook.pk, saved.number)] == [("producer", 1)]
        with pytest.raises(ApiError) as caught:
            inputs.add(notebook.pk, source.pk)
        assert (caught.value.code, caught.value.status) == ("input.name_taken", 400)
        inputs.remove(notebook.pk, "producer")
        assert inputs.of(notebook.pk) == []


def test_the_command_adds_lists_changes_and_removes(world: World, cli: Cli) -> None:
    producer(world.cast)
    make_notebook(world.cast.owner, world.cast.team, "Consumer", visibility=Visibility.TEAM)
    assert "has no inputs. Add one" in cli("notebooks", "inputs", "list", "consumer").output
    added = cli("notebooks", "inputs", "add", "consumer", "producer", "--as", "data")
    assert added.exit_code == 0, added.output
    assert "/datasets/data is" in added.stdout
    assert "version 1, the newest, in runs that" in " ".join(added.stdout.split())
    assert "version 2, newest 1" in cli("notebooks", "inputs", "change", "consumer", "data", "--version", "2").stdout
    for wrong in ([], ["--version", "2", "--newest"]):
        assert cli("notebooks", "inputs", "change", "consumer", "data", *wrong).exit_code == 2
    listed = json.loads(cli("notebooks", "inputs", "list", "consumer", "--json").stdout)
    assert [(row["name"], row["version"], row["follows"]) for row in listed] == [("data", 2, False)]
    assert "the newest" in cli("notebooks", "inputs", "change", "consumer", "data", "--newest").stdout
    assert cli("notebooks", "save", "consumer").exit_code == 0
    assert "data" in cli("notebooks", "inputs", "list", "consumer", "--version", "1").stdout
    Notebook.objects.filter(title="Producer").update(deleted_at=NOW)
    assert "comes from was deleted" in cli("notebooks", "inputs", "list", "consumer").stderr
    name = f"{world.cast.team.slug}/consumer"
    copied = cli("notebooks", "fork", "consumer")
    assert "Not yours to read, so the copy is without: data." in copied.stderr
    assert "no input of" in cli("notebooks", "inputs", "remove", name, "data").stdout
    assert cli("notebooks", "inputs", "remove", name, "data").exit_code == 2


def test_a_provider_by_client_and_command(world: World, cli: Cli) -> None:
    notebook = make_notebook(world.cast.owner, world.cast.team, "Consumer", visibility=Visibility.TEAM)
    web_provider(world.cast.owner, world.cast.team, "https://files.example/top")
    with world.client(world.cast.owner) as studium:
        inputs = studium.notebooks.inputs
        made = inputs.add(notebook.pk, provider="web", name="data")
        assert (made.kind, made.source, made.paths) == ("provider", f"{world.cast.team.slug}/web", ["/providers/data"])
        assert (made.version, made.follows, made.files, made.trouble, made.session) == (None, False, 0, "", "")
        with pytest.raises(ApiError) as caught:
            inputs.add(notebook.pk, provider="web", version=1)
        assert caught.value.code == "input.no_versions"
        with pytest.raises(ApiError) as caught:
            inputs.add(notebook.pk, "x/y", provider="web")
        assert caught.value.code == "input.source"
    with world.client(world.cast.reader) as studium:
        assert [(row.kind, row.source) for row in studium.notebooks.inputs.of(notebook.pk)] == [("provider", "")]
    name = f"{world.cast.team.slug}/{notebook.slug}"
    shown = cli("notebooks", "inputs", "add", name, "--provider", f"{world.cast.team.slug}/web")
    assert (shown.exit_code, "/providers/web is" in shown.output) == (0, True)
    assert json.loads(cli("notebooks", "inputs", "list", name, "--json").stdout)[1]["paths"] == ["/providers/web"]
    assert "/providers/data" in cli("notebooks", "inputs", "list", name).output
    assert cli("notebooks", "inputs", "add", name).exit_code != 0
    assert cli("notebooks", "inputs", "add", name, "--provider", "web", "--dataset").exit_code != 0
    assert cli("notebooks", "inputs", "remove", name, "data").exit_code == 0
    assert "/providers/data" not in cli("notebooks", "inputs", "list", name).output
