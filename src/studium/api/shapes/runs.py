"""Runs: where they are, why they ended, what they use and cost."""

from datetime import datetime
from typing import Any

from studium.api.shapes.base import Asked, Line, Shape
from studium.api.shapes.machines import Waited
from studium.compute import actions
from studium.compute.models import Run
from studium.compute.states import ENDINGS, Outcome, Reason, State
from studium.compute.waiting import read_wait, wait_words
from studium.lib.units import duration_words, money_words
from studium.notebooks.models import Launch
from studium.notebooks.states import LaunchKind

_STATE_WORDS = {
    State.QUEUED: "In the queue",
    State.ASSIGNED: "A machine is assigned",
    State.STARTING: "Starting",
    State.RUNNING: "Running",
    State.STOPPING: "Saving and stopping",
}

_COUNTS = {
    "cell": "cell",
    "cells": "of",
    "code_cell": "code_cell",
    "code_cells": "code_cells",
    "failed_cells": "failed_cells",
}


class CellError(Shape):
    """The error that ended an execution. `cell` counts all cells from 1, null when no cell was to blame."""

    cell: int | None
    name: str
    message: str


class Progress(Shape):
    """How far an execution is, as the command said of itself: all cells and code cells, counted from 1.

    `error` is what ended it, or the first of `failed_cells` in one that was to keep going.
    """

    cell: int
    cells: int
    code_cell: int
    code_cells: int
    elapsed_seconds: float
    failed_cells: int
    error: CellError | None


class AcceleratorUse(Shape):
    id: str
    utilisation: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None


class Use(Shape):
    """What a run uses now, or used last."""

    cpu_seconds: float
    cpu_cores: float
    memory_bytes: int
    memory_peak_bytes: int
    disk_bytes: int
    disk_total_bytes: int
    accelerators: list[AcceleratorUse]


class RunShape(Shape):
    """One run. `words` says in a sentence where it is or how it ended, `advice` what to do about it.

    `document` is `none`, `partial` (more may follow) or `final`: whether the executed notebook can be downloaded.
    `cell_seconds` is the longest that one of its cells may take, null without a limit; with `keep_going` the cells after
    one that failed are run all the same.
    """

    id: str
    title: str
    team: str
    user: str
    notebook: str
    notebook_name: str
    kind: LaunchKind | None
    machine_type: str
    machine_label: str
    simulated: bool
    machine: str
    state: State
    reason: Reason | None
    outcome: Outcome | None
    words: str
    advice: str
    exit_code: int | None
    submitted_at: datetime
    starting_at: datetime | None
    running_at: datetime | None
    ended_at: datetime | None
    running_seconds: int
    wait: Waited | None
    progress: Progress | None
    usage: Use | None
    max_seconds: int
    cell_seconds: int | None
    keep_going: bool
    time_ends_at: datetime | None
    idle_ends_at: datetime | None
    allowance_ends_at: datetime | None
    active_what: str
    cost_micros: int
    cost: str
    document: str
    url: str


class LogPart(Shape):
    """A part of what a run printed. Ask again from `next_offset` (in bytes); `ended` means that nothing will follow."""

    text: str
    offset: int
    next_offset: int
    ended: bool


class Stop(Asked):
    reason: Line = ""


def run_words(run: Run, *, now: datetime) -> tuple[str, str]:
    """Where the run is or how it ended, and what to do about it."""
    state = State(run.state)
    if state == State.QUEUED:
        return wait_words(read_wait(run.wait), now=now), ""
    if state == State.ENDED:
        ending = ENDINGS[Reason(run.reason)]
        said = run.message.strip() or ending.title
        if not said.lower().startswith(ending.title.lower()):
            said = f"{ending.title}: {said}"
        return (said if said.endswith((".", "!", "?")) else f"{said}."), ending.advice
    return (
        f"{_STATE_WORDS[state]}: {run.stop_message}"
        if state == State.STOPPING and run.stop_message
        else f"{_STATE_WORDS[state]}."
    ), ""


