"""`studium notebooks` for versions: save, run, list, compare, restore, copy. Files to and from here are in `exchange`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import differences, exchange, output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.machines import TeamOption
from studium.cli.notebooks import Name, duration
from studium.cli.output import JsonFlag
from studium.cli.run import CellTimeout, KeepGoing, failure_words, finished_words, follow
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Notebook, Run, Version

NoteOption = Annotated[str, typer.Option("--note", help="What to remember of it.")]
Number = Annotated[str, typer.Argument(help="The version's number.", show_default=False)]


def register(notebooks: typer.Typer) -> None:
    """Put the commands beside those of notebooks."""
    for name, command in (
        ("versions", versions),
        ("save", save),
        ("run", run),
        ("push", exchange.push),
        ("pull", exchange.pull),
        ("files", exchange.list_files),
        ("diff", diff),
        ("restore", restore),
        ("pin", pin),
        ("unpin", unpin),
        ("fork", fork),
    ):
        notebooks.command(name)(command)


def _state(version: Version) -> str:
    """`complete`, or for a run that goes on where it is; one that somebody stopped has not failed."""
    if version.run and version.run.reason == "cancelled":
        return "stopped"
    return "saved" if version.kind == "quick" else version.state


def versions(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List versions of a notebook, newest first."""
    with server() as client:
        found = list(islice(client.notebooks.versions.all(client.notebooks.find(name).id), limit))
    if as_json:
        output.show_json(found)
        return
    rows = []
    for each in found:
        machine = f"{each.machine_label} (simulated)" if each.simulated else each.machine_label
        files = f"{each.files_count}, {size_words(each.files_bytes)}" if each.files_count else ""
        note = f"[pinned] {each.note}" if each.pinned else each.note
        rows.append((each.number, _state(each), machine, files, note, output.ago(each.created_at)))
    columns = [">version", "!state", "machine", "files", "note", "!saved"]
    output.table(columns, rows, f"No versions. Save one: `studium notebooks save {name}`.")


def save(name: Name, note: NoteOption = "", as_json: JsonFlag = False) -> None:
    """Save a version of the notebook as it is."""
    with server() as client:
        notebook = client.notebooks.find(name)
        made = client.notebooks.versions.save(notebook.id, note)
    _told(made, as_json, f"Saved version {made.number} of {notebook.name}.")


def _told(made: Version | Notebook, as_json: bool, words: str) -> None:
    if as_json:
        output.show_json(made)
    else:
        output.say(words)


