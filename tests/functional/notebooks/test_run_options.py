"""Options of runs of all cells: given to the run, recorded with it, repeated by running again; and how such runs end."""

from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast
from studium.compute.engines.base import Cause, Observation, Phase
from studium.compute.models import Run
from studium.compute.reconcile.ending import reason_of
from studium.compute.states import State
from studium.errors import BadInput
from studium.notebooks import actions as notebooks
from studium.notebooks.models import Launch, Notebook, Schedule, Version
from studium.notebooks.schedules import actions as schedules
from studium.notebooks.schedules import reconcile
from studium.notebooks.schedules.actions import Wanted
from studium.notebooks.states import LaunchKind, RunOptions
from studium.notebooks.versions import actions

pytestmark = pytest.mark.django_db
BOTH = RunOptions(cell_seconds=90, keep_going=True)


def command(run: Run | None) -> list[str]:
    assert run is not None
    return [word for word in run.spec["command"] if word.startswith("--")]


def test_options_reach_the_command_and_are_recorded(cast: Cast, notebook: Notebook) -> None:
    plain = actions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW)
    version = actions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW, options=BOTH)
    run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW, options=BOTH)
    assert command(plain.run) == ["--"]
    assert command(version.run) == command(run) == ["--cell-seconds=90", "--keep-going", "--"]
    assert [launch.options for launch in Launch.objects.order_by("run__submitted_at", "pk")].count(BOTH) == 2


def test_running_again_repeats_the_options(cast: Cast, notebook: Notebook) -> None:
    first = actions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW, options=BOTH)
    again = actions.save_and_run(cast.owner, notebook, "", now=NOW, again=first)
    assert again.run is not None
    assert (again.run.launch.options, command(again.run)) == (BOTH, command(first.run))
    quick = actions.save_quick(cast.owner, notebook, now=NOW)
    assert command(actions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW, again=quick).run) == ["--"]


@pytest.mark.parametrize("seconds", [0, -1, 367 * 86400])
def test_a_limit_that_is_none_is_refused(cast: Cast, notebook: Notebook, seconds: int) -> None:
    with pytest.raises(BadInput) as refused:
        actions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW, options=RunOptions(cell_seconds=seconds))
    assert refused.value.code == "run.cell_seconds"
    assert not Version.objects.exists()


@pytest.mark.parametrize("options", [RunOptions(cell_seconds=5), RunOptions(keep_going=True)])
def test_a_session_has_no_options(cast: Cast, notebook: Notebook, options: RunOptions) -> None:
    with pytest.raises(BadInput):
        notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW, options=options)
    assert not Run.objects.exists()


def test_a_schedule_runs_with_its_options(cast: Cast, notebook: Notebook, world: World) -> None:
    wanted = Wanted(cron="0 * * * *", machine="cpu-small", cell_seconds=90, keep_going=True)
    made = schedules.create_schedule(cast.owner, notebook, wanted, now=NOW)
    due = NOW + timedelta(hours=1)
    reconcile.note_due(due)
    assert reconcile.start_due(due) == 1
    version = Version.objects.select_related("run__launch").get()
    assert version.run is not None
    assert version.run.launch.options == BOTH
    schedules.change_schedule(cast.owner, made, Wanted(cron="0 * * * *", machine="cpu-small"), now=due)
    assert Schedule.objects.get().options == RunOptions()
    with pytest.raises(BadInput):
        schedules.create_schedule(cast.owner, notebook, Wanted(cron="0 * * * *", cell_seconds=0), now=NOW)


ERROR = {"cell": 4, "name": "ValueError", "message": "no such column"}
WORDS = "Cell 4 failed: ValueError: no such column"
ENDS = [
    ({"error": ERROR, "failed_cells": 1}, WORDS),
    ({"error": ERROR, "failed_cells": 1, "through": True}, f"{WORDS} (it went on: all other cells were run)"),
    ({"error": ERROR, "failed_cells": 2, "through": True}, f"{WORDS} (it went on: 1 cell after it failed too)"),
    ({"error": ERROR, "failed_cells": 3}, f"{WORDS} (it went on: 2 cells before it failed too)"),
    ({"error": ERROR, "failed_cells": "many", "through": "yes"}, WORDS),
    ({"error": ERROR, "failed_cells": 10**12}, WORDS),
    ({"error": "no object"}, "The command ended with exit code 1."),
]


@pytest.mark.parametrize(("progress", "words"), ENDS)
def test_how_a_run_that_went_on_ends_in_words(
    cast: Cast, notebook: Notebook, world: World, progress: dict[str, object], words: str
) -> None:
    run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW, options=BOTH)
    seen = Observation(phase=Phase.ENDED, exit_code=1, cause=Cause.EXIT, progress=progress)
    assert reason_of(run, seen) == ("failed", words)
    world.until(run, State.RUNNING)
