"""`studium run`: execute a notebook file on a machine of the server and write the result beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import files, output
from studium.cli.context import server
from studium.cli.displays import display_for
from studium.cli.failing import Exit, fail
from studium.cli.following import Follower, Interrupts, settled
from studium.cli.notebooks import duration
from studium.cli.output import JsonFlag
from studium.client import ApiError
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Me, Notebook, Run


CellTimeout = Annotated[
    str, typer.Option("--cell-timeout", help="The longest that one cell may take, as 10min; then it has failed.")
]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Run the cells after one that failed; the run has failed all the same.")
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked on the command line."""

    file: Path
    content: bytes
    machine: str
    team: str
    project: str
    title: str
    internet: bool
    max_seconds: int | None
    cell_seconds: int | None
    keep_going: bool
    output: Path
    as_json: bool


def run(
    file: Annotated[Path, typer.Argument(help="The notebook, a .ipynb file.", show_default=False)],
    machine: Annotated[str, typer.Option("--machine", "-m", help="The machine type; see `studium machines`.")] = "",
    team: Annotated[str, typer.Option(help="The team that runs and pays; your own when left out.")] = "",
    project: Annotated[str, typer.Option(help="The project in the team.")] = "main",
    title: Annotated[str, typer.Option(help="The notebook's title on the server; the file's name when left out.")] = "",
    internet: Annotated[bool, typer.Option("--internet", help="Let the run reach the internet.")] = False,
    timeout: Annotated[
        str, typer.Option(help="Stop it after this long, as 90min; the plan's limit when left out.")
    ] = "",
    cell_timeout: CellTimeout = "",
    keep_going: KeepGoing = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Start it and return at once.")] = False,
    to: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write the executed notebook; NAME.executed.ipynb when left out."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a notebook from the first cell to the last and write it with its outputs.

    Ends with 0 when every cell ran, 1 when one failed or the run was stopped, 2 for what cannot be run.
    """
    asked = Asked(
        file=file,
        content=files.read_notebook(file),
        machine=machine,
        team=team,
        project=project,
        title=title or file.name.removesuffix(".ipynb"),
        internet=internet,
        max_seconds=duration(timeout) if timeout else None,
        cell_seconds=duration(cell_timeout) if cell_timeout else None,
        keep_going=keep_going,
        output=to or file.with_name(f"{file.name.removesuffix('.ipynb')}.executed.ipynb"),
        as_json=as_json,
    )
    with server() as client:
        started = _start(client, asked)
        if detach:
            _detached(started, asked)
            return
        ended = follow(client, started, quiet=as_json)
        written = _write(client, ended, asked)
    _conclude(ended, written, asked)


def _start(client: Client, asked: Asked) -> Run:
    """Upload and queue. What is refused leaves nothing behind that was not there before."""
    me = client.me()
    if len(asked.content) > me.largest_notebook_bytes:
        raise fail(
            f"{asked.file} has {size_words(len(asked.content))}; this server takes {size_words(me.largest_notebook_bytes)}.",
            "Clear its outputs, and keep data in files beside it.",
        )
    _check_machine(client, asked)
    notebook, made = _upload(client, me, asked)
    if notebook.upgrade:
        output.note(notebook.upgrade)
    try:
        estimate = client.notebooks.estimate(
            notebook.id, asked.machine, kind="execution", max_seconds=asked.max_seconds
        )
        output.note(estimate.words)
        return client.notebooks.start(
            notebook.id,
            kind="execution",
            machine=asked.machine,
            max_seconds=asked.max_seconds,
            cell_seconds=asked.cell_seconds,
            keep_going=asked.keep_going,
        )
    except ApiError:
        if made:
            client.notebooks.delete(notebook.id)
        raise


def _check_machine(client: Client, asked: Asked) -> None:
    """Refuse a machine type that does not exist or is not in the plan before anything is uploaded."""
    if not asked.machine:
        return
    known = client.machine_types(asked.team)
    wanted = asked.machine.lower()
    found = next((kind for kind in known if wanted in (kind.slug, kind.label.lower())), None)
    if found is None:
        allowed = [kind for kind in known if kind.allowed]
        names = ", ".join(kind.slug for kind in [kind for kind in allowed if kind.total] or allowed) or "none"
        raise fail(f"There is no machine type {asked.machine!r}.", f"Choose one of: {names}.")
    if found.refusal is not None:
        raise fail(found.refusal.message, found.refusal.next_step)
    there = [kind.slug for kind in known if kind.allowed and kind.total]
    if not found.total and there:
        raise fail(
            f"No machine here is large enough for {found.slug}, so it would wait until somebody adds one.",
            f"Choose one of: {', '.join(there)}.",
        )


def _upload(client: Client, me: Me, asked: Asked) -> tuple[Notebook, bool]:
    """The notebook of that title with the file's content, and whether it is new."""
    team = asked.team or me.team
    rows = client.notebooks.page(team=team, project=asked.project, title=asked.title, limit=50).items
    old = next((row for row in rows if row.may_change), None)
    if old is None:
        made = client.notebooks.create(
            asked.title, content=asked.content, team=team, project=asked.project, internet=asked.internet
        )
        return made, True
    notebook = client.notebooks.replace(old.id, asked.content)
    if notebook.internet != asked.internet:
        notebook = client.notebooks.update(old.id, internet=asked.internet)
    return notebook, False


def _detached(run: Run, asked: Asked) -> None:
    if asked.as_json:
        output.show_json({"run": run, "output": None})
        return
    output.say(f"Started run {run.id}. Follow it: studium runs logs -f {run.id}")


def follow(client: Client, started: Run, *, quiet: bool) -> Run:
    """The run once it has ended and its results are kept. `quiet` leaves standard output to a JSON document."""
    interrupts = Interrupts()
    try:
        with interrupts.watched(), display_for(quiet=quiet) as display:
            return settled(client, Follower(client, display, interrupts).follow(started))
    except KeyboardInterrupt:
        raise fail(
            f"Left run {started.id} alone.", f"See how it went: studium runs show {started.id}", Exit.RUN_FAILED
        ) from None


def _write(client: Client, ended: Run, asked: Asked) -> Path | None:
    """Write the notebook with the outputs it has, also those of a run that failed on the way."""
    if ended.document == "none":
        return None
    files.write_whole(asked.output, client.runs.document(ended.id))
    return asked.output


def _conclude(ended: Run, written: Path | None, asked: Asked) -> None:
    if asked.as_json:
        output.show_json({"run": ended, "output": str(written) if written else None})
    else:
        output.note(_summary(ended, written))
    if ended.outcome != "good":
        raise fail(failure_words(ended), ended.advice, Exit.RUN_FAILED)


def _summary(ended: Run, written: Path | None) -> str:
    words = []
    if ended.outcome == "good":
        words.append(finished_words(ended))
    words.append(f"Wrote {written}." if written else "It never ran, so nothing was written.")
    return " ".join(words)


def finished_words(ended: Run) -> str:
    """`Finished: 12 cells in 41 s, $0.01.`"""
    count = ended.progress.cells if ended.progress else 0
    cells = f"{count} cell{'s' if count != 1 else ''}" if ended.progress else "All cells"
    return f"Finished: {cells} in {duration_words(ended.running_seconds)}, {ended.cost}."


def failure_words(ended: Run) -> str:
    """`Cell 7 failed: ValueError: no such column`, or how else it ended."""
    error = ended.progress.error if ended.progress else None
    if ended.reason == "failed" and error is not None and not ended.keep_going:
        place = f"Cell {error.cell} failed" if error.cell else "It failed"
        return f"{place}: {error.name}: {error.message}"
    return ended.words
