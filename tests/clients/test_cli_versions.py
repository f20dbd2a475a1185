"""Versions from the terminal: saved, run and followed, compared, and their files brought here without harm."""

import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from live import Cli, Event, World

from factories.notebooks import make_notebook, notebook_json
from studium.cli import exchange
from studium.client import Client
from studium.client.shapes import VersionFile, VersionFiles
from studium.environments.models import Build
from studium.lib import clock
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import volume_of_version
from studium.notebooks.models import Launch, Notebook, Version
from studium.notebooks.states import LaunchKind, RunOptions, Visibility
from studium.notebooks.versions import actions as versions

pytestmark = pytest.mark.django_db


def words(text: str) -> str:
    """The text without the line breaks of an 80-column terminal."""
    return " ".join(text.split())


@pytest.fixture
def notebook(world: World) -> Notebook:
    return make_notebook(world.cast.owner, world.cast.team, "Churn", visibility=Visibility.TEAM, now=clock.now())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def nothing(world: World) -> None:
    pass


def prints(text: str) -> Event:
    return lambda world: world.engine.output(world.run.pk, text.encode())


def progresses(cell: int, of: int, error: dict[str, object] | None = None) -> Event:
    told = {"cell": cell, "of": of, "code_cell": cell, "code_cells": of, "elapsed": 1.0, "error": error}
    return lambda world: world.engine.observe(world.run.pk, progress=told)


def writes(path: str, content: bytes) -> Event:
    return lambda world: world.engine.write_file(volume_of_version(world.run.pk), path, content, 1 << 30)


def ends(exit_code: int = 0) -> Event:
    return lambda world: world.engine.finish(world.run.pk, exit_code=exit_code)


def ran(world: World, cli: Cli, **files: bytes) -> None:
    """A version has been run and left these files, `__` standing for a slash and `_` for a dot."""
    world.script = [nothing, nothing]
    for name, content in files.items():
        world.script.append(writes(name.replace("__", "/").replace("_", "."), content))
    world.script += [writes("notebook.ipynb", notebook_json("executed")), ends()]
    done = cli("notebooks", "run", "churn")
    assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("notebook")