def run(
    name: Name,
    machine: Annotated[str, typer.Option("--machine", "-m", help="The machine type; the last one when left out.")] = "",
    note: NoteOption = "",
    timeout: Annotated[
        str, typer.Option(help="Stop it after this long, as 90min; the plan's limit when left out.")
    ] = "",
    cell_timeout: CellTimeout = "",
    keep_going: KeepGoing = False,
    version: Annotated[str, typer.Option(help="Run this version again exactly, in the environment it had.")] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start it and return at once.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save a version and run all of it in a fresh workspace, beside whatever else runs.

    Ends with 0 when every cell ran, 1 when one failed or the run was stopped, 2 for what cannot be run.
    """
    seconds, cell_seconds = (duration(text) if text else None for text in (timeout, cell_timeout))
    again = exchange.numbered(version) if version else None
    if again is not None and (cell_seconds or keep_going):
        raise fail(
            "A version that is run again keeps its options.", "Leave out --cell-timeout and --keep-going, or --version."
        )
    with server() as client:
        notebook = client.notebooks.find(name)
        output.note(_estimate(client, notebook, again, machine, seconds))
        all_versions = client.notebooks.versions
        if again is None:
            made = all_versions.run(
                notebook.id,
                machine=machine,
                note=note,
                max_seconds=seconds,
                cell_seconds=cell_seconds,
                keep_going=keep_going,
            )
        else:
            made = all_versions.run_again(notebook.id, again, machine=machine, note=note, max_seconds=seconds)
        if made.run is None or no_wait:
            _told(made, as_json, _started_words(notebook, made))
            return
        output.note(f"Version {made.number} of {notebook.name}.")
        ended = follow(client, made.run, quiet=as_json)
        made = all_versions.get(notebook.id, made.number)
    _conclude(notebook, made, ended, as_json)


def _estimate(client: Client, notebook: Notebook, again: int | None, machine: str, seconds: int | None) -> str:
    """When it would start and what it would cost at most, on the machine type that it will be run on."""
    if again is not None and not machine:
        before = client.notebooks.versions.get(notebook.id, again).run
        machine = before.machine_type if before else ""
    return client.notebooks.estimate(notebook.id, machine, kind="execution", max_seconds=seconds).words


def _started_words(notebook: Notebook, made: Version) -> str:
    how = f" Follow it: studium runs logs -f {made.run.id}" if made.run else ""
    return f"Started version {made.number} of {notebook.name}.{how}"


def _conclude(notebook: Notebook, made: Version, ended: Run, as_json: bool) -> None:
    if as_json:
        output.show_json(made)
    else:
        if ended.outcome == "good":
            output.note(finished_words(ended))
        output.note(_how_to_get(notebook, made))
    if made.fault:
        output.note(made.fault)
    if ended.outcome != "good":
        raise fail(failure_words(ended), ended.advice, Exit.RUN_FAILED)


def _how_to_get(notebook: Notebook, made: Version) -> str:
    command = f"studium notebooks pull {notebook.name} --version {made.number}"
    if not made.files_count:
        return f"Get it: {command}"
    files = "1 file" if made.files_count == 1 else f"{made.files_count} files"
    return f"Get it with its {files} ({size_words(made.files_bytes)}): {command} --files DIR"


def diff(
    name: Name,
    left: Annotated[str, typer.Argument(help="The number of the version before.", show_default=False)],
    right: Annotated[str, typer.Argument(help="The number of the version after.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Show what changed from one version to another, cell by cell."""
    before, after = exchange.numbered(left), exchange.numbered(right)
    with server() as client:
        found = client.notebooks.versions.compare(client.notebooks.find(name).id, before, after)
    if as_json:
        output.show_json(found)
        return
    differences.show(found, before, after)


def restore(name: Name, number: Number, as_json: JsonFlag = False) -> None:
    """Make a version's document the notebook's. What it replaces is saved as a version first."""
    with server() as client:
        notebook = client.notebooks.find(name)
        wanted = exchange.numbered(number)
        restored = client.notebooks.versions.restore(notebook.id, wanted)
    _told(restored, as_json, f"{notebook.name} is version {wanted} again.")


def pin(name: Name, number: Number, as_json: JsonFlag = False) -> None:
    """Pin a version, so that every clean-up keeps it."""
    _pinned(name, number, True, as_json)


def unpin(name: Name, number: Number, as_json: JsonFlag = False) -> None:
    """Let clean-ups treat a version like any other."""
    _pinned(name, number, False, as_json)


def _pinned(name: str, number: str, pinned: bool, as_json: bool) -> None:
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.versions.update(notebook.id, exchange.numbered(number), pinned=pinned)
    _told(found, as_json, f"Version {found.number} of {notebook.name} is {'pinned' if pinned else 'not pinned'}.")


def fork(
    name: Name,
    team: TeamOption = "",
    project: Annotated[str, typer.Option(help="The project in the team.")] = "main",
    version: Annotated[str, typer.Option(help="Copy this version; the document as it is when left out.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Copy a notebook that you may read into one of your own."""
    number = exchange.numbered(version) if version else None
    with server() as client:
        notebook = client.notebooks.find(name)
        made = client.notebooks.fork(notebook.id, team=team, project=project, version=number)
        missing = _left_out(client, notebook, number, made)
    if missing:
        output.note(f"Not yours to read, so the copy is without: {', '.join(missing)}.")
    _told(made, as_json, f"Copied {notebook.name} to {made.name}. Start it: studium notebooks start {made.name}")


def _left_out(client: Client, notebook: Notebook, number: int | None, made: Notebook) -> list[str]:
    """Inputs that a copy did not get."""
    inputs = client.notebooks.inputs
    had = [row.name for row in (inputs.of_version(notebook.id, number) if number else inputs.of(notebook.id))]
    kept = {row.name for row in inputs.of(made.id)} if had else set()
    return [name for name in had if name not in kept]
