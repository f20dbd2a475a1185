"""`studium run`: from a file to an executed notebook beside it, and everything that can come between."""

import json
from pathlib import Path

import pytest
from live import Cli, Event, World

from factories.notebooks import notebook_json
from studium.compute.engines.base import Cause, Usage
from studium.compute.models import MachineType
from studium.lib.units import MIB
from studium.notebooks.models import Notebook
from studium.notebooks.states import RunOptions

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "churn.ipynb"
    path.write_bytes(notebook_json("print('hello')", "1/0"))
    return path


def prints(text: str) -> Event:
    return lambda world: world.engine.output(world.run.pk, text.encode())


def progresses(cell: int, of: int, error: dict[str, object] | None = None) -> Event:
    told = {"cell": cell, "of": of, "code_cell": cell, "code_cells": of, "elapsed": 1.0, "error": error}
    return lambda world: world.engine.observe(
        world.run.pk, progress=told, usage=Usage(memory_bytes=312 * MIB, memory_peak_bytes=400 * MIB)
    )


def saves(*sources: str) -> Event:
    def save(world: World) -> None:
        volume = f"nb-{Notebook.objects.get().pk}"
        world.engine.write_file(volume, "notebook.ipynb", notebook_json(*sources), 1 << 30)

    return save


def ends(exit_code: int = 0, cause: Cause = Cause.EXIT) -> Event:
    return lambda world: world.engine.finish(world.run.pk, exit_code=exit_code, cause=cause)


def nothing(world: World) -> None:
    pass


def test_a_notebook_is_run_and_written_beside_its_file(world: World, cli: Cli, file: Path) -> None:
    world.script = [
        nothing,
        prints("hello\n"),
        progresses(1, 2),
        prints("wörld\n"),
        progresses(2, 2),
        saves("done"),
        ends(),
    ]
    result = cli("run", str(file), "--machine", "cpu-small")
    assert result.exit_code == 0, result.output
    assert result.stdout == "hello\nwörld\n"
    assert "starts at once" in result.stderr
    assert "Cell 1 of 2" in result.stderr
    assert "Finished: 2 cells" in result.stderr
    written = json.loads((file.parent / "churn.executed.ipynb").read_bytes())
    assert [cell["source"] for cell in written["cells"]] == ["done"]
    notebook = Notebook.objects.get()
    assert (notebook.title, notebook.team) == ("churn", world.cast.owner.personal_team)


def test_a_failing_cell_is_named_and_its_outputs_are_kept(world: World, cli: Cli, file: Path) -> None:
    failed = progresses(2, 2, {"cell": 2, "name": "ZeroDivisionError", "message": "division by zero"})
    world.script = [nothing, saves("partial"), failed, ends(1)]
    result = cli("run", str(file))
    assert result.exit_code == 1
    assert "Cell 2 failed: ZeroDivisionError: division by zero" in result.stderr
    assert "Read the log" in result.stderr
    assert b"partial" in (file.parent / "churn.executed.ipynb").read_bytes()


def test_options_are_sent_and_a_run_that_went_on_ends_with_1(world: World, cli: Cli, file: Path) -> None:
    told = {"cell": 2, "of": 2, "code_cell": 2, "code_cells": 2, "failed_cells": 2, "through": True, "elapsed": 1.0}
    error = {"cell": 1, "name": "ValueError", "message": "no such column"}
    world.script = [
        nothing,
        lambda world: world.engine.observe(world.run.pk, progress={**told, "error": error}),
        lambda world: world.engine.finish(world.run.pk, exit_code=1),
    ]
    result = cli("run", str(file), "--cell-timeout", "10min", "--keep-going")
    assert result.exit_code == 1
    assert "Cell 1 failed: ValueError: no such column (it went on: 1 cell after it failed too)" in " ".join(
        result.stderr.split()
    )
    assert world.run.launch.options == RunOptions(cell_seconds=600, keep_going=True)
    shown = " ".join(cli("runs", "show", world.run.pk).stdout.split())
    assert "at most 10 min a cell, goes on after errors" in shown
    assert cli("run", str(file), "--cell-timeout", "soon").exit_code == 2


def test_an_old_file_is_said_to_have_been_upgraded(world: World, cli: Cli, tmp_path: Path) -> None:
    old = tmp_path / "old.ipynb"
    old.write_text('{"nbformat": 4, "nbformat_minor": 1, "metadata": {}, "cells": []}')
    assert "It came as nbformat 4.1 and was upgraded to 4.5." in cli("run", str(old), "--detach").stderr


def test_running_out_of_memory_says_so(world: World, cli: Cli, file: Path) -> None:
    world.script = [nothing, nothing, ends(137, Cause.OUT_OF_MEMORY)]
    result = cli("run", str(file), "-m", "cpu-small")
    assert result.exit_code == 1
    assert "Out of memory" in result.stderr
    assert "Choose a machine with more memory" in " ".join(result.stderr.split())


def test_json_is_the_only_thing_on_standard_output(world: World, cli: Cli, file: Path) -> None:
    world.script = [nothing, prints("noise\n"), progresses(2, 2), ends()]
    result = cli("run", str(file), "--json", "--output", str(file.parent / "out.ipynb"))
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["run"]["reason"], told["output"]) == ("finished", str(file.parent / "out.ipynb"))
    assert "noise" in result.stderr


def test_running_again_updates_the_notebook_of_that_title(world: World, cli: Cli, file: Path) -> None:
    for _ in range(2):
        world.script = [nothing, nothing, ends()]
        assert cli("run", str(file), "--title", "Churn study").exit_code == 0
    assert Notebook.objects.get().title == "Churn study"