class TestSaving:
    def test_versions_are_saved_listed_and_pinned(self, world: World, cli: Cli) -> None:
        name = f"{world.cast.team.slug}/churn"
        empty = cli("notebooks", "versions", "churn")
        assert "No versions. Save one: `studium notebooks save churn`." in words(empty.stdout)
        saved = cli("notebooks", "save", "churn", "--note", "before the change")
        assert words(saved.stdout) == f"Saved version 1 of {name}."
        ran(world, cli, a_csv=b"1,2\n")
        assert f"Version 1 of {name} is pinned." in words(cli("notebooks", "pin", "churn", "v1").stdout)
        listed = cli("notebooks", "versions", name)
        assert max(len(line) for line in listed.stdout.splitlines()) <= 80
        newest, oldest = listed.stdout.splitlines()[1:3]
        assert newest.split()[:3] == ["2", "complete", "cpu-small"]
        assert "1, 4 B" in newest
        assert oldest.split()[:2] == ["1", "saved"]
        assert "[pinned] before the change" in words(listed.stdout)
        told = json.loads(cli("notebooks", "versions", "churn", "--limit", "1", "--json").stdout)
        assert [(v["number"], v["pinned"], v["state"]) for v in told] == [(2, False, "complete")]
        assert "is not pinned" in words(cli("notebooks", "unpin", "churn", "1").stdout)
        assert json.loads(cli("notebooks", "unpin", "churn", "1", "--json").stdout)["pinned"] is False

    def test_a_file_is_pushed_and_saved(self, world: World, cli: Cli, here: Path) -> None:
        (here / "new.ipynb").write_bytes(notebook_json("pushed"))
        pushed = cli("notebooks", "push", "new.ipynb", "churn", "--note", "from here")
        assert "now has the content of new.ipynb, saved as version 1." in words(pushed.stdout)
        told = json.loads(cli("notebooks", "push", "new.ipynb", "churn", "--json").stdout)
        assert (told["number"], told["kind"]) == (2, "quick")
        (here / "text.ipynb").write_text("no notebook")
        assert cli("notebooks", "push", "text.ipynb", "churn").exit_code == 2
        assert cli("notebooks", "push", "none.ipynb", "churn").exit_code == 2
        assert Version.objects.get(number=1).note == "from here"
        assert Version.objects.count() == 2

    def test_a_notebook_that_is_open_takes_no_other_document(
        self, world: World, cli: Cli, here: Path, notebook: Notebook
    ) -> None:
        cli("notebooks", "save", "churn")
        notebooks.start(world.cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=clock.now())
        (here / "new.ipynb").write_bytes(notebook_json("pushed"))
        assert cli("notebooks", "push", "new.ipynb", "churn").exit_code == 4
        assert cli("notebooks", "restore", "churn", "1").exit_code == 4
        assert Version.objects.count() == 1

    def test_a_version_is_restored(self, world: World, cli: Cli, here: Path, notebook: Notebook) -> None:
        cli("notebooks", "save", "churn")
        (here / "new.ipynb").write_bytes(notebook_json("pushed"))
        cli("notebooks", "push", "new.ipynb", "churn")
        assert "is version 1 again." in words(cli("notebooks", "restore", "churn", "1").stdout)
        before = notebook.document
        notebook.refresh_from_db()
        assert notebook.document == before
        assert json.loads(cli("notebooks", "restore", "churn", "2", "--json").stdout)["id"] == notebook.pk

    def test_options_of_a_run_are_kept_when_it_is_run_again(self, world: World, cli: Cli) -> None:
        how = ("--cell-timeout", "90s", "--keep-going")
        assert cli("notebooks", "run", "churn", "--no-wait", *how).exit_code == 0
        assert cli("notebooks", "run", "churn", "--no-wait", "--version", "1").exit_code == 0
        both = [version.run.launch.options for version in Version.objects.select_related("run__launch") if version.run]
        assert both == [RunOptions(cell_seconds=90, keep_going=True)] * 2
        said = words(cli("notebooks", "stop", "churn").stdout)
        assert "runs of versions go on" in said
        assert all(f"studium runs stop {version.run_id}" in said for version in Version.objects.all())
        refused = cli("notebooks", "run", "churn", "--version", "1", *how)
        assert (refused.exit_code, Version.objects.count()) == (2, 2)
        assert "keeps its options" in words(refused.stderr)

    def test_a_copy_of_ones_own(self, world: World, cli: Cli) -> None:
        cli("notebooks", "save", "churn")
        reader = world.cast.reader
        made = cli("notebooks", "fork", f"{world.cast.team.slug}/churn", "--version", "1", user=reader)
        assert f"to {reader.personal_team.slug}/churn." in words(made.stdout)
        shown = words(cli("notebooks", "show", f"{reader.personal_team.slug}/churn", user=reader).stdout)
        assert f"copied from {world.cast.team.slug}/churn, version 1" in shown
        assert "environment default" in shown
        assert "copies 1" in words(cli("notebooks", "show", "churn").stdout)
        copy = json.loads(cli("notebooks", "fork", "churn", "--team", world.cast.team.slug, "--json").stdout)
        assert copy["copied_from"]["name"] == f"{world.cast.team.slug}/churn"
        assert cli("notebooks", "fork", "churn", "--team", world.cast.team.slug, user=reader).exit_code == 2

    @pytest.mark.parametrize(
        "command",
        [
            "restore churn 9", "restore churn two", "pin churn 0", "unpin churn 9", "diff churn 1 9",
            "diff churn 1 x", "files churn", "files churn --version 9", "fork churn --version 9",
            "fork churn --version -1", "run churn --version 9", "pull churn --files d", "run churn --machine h9000",
            "run churn --timeout soon", "run nothing", "pull churn --version 9", "save nothing",
        ],
    )  # fmt: skip
    def test_what_is_not_there_ends_with_2(self, cli: Cli, here: Path, command: str) -> None:
        assert cli("notebooks", "save", "churn").exit_code == 0
        result = cli("notebooks", *command.split())
        assert result.exit_code == 2, result.output
        assert result.stderr
        assert result.stdout == ""
        assert list(here.glob("*.ipynb")) == []
        assert Version.objects.count() == 1


