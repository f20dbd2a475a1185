"""`studium runs`: how runs go, what they print, stopping them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output, watched
from studium.cli.context import server
from studium.cli.displays import display_for, progress_words
from studium.cli.failing import Exit, fail
from studium.cli.following import Follower, Interrupts
from studium.cli.groups import group
from studium.cli.notebook_words import run_line
from studium.cli.output import JsonFlag
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Run

app = group("See and stop runs.")
RunId = Annotated[str, typer.Argument(help="The run's id.", show_default=False)]


def show_table(runs: list[Run], *, people: bool = False) -> None:
    """Runs as a table; with the people who started them for those who may see everybody's."""
    columns = ["!run", "title", "!machine", "state", "!started"]
    rows = []
    for run in runs:
        state = run.words if run.ended or run.state == "queued" else run.state
        title = f"{run.title} ({run.user})" if people else run.title
        simulated = " (simulated)" if run.simulated else ""
        rows.append((run.id, title, run.machine_type + simulated, state, output.ago(run.submitted_at)))
    output.table(columns, rows, "No runs.")


def options_words(run: Run) -> str:
    """`at most 10 min a cell, goes on after errors`; empty where a run has no options."""
    words = [f"at most {duration_words(run.cell_seconds)} a cell"] if run.cell_seconds else []
    return ", ".join([*words, "goes on after errors"] if run.keep_going else words)


@app.command("list")
def list_runs(
    team: Annotated[str, typer.Option(help="Only this team's.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Only those that have not ended.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Only those you started.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List runs, newest first."""
    with server() as client:
        found = client.runs.page(team=team, state="live" if live else "", mine=mine, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    show_table(found)


@app.command("show")
def show(run_id: RunId, as_json: JsonFlag = False) -> None:
    """Show one run."""
    with server() as client:
        run = client.runs.get(run_id)
    if as_json:
        output.show_json(run)
        return
    simulated = " (simulated)" if run.simulated else ""
    output.facts(
        [
            ("run", f"{run.id}: {run.title}"),
            ("state", run.words),
            ("next", run.advice),
            ("notebook", run.notebook_name),
            ("machine", f"{run.machine_label}{simulated}"),
            ("by", f"{run.user} in {run.team}, {output.ago(run.submitted_at)}"),
            ("progress", progress_words(run) if run.running_at else ""),
            ("memory peak", size_words(run.usage.memory_peak_bytes) if run.usage else ""),
            ("ran", duration_words(run.running_seconds) if run.running_at else ""),
            ("cost", run.cost if run.running_at else ""),
            ("options", options_words(run)),
            ("ends", output.until(run.time_ends_at)),
            ("idle end", output.until(run.idle_ends_at)),
            ("allowance end", output.until(run.allowance_ends_at)),
            ("page", run.url),
        ]
    )


@app.command("logs")
def logs(
    run_id: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    search: Annotated[str, typer.Option("--search", "-s", help="Only lines that have this text, in any case.")] = "",
    context: Annotated[
        int, typer.Option("--context", "-C", min=0, max=10, help="Lines shown before and after a line that was found.")
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Print what a run printed, or the lines of it that have a text."""
    if search and follow:
        raise fail("--search looks at what is there, and --follow waits for more.", "Leave one of them out.")
    with server() as client:
        if search:
            watched.search(client, run_id, search, context=context, as_json=as_json)
            return
        if follow and not as_json:
            _follow(client, run_id)
            return
        text, ended = _whole(client, run_id, follow)
    if as_json:
        output.show_json({"run": run_id, "text": text, "ended": ended})
        return
    sys.stdout.write(output.printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def _follow(client: Client, run_id: str) -> None:
    """Here Ctrl-C only ends the watching."""
    with display_for(quiet=False) as display:
        try:
            Follower(client, display, Interrupts()).follow(client.runs.get(run_id))
        except KeyboardInterrupt:
            raise fail(f"Run {run_id} goes on.", f"Stop it: studium runs stop {run_id}", Exit.GOOD) from None


def _whole(client: Client, run_id: str, follow: bool) -> tuple[str, bool]:
    if follow:
        Follower(client, _Silent(), Interrupts(), log=False).follow(client.runs.get(run_id))
    parts, offset = [], 0
    while True:
        part = client.runs.log(run_id, offset)
        parts.append(part.text)
        if part.next_offset == offset:
            return "".join(parts), part.ended
        offset = part.next_offset


class _Silent:
    """A display that shows nothing."""

    def show(self, run: Run) -> None:
        pass

    def text(self, text: str) -> None:
        pass

    def remark(self, text: str) -> None:
        pass


@app.command("use")
def use(run_id: RunId, as_json: JsonFlag = False) -> None:
    """Show what a run used over its life: CPU, memory, workspace, accelerators."""
    with server() as client:
        found = client.runs.use(run_id)
    if as_json:
        output.show_json(found)
        return
    watched.show_use(found)


@app.command("stop")
def stop(
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="Told to the run's owner.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Save and stop a run; a queued one leaves the queue."""
    with server() as client:
        run = client.runs.stop(run_id, reason)
    if as_json:
        output.show_json(run)
        return
    output.say(run_line(run))