def test_a_notebook_that_runs_already_is_not_touched(world: World, cli: Cli, file: Path) -> None:
    assert cli("run", str(file), "--detach").exit_code == 0
    result = cli("run", str(file))
    assert result.exit_code == 4
    assert "session" in result.stderr


def test_detach_says_how_to_follow(world: World, cli: Cli, file: Path) -> None:
    result = cli("run", str(file), "--detach")
    assert result.exit_code == 0
    assert f"studium runs logs -f {world.run.pk}" in " ".join(result.stdout.split())
    world.script = [nothing, prints("one\n"), prints("two\n"), ends()]
    followed = cli("runs", "logs", "-f", world.run.pk)
    assert (followed.exit_code, followed.stdout) == (0, "one\ntwo\n")


def test_the_place_in_the_queue_is_told(world: World, cli: Cli, file: Path) -> None:
    from studium.compute.models import Machine

    Machine.objects.update(draining=True)

    def opens(world: World) -> None:
        Machine.objects.update(draining=False)

    world.script = [nothing, opens, nothing, nothing, ends()]
    result = cli("run", str(file))
    assert result.exit_code == 0
    assert "Place 1 for cpu" in result.stderr


def test_a_server_that_restarts_is_waited_for_quietly(world: World, cli: Cli, file: Path) -> None:
    def goes_down(world: World) -> None:
        world.down = 3

    world.script = [nothing, goes_down, prints("after\n"), ends()]
    result = cli("run", str(file))
    assert result.exit_code == 0, result.output
    assert result.stdout == "after\n"
    assert "does not answer" not in result.stderr


def test_the_first_ctrl_c_stops_the_run_and_says_so(world: World, cli: Cli, file: Path) -> None:
    import os
    import signal

    def interrupts(world: World) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def gives_up(world: World) -> None:
        world.engine.stop(world.run.pk, 0)

    world.script = [nothing, nothing, interrupts, nothing, gives_up]
    result = cli("run", str(file))
    assert result.exit_code == 1
    assert "Stopping the run; what it has computed is kept." in result.stderr
    assert f"POST /rest/runs/{world.run.pk}/stop" in world.requests
    assert f"Stopped by {world.cast.owner.username}" in result.stderr
    assert (file.parent / "churn.executed.ipynb").exists()


def test_the_second_ctrl_c_leaves_it_alone(world: World, cli: Cli, file: Path) -> None:
    import os
    import signal

    def interrupts(world: World) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    world.script = [nothing, nothing, interrupts, nothing, interrupts, nothing]
    result = cli("run", str(file))
    assert result.exit_code == 1
    assert f"studium runs show {world.run.pk}" in " ".join(result.stderr.split())
    assert world.run.state == "stopping"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.ipynb", None, "There is no file"),
        ("text.ipynb", b"import numpy", "is not a notebook"),
        ("list.ipynb", b"[1, 2]", "is JSON but not a notebook"),
        ("deep.ipynb", b"[" * 100_000, "is not a notebook"),
        ("old.ipynb", b'{"nbformat": 1, "nbformat_minor": 0, "worksheets": []}', "nbformat"),
    ],
)
def test_what_cannot_be_run_ends_with_2(
    world: World, cli: Cli, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = cli("run", str(path))
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
    assert not Notebook.objects.exists()


def test_200_megabytes_are_refused_without_being_read(cli: Cli, tmp_path: Path, world: World) -> None:
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as stream:
        stream.truncate(200 * MIB)
    result = cli("run", str(path))
    assert result.exit_code == 2
    assert "200 MiB" in result.stderr
    assert world.requests == []


@pytest.mark.parametrize(
    ("machine", "said"),
    [("H9000", "There is no machine type 'H9000'. Choose one of:"), ("p100", "does not include P100")],
)
def test_machines_that_do_not_exist_or_are_not_in_the_plan(
    world: World, cli: Cli, file: Path, machine: str, said: str
) -> None:
    from studium.lib import clock
    from studium.plans.actions import assign_plan, load_plan
    from studium.plans.rules import PlanRules

    load_plan("small", "Small", "", PlanRules(machine_types=("cpu-*",)), now=clock.now())
    assign_plan(None, world.cast.owner.personal_team, "small", now=clock.now())
    result = cli("run", str(file), "--machine", machine)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not Notebook.objects.exists()


def test_a_machine_type_that_no_machine_here_is_large_enough_for(world: World, cli: Cli, file: Path) -> None:
    MachineType.objects.filter(slug="cpu-large").update(vcpu=5000)
    result = cli("run", str(file), "--machine", "cpu-large")
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert "No machine here is large enough for cpu-large" in said
    assert "Choose one of: cpu-small" in said
    assert not Notebook.objects.exists()


def test_a_time_the_plan_does_not_give_leaves_nothing_behind(world: World, cli: Cli, file: Path) -> None:
    result = cli("run", str(file), "--timeout", "90d")
    assert result.exit_code == 2
    assert "at most" in result.stderr
    assert not Notebook.objects.filter(deleted_at=None).exists()
    assert cli("run", str(file), "--timeout", "soon").exit_code == 2


def test_an_output_that_cannot_be_written(world: World, cli: Cli, file: Path) -> None:
    world.script = [nothing, nothing, ends()]
    result = cli("run", str(file), "--output", str(file.parent / "no" / "where.ipynb"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