def read_progress(noted: Any) -> Progress | None:
    """Progress as the command wrote it, which may be anything; None if it is not understood."""
    if not isinstance(noted, dict):
        return None
    failed = noted.get("error")
    error = None
    if isinstance(failed, dict):
        said = {name: str(failed.get(name, ""))[:2000] for name in ("name", "message")}
        error = CellError(cell=_whole(failed.get("cell")) or None, **said)
    numbers = {name: _whole(noted.get(known)) for name, known in _COUNTS.items()}
    return Progress(**numbers, elapsed_seconds=_number(noted.get("elapsed")), error=error)


def _whole(value: Any) -> int:
    return max(0, int(_number(value)))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else 0.0


def read_use(noted: dict[str, Any]) -> Use | None:
    return Use.model_validate({"accelerators": [], **noted}) if noted else None


def shape_run(
    run: Run, launch: Launch | None, *, simulated: bool, cost_micros: int, url: str, now: datetime
) -> RunShape:
    """The whole picture of a run at `now`."""
    state, words = State(run.state), run_words(run, now=now)
    live = state == State.RUNNING
    wait = read_wait(run.wait)
    notebook = launch.notebook if launch else None
    return RunShape(
        id=run.pk,
        title=run.title,
        team=run.team.slug,
        user=run.user.username,
        notebook=notebook.pk if notebook else "",
        notebook_name=f"{run.team.slug}/{notebook.slug}" if notebook else "",
        kind=LaunchKind(launch.kind) if launch else None,
        machine_type=run.machine_type_id,
        machine_label=run.machine_type.label,
        simulated=simulated,
        machine=run.machine_id or "",
        state=state,
        reason=Reason(run.reason) if run.reason else None,
        outcome=ENDINGS[Reason(run.reason)].outcome if run.reason else None,
        words=words[0],
        advice=words[1],
        exit_code=run.exit_code,
        submitted_at=run.submitted_at,
        starting_at=run.starting_at,
        running_at=run.running_at,
        ended_at=run.ended_at,
        running_seconds=_running_seconds(run, now),
        wait=Waited(
            place=wait.place,
            expected_at=wait.expected_at,
            at_most_at=wait.at_most_at,
            reason=wait.reason,
            waits_for=wait.waits_for,
            words=words[0],
        )
        if state == State.QUEUED
        else None,
        progress=read_progress(run.progress),
        usage=read_use(run.usage),
        max_seconds=run.max_seconds,
        cell_seconds=launch.cell_seconds if launch else None,
        keep_going=launch.keep_going if launch else False,
        time_ends_at=actions.time_deadline(run) if live else None,
        idle_ends_at=actions.idle_deadline(run) if live else None,
        allowance_ends_at=run.quota_deadline if live else None,
        active_what=run.active_what,
        cost_micros=cost_micros,
        cost=money_words(cost_micros),
        document=_document(run, launch),
        url=url,
    )


def _running_seconds(run: Run, now: datetime) -> int:
    if run.running_at is None:
        return 0
    return max(0, int(((run.ended_at or now) - run.running_at).total_seconds()))


def _document(run: Run, launch: Launch | None) -> str:
    if launch is None or run.running_at is None:
        return "none"
    return "final" if launch.settled_at is not None else "partial"


class EstimateShape(Shape):
    """What a start would mean now. `wait` is null when it would start at once; `refusal` says why it would not at all.

    `allowance_seconds_left` is in device seconds, null when nothing limits it.
    """

    machine_type: str
    machine_label: str
    simulated: bool
    price_micros_hour: int
    max_seconds: int
    max_cost_micros: int
    max_cost: str
    allowance_seconds_left: int | None
    wait: Waited | None
    words: str


def estimate_words(
    label: str, price: int, max_seconds: int, max_cost: int, start: str, *, simulated: bool = False
) -> str:
    """`GPU P100: starts at once, runs at most 9 h 00 min, costs at most $4.05.`"""
    cost = f"costs at most {money_words(max_cost)}" if price else "costs nothing"
    return f"{label}{' (simulated)' if simulated else ''}: {start}, runs at most {duration_words(max_seconds)}, {cost}."
