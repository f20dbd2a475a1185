"""`studium notebooks` for snapshots of the workspace: list, take, put back, give up, delete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client.shapes import Workspace

SnapshotId = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="Its id, as `snapshots` shows it.")]
_ASK_EVERY = 0.5


def register(notebooks: typer.Typer) -> None:
    """Put the commands beside those of notebooks."""
    for name, command in (
        ("snapshots", snapshots),
        ("snapshot", snapshot),
        ("put-back", put_back),
        ("leave-as-is", leave),
        ("forget", forget),
    ):
        notebooks.command(name)(command)


def snapshots(name: Name, as_json: JsonFlag = False) -> None:
    """List the snapshots of a notebook's workspace, newest first."""
    with server() as client:
        found = client.notebooks.snapshots.all(client.notebooks.find(name).id)
    _told(found, as_json)


def _told(found: Workspace, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.id,
            "being put back" if each.id == found.restoring else each.state,
            size_words(each.size_bytes),
            output.ago(each.created_at),
            each.created_by or "platform",
            each.note,
        )
        for each in found.snapshots
    ]
    nothing = f"No snapshots: studium notebooks snapshot {found.notebook}"
    output.table(["!id", "state", ">size", "asked", "by", "note"], rows, nothing)
    if found.trouble:
        output.note(found.trouble)


def snapshot(
    name: Name,
    note: Annotated[str, typer.Option("--note", help="What it is.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is taken.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Keep what is in a notebook's workspace now; a session goes on meanwhile."""
    with server() as client:
        notebook = client.notebooks.find(name)
        made = client.notebooks.snapshots.take(notebook.id, note)
        while wait and made.state == "waiting":
            time.sleep(_ASK_EVERY)
            rows = client.notebooks.snapshots.all(notebook.id).snapshots
            made = next((each for each in rows if each.id == made.id), made)
    if made.state == "failed":
        raise fail(made.trouble, f"`studium notebooks snapshots {notebook.name}` shows those there are.")
    if as_json:
        output.show_json(made)
        return
    output.say(
        f"{made.id}: {size_words(made.size_bytes)} kept." if made.state == "ready" else f"{made.id} is being taken."
    )


def put_back(
    name: Name,
    snapshot: SnapshotId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Put a snapshot back once no run has the workspace. What is in it then is kept as a snapshot first."""
    with server() as client:
        notebook = client.notebooks.find(name)
        if not yes and not output.ask(f"Replace the workspace and the document of {notebook.name}?"):
            raise fail("Nothing was put back.", "Say yes, or use --yes.")
        found = client.notebooks.snapshots.put_back(notebook.id, snapshot)
    _told(found, as_json)


def leave(name: Name, as_json: JsonFlag = False) -> None:
    """Leave a workspace as it is where a snapshot waits to be put back."""
    with server() as client:
        found = client.notebooks.snapshots.cancel(client.notebooks.find(name).id)
    _told(found, as_json)


def forget(name: Name, snapshot: SnapshotId, as_json: JsonFlag = False) -> None:
    """Delete a snapshot of a notebook's workspace."""
    with server() as client:
        client.notebooks.snapshots.forget(client.notebooks.find(name).id, snapshot)
    if as_json:
        output.show_json({"deleted": snapshot})
        return
    output.say(f"{snapshot} is deleted.")
