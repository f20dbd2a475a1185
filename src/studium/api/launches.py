"""What is done with a notebook's machine: estimate, start, stop, extend, change, open."""

from typing import Annotated

from ninja import Query, Router, Status

from studium.accounts.actions import TICKET_LIFE, make_ticket
from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.present import show_notebook, show_run
from studium.api.shapes.base import Line
from studium.api.shapes.machines import Waited
from studium.api.shapes.notebooks import Extension, MachineChange, NotebookShape, Opened, Start
from studium.api.shapes.runs import EstimateShape, RunShape, estimate_words
from studium.compute import actions as compute
from studium.compute.estimates import Estimate, estimate
from studium.compute.models import Run
from studium.compute.queries import simulated_kinds
from studium.compute.states import State
from studium.compute.waiting import start_words, wait_words
from studium.errors import NotYet
from studium.lib import clock
from studium.lib.units import money_words
from studium.notebooks import actions
from studium.notebooks.access import notebook_for
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind

router = Router(tags=["notebooks"])


@router.get(
    "/{notebook_id}/estimate", response=EstimateShape, auth=allow(Scope.READ), summary="What a start would mean"
)
def estimated(
    request: ApiRequest,
    notebook_id: str,
    machine: Annotated[Line, Query("", description="The type used last when left out.")] = "",
    kind: LaunchKind = LaunchKind.SESSION,
    max_seconds: Annotated[int | None, Query(None, ge=60, le=366 * 86400)] = None,
) -> EstimateShape:
    """How long it may run, what it costs at most and when it would start. Refused exactly where starting would be."""
    now, user = clock.now(), request.auth.user
    notebook = notebook_for(user, notebook_id, change=True)
    machine_type = compute.find_machine_type(machine or notebook.machine_type or "cpu-small")
    found = estimate(
        user, notebook.team, machine_type, now=now, interactive=kind == LaunchKind.SESSION, max_seconds=max_seconds
    )
    start = "starts at once" if found.wait is None else f"waits, {start_words(found.wait, now=now)}"
    simulated = machine_type.accelerator_kind in simulated_kinds()
    words = estimate_words(
        machine_type.label,
        machine_type.price_micros_hour,
        found.max_seconds,
        found.max_cost_micros,
        start,
        simulated=simulated,
    )
    waits = None if found.wait is None else wait_words(found.wait, now=now)
    return _shape(found, words, waits, simulated=simulated)


def _shape(found: Estimate, words: str, waits: str | None, *, simulated: bool) -> EstimateShape:
    kind, wait = found.kind, found.wait
    return EstimateShape(
        machine_type=kind.slug,
        machine_label=kind.label,
        simulated=simulated,
        price_micros_hour=kind.price_micros_hour,
        max_seconds=found.max_seconds,
        max_cost_micros=found.max_cost_micros,
        max_cost=money_words(found.max_cost_micros),
        allowance_seconds_left=found.seconds_left,
        words=words,
        wait=None
        if wait is None
        else Waited(
            place=wait.place,
            expected_at=wait.expected_at,
            at_most_at=wait.at_most_at,
            reason=wait.reason,
            waits_for=wait.waits_for,
            words=waits or "",
        ),
    )


@router.post(
    "/{notebook_id}/start", response={201: RunShape}, auth=allow(Scope.WRITE), summary="Start a session or an execution"
)
def start(request: ApiRequest, notebook_id: str, body: Start) -> Status[RunShape]:
    """Put a run in the queue: a `session` serves JupyterLab, an `execution` runs all cells and ends."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    run = actions.start(
        user, notebook, body.kind, body.machine, now=now, max_seconds=body.max_seconds, options=body.options
    )
    return Status(201, show_run(run, now=now))


@router.post("/{notebook_id}/stop", response=NotebookShape, auth=allow(Scope.WRITE), summary="Stop what runs")
def stop(request: ApiRequest, notebook_id: str) -> NotebookShape:
    """Save and stop the session or execution. Nothing happens when there is none."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    run = actions.live_run(notebook)
    if run is not None:
        compute.stop_run(user, run, now=now)
    return show_notebook(user, notebook, now=now)


@router.post("/{notebook_id}/extend", response=RunShape, auth=allow(Scope.WRITE), summary="Give a session more time")
def extend(request: ApiRequest, notebook_id: str, body: Extension) -> RunShape:
    """More time, up to the plan's session length from now; also counts as activity."""
    user, now = request.auth.user, clock.now()
    run = _live(notebook_for(user, notebook_id, change=True))
    return show_run(compute.extend_run(user, run, now=now, seconds=body.seconds), now=now)


@router.post(
    "/{notebook_id}/change-machine",
    response=RunShape,
    auth=allow(Scope.WRITE),
    summary="Go on with another machine type",
)
def change_machine(request: ApiRequest, notebook_id: str, body: MachineChange) -> RunShape:
    """Save, stop and start again on another type with the same workspace. Gives the run that ends, or the new one."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    return show_run(actions.change_machine(user, notebook, body.machine, now=now), now=now)


@router.post("/{notebook_id}/open", response=Opened, auth=allow(Scope.WRITE), summary="Get a way into JupyterLab")
def open_session(request: ApiRequest, notebook_id: str) -> Opened:
    """A one-time address of the running session, for the browser of the person who asked."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    run = _live(notebook)
    if State(run.state) != State.RUNNING or not run.interactive:
        raise NotYet(
            "notebook.not_open",
            "The session is not running yet.",
            "Wait until its run is `running`, then open it.",
            {"state": run.state},
        )
    session = "" if request.auth.token else request.session.session_key or ""
    ticket = make_ticket(user, notebook.label, "/", now=now, session=session)
    return Opened(url=addresses.entrance(notebook.label, ticket), expires_at=now + TICKET_LIFE)


def _live(notebook: Notebook) -> Run:
    run = actions.live_run(notebook)
    if run is None:
        raise NotYet(
            "notebook.not_running",
            "Nothing runs for this notebook.",
            f"Start it: `studium notebooks start {notebook.team.slug}/{notebook.slug}`.",
        )
    return run