@pytest.mark.usefixtures("notebook")
class TestRunning:
    def test_a_run_is_followed_to_its_end(self, world: World, cli: Cli) -> None:
        world.script = [
            nothing,
            prints("hello\n"),
            progresses(1, 2),
            writes("notebook.ipynb", notebook_json("done")),
            writes("out/a.csv", b"1"),
            progresses(2, 2),
            ends(),
        ]
        result = cli("notebooks", "run", "churn", "-m", "cpu-medium", "--note", "more", "--timeout", "10min")
        assert result.exit_code == 0, result.output
        assert result.stdout == "hello\n"
        said = words(result.stderr)
        assert f"Version 1 of {world.cast.team.slug}/churn." in said
        assert "cpu-medium: starts at once, runs at most 10 min" in said
        assert "Cell 1 of 2" in said
        assert "Finished: 2 cells" in said
        assert "Get it with its 1 file (1 B): studium notebooks pull" in said
        assert "--version 1 --files DIR" in said
        version = Version.objects.get()
        assert (version.note, world.run.machine_type_id, world.run.max_seconds) == ("more", "cpu-medium", 600)

    def test_a_cell_that_fails_is_named(self, world: World, cli: Cli) -> None:
        failed = progresses(2, 2, {"cell": 2, "name": "ZeroDivisionError", "message": "division by zero"})
        world.script = [nothing, failed, ends(1)]
        result = cli("notebooks", "run", "churn")
        assert result.exit_code == 1
        assert "Cell 2 failed: ZeroDivisionError: division by zero" in words(result.stderr)
        assert "Read the log" in words(result.stderr)

    def test_json_is_the_version_and_nothing_else(self, world: World, cli: Cli) -> None:
        world.script = [nothing, prints("noise\n"), ends(1)]
        result = cli("notebooks", "run", "churn", "--json")
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        assert (told["number"], told["state"], told["settled"], told["run"]["reason"]) == (1, "failed", True, "failed")
        assert "noise" in result.stderr

    def test_it_goes_on_without_anybody(self, world: World, cli: Cli) -> None:
        started = cli("notebooks", "run", "churn", "--no-wait")
        assert started.exit_code == 0
        assert f"studium runs logs -f {world.run.pk}" in words(started.stdout)
        told = json.loads(cli("notebooks", "run", "churn", "--no-wait", "--json").stdout)
        assert (told["number"], told["settled"]) == (2, False)

    def test_it_runs_beside_an_open_session(self, world: World, cli: Cli, notebook: Notebook) -> None:
        notebooks.start(world.cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=clock.now())
        # A controller that looks at the session's file all the time.
        Launch.objects.update(looked_at=clock.now() + timedelta(days=1))
        assert cli("notebooks", "run", "churn", "--no-wait").exit_code == 0

    def test_a_session_that_nobody_can_read_is_not_saved_as_it_was_before(
        self, world: World, cli: Cli, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(versions, "LOOKS", 1)
        notebooks.start(world.cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=clock.now())
        for command in ("save", "run"):
            refused = cli("notebooks", command, "churn")
            assert (refused.exit_code, "Nothing is lost." in words(refused.stderr)) == (4, True)
        assert not Version.objects.exists()

    def test_a_version_is_run_again(self, world: World, cli: Cli) -> None:
        ran(world, cli)
        Notebook.objects.update(machine_type="cpu-medium")
        assert "cpu-small: starts" in cli("notebooks", "run", "churn", "--version", "v1", "--no-wait").stderr
        world.script = [nothing, ends()]
        again = cli("notebooks", "run", "churn", "--version", "1", "--json")
        assert again.exit_code == 0, again.output
        assert json.loads(again.stdout)["again_of"] == 1
        Build.objects.update(path="/gone")
        refused = cli("notebooks", "run", "churn", "--version", "1")
        assert refused.exit_code == 2
        assert "no longer on this machine" in words(refused.stderr)

    def test_ctrl_c_stops_the_run(self, world: World, cli: Cli) -> None:
        def interrupts(world: World) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        world.script = [nothing, nothing, interrupts, nothing, lambda world: world.engine.stop(world.run.pk, 0)]
        result = cli("notebooks", "run", "churn")
        assert result.exit_code == 1
        assert "Stopping the run; what it has computed is kept." in result.stderr
        assert f"POST /rest/runs/{world.run.pk}/stop" in world.requests
        listed = cli("notebooks", "versions", "churn").stdout
        assert ("stopped" in listed, "failed" in listed) == (True, False)


@pytest.mark.usefixtures("notebook")
class TestPulling:
    def test_document_and_files_of_the_newest_run(self, world: World, cli: Cli, here: Path) -> None:
        ran(world, cli, a_csv=b"old")
        ran(world, cli, a_csv=b"1,2\n", deep__er__b_bin=bytes(3 * 1024**2))
        cli("notebooks", "save", "churn")
        result = cli("notebooks", "pull", "churn", "--files", "out")
        assert result.exit_code == 0, result.output
        assert "Wrote churn-v2.ipynb" in words(result.stdout)
        assert "Wrote 2 output files of version 2 below out." in words(result.stderr)
        assert b"executed" in (here / "churn-v2.ipynb").read_bytes()
        assert (here / "out" / "a.csv").read_bytes() == b"1,2\n"
        assert (here / "out" / "deep" / "er" / "b.bin").read_bytes() == bytes(3 * 1024**2)
        assert sorted(p.name for p in (here / "out").iterdir()) == ["a.csv", "deep"]
        listed = cli("notebooks", "files", "churn")
        assert "a.csv" in listed.stdout
        assert "3 MiB" in listed.stdout
        told = json.loads(cli("notebooks", "files", "churn", "--version", "1", "--json").stdout)
        assert [f["size"] for f in told["files"]] == [3]

    def test_the_notebook_as_it_is_and_one_version(self, world: World, cli: Cli, here: Path) -> None:
        ran(world, cli)
        assert "Wrote churn.ipynb" in words(cli("notebooks", "pull", "churn").stdout)
        assert b"executed" not in (here / "churn.ipynb").read_bytes()
        told = json.loads(cli("notebooks", "pull", "churn", "--version", "1", "-o", "x.ipynb", "--json").stdout)
        assert (told["version"], told["file"], told["files"]) == (1, "x.ipynb", [])
        assert b"executed" in (here / "x.ipynb").read_bytes()
        piped = cli("notebooks", "pull", "churn", "--version", "1", "-o", "-")
        assert b"executed" in piped.stdout_bytes
        assert json.loads(piped.stdout)["nbformat"] == 4

    def test_nothing_is_replaced_unasked(self, world: World, cli: Cli, here: Path) -> None:
        ran(world, cli, a_csv=b"new", b_csv=b"new")
        (here / "out").mkdir()
        (here / "out" / "b.csv").write_bytes(b"mine")
        refused = cli("notebooks", "pull", "churn", "--files", "out")
        assert refused.exit_code == 2
        assert "out/b.csv is there already." in words(refused.stderr)
        assert not (here / "out" / "a.csv").exists(), "one that is in the way and none is written"
        assert not (here / "churn-v1.ipynb").exists()
        assert cli("notebooks", "pull", "churn", "--files", "out", "--force").exit_code == 0
        assert (here / "out" / "b.csv").read_bytes() == b"new"
        (here / "churn.ipynb").write_bytes(b"mine")
        assert cli("notebooks", "pull", "churn").exit_code == 2
        assert (here / "churn.ipynb").read_bytes() == b"mine"

    def test_links_out_of_the_folder_are_not_followed(self, world: World, cli: Cli, here: Path) -> None:
        ran(world, cli, sub__a_csv=b"new", b_csv=b"new")
        (here / "elsewhere").mkdir()
        (here / "out").mkdir()
        (here / "out" / "sub").symlink_to(here / "elsewhere")
        assert "outside" in words(cli("notebooks", "pull", "churn", "--files", "out", "--force").stderr)
        (here / "out" / "sub").unlink()
        (here / "out" / "b.csv").symlink_to(here / "elsewhere" / "b.csv")
        assert cli("notebooks", "pull", "churn", "--files", "out", "--force").exit_code == 2
        assert list((here / "elsewhere").iterdir()) == []

    def test_bytes_that_are_not_those_of_the_digest_are_not_kept(
        self, world: World, cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran(world, cli, a_csv=b"new")
        wrong = VersionFiles(files=[VersionFile(path="a.csv", size=3, digest="0" * 64)], left_out=2, left_bytes=10)
        with Client("http://localhost:1") as client:
            monkeypatch.setattr(type(client.notebooks.versions), "files", lambda *_: wrong)
        result = cli("notebooks", "pull", "churn", "--files", "out")
        assert (result.exit_code, "did not arrive" in words(result.stderr)) == (3, True)
        assert list((here / "out").iterdir()) == []
        assert "2 files were not kept" in words(cli("notebooks", "files", "churn").stderr)

    def test_a_folder_that_cannot_be_made(self, world: World, cli: Cli, here: Path) -> None:
        ran(world, cli, a_csv=b"new")
        (here / "out").write_bytes(b"a file")
        result = cli("notebooks", "pull", "churn", "--files", "out")
        assert result.exit_code == 2
        assert "cannot be written" in words(result.stderr)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a//b", "", ".", "a/.", "..", "a\\..\\b", "a\0b"])
def test_a_server_cannot_name_files_outside_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(typer.Exit) as caught:
        exchange.below(tmp_path.resolve(), path)
    assert caught.value.exit_code == 2
    assert exchange.below(tmp_path.resolve(), "a/b..c/..d") == tmp_path.resolve() / "a/b..c/..d"


class TestDifferences:
    @pytest.fixture
    def two(self, cli: Cli, here: Path, notebook: Notebook) -> None:
        (here / "a.ipynb").write_bytes(notebook_json("a = 1", "\n".join(f"line{i}" for i in range(30)), "gone = 1"))
        lines = [f"line{i}" for i in range(30)]
        lines[15] = "changed \x1b[2J"
        (here / "b.ipynb").write_bytes(notebook_json("a = 1", "\n".join(lines)))
        for name in ("a.ipynb", "b.ipynb"):
            assert cli("notebooks", "push", name, "churn").exit_code == 0

    @pytest.mark.usefixtures("two")
    def test_what_changed_is_shown_with_its_surroundings(self, cli: Cli) -> None:
        result = cli("notebooks", "diff", "churn", "1", "v2")
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout, "plain where nobody sees colours, and without what others put in"
        assert result.stdout.splitlines() == [
            "@ cell 2 (code): changed",
            " [12 lines]",
            " line12",
            " line13",
            " line14",
            "-line15",
            "+changed [2J",
            " line16",
            " line17",
            " line18",
            " [11 lines]",
            "@ cell 3 (code): removed",
            "-gone = 1",
            "Version 1 to 2: 1 changed, 1 removed.",
        ]
        told = json.loads(cli("notebooks", "diff", "churn", "1", "2", "--json").stdout)
        assert told["counts"]["changed"] == 1
        assert "no cell changed" in cli("notebooks", "diff", "churn", "1", "1").stdout

    @pytest.mark.usefixtures("two")
    def test_colours_are_for_terminals(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR")
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        shown = cli("notebooks", "diff", "churn", "1", "2").stdout
        assert "\x1b[32m+changed" in shown
        assert "\x1b[31m-line15" in shown

    def test_outputs_alone_and_cells_that_moved(self, capsys: Any) -> None:
        from studium.cli import differences
        from studium.client.shapes import ComparedCell, Comparison, ComparisonCounts

        cells = [
            ComparedCell(change="changed", left=0, right=0, cell_type="code", source=[], outputs="changed"),
            ComparedCell(change="moved", left=2, right=1, cell_type="markdown", source=[], outputs="none"),
            ComparedCell(change="same", left=1, right=2, cell_type="code", source=[], outputs="same"),
        ]
        counts = ComparisonCounts(same=1, changed=1, added=0, removed=0, moved=1, outputs=1)
        differences.show(Comparison(counts=counts, cells=cells), 1, 2)
        assert capsys.readouterr().out.splitlines() == [
            "@ cell 1 (code): only outputs changed",
            "@ cell 3 -> 2 (markdown): moved",
            "Version 1 to 2: 1 changed, 1 moved; outputs of 1 cell differs.",
        ]
