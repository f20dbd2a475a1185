"""`studium volumes`: what the runs of a team's members share at /storage, and snapshots of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag
from studium.lib.units import parse_size, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Snapshot, Volume

app = group("Volumes: what the runs of a team's members share at /storage, and snapshots of it.")
Team = Annotated[str, typer.Argument(metavar="[TEAM]", help="The team; your own when left out.", show_default=False)]
Size = Annotated[str, typer.Option("--size", help="As 500MiB or 20GiB; all of it counts against the plan.")]
SnapshotId = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="Its id, as `snapshots` shows it.")]
OfTeam = Annotated[str, typer.Option("--team", help="The team; your own when left out.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_ASK_EVERY = 0.5


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise fail(f"{text!r} is not a size.", "Write it as 500MiB or 20GiB.") from None


def _team(client: Client, team: str) -> str:
    return team or client.me().team


@app.command("list")
def list_volumes(as_json: JsonFlag = False) -> None:
    """List the volumes of your teams."""
    with server() as client:
        found = client.volumes.all()
    if as_json:
        output.show_json(found)
        return
    rows = [(each.team, size_words(each.made_bytes), size_words(each.used_bytes), _state(each)) for each in found]
    output.table(
        ["!team", ">size", ">used", "state"], rows, "No volumes. Make one: studium volumes create --size 20GiB"
    )


def _state(volume: Volume) -> str:
    if volume.deleting:
        return "being deleted"
    if volume.restoring:
        return "a snapshot is put back"
    if volume.size_bytes < volume.made_bytes:
        return f"made smaller, to {size_words(volume.size_bytes)}"
    return f"made larger, to {size_words(volume.size_bytes)}" if volume.size_bytes > volume.made_bytes else "there"


@app.command("show")
def show(team: Team = "", as_json: JsonFlag = False) -> None:
    """Show a team's volume: size, use, what it waits for, and which runs have it."""
    with server() as client:
        found = client.volumes.get(_team(client, team))
    _told(found, as_json)


def _told(found: Volume, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    pairs: list[tuple[str, object]] = [
        ("team", found.team),
        ("path", found.path),
        ("size", size_words(found.made_bytes)),
        ("used", f"{size_words(found.used_bytes)}, measured {output.ago(found.measured_at)}"),
        ("state", _state(found)),
    ]
    output.facts([*pairs, *([("trouble", found.trouble)] if found.trouble else [])])
    if found.holders:
        rows = [(each.run, each.title or "private", each.user) for each in found.holders]
        output.table(["!run", "title", "user"], rows, "")


@app.command("create")
def create(size: Size, team: Team = "", as_json: JsonFlag = False) -> None:
    """Give a team a volume. Runs of its members that start from now on have it at /storage."""
    with server() as client:
        made = client.volumes.create(_team(client, team), _size(size))
    _told(made, as_json)


@app.command("resize")
def resize(size: Size, team: Team = "", as_json: JsonFlag = False) -> None:
    """Make a volume larger, at once, or smaller, once no run has it."""
    with server() as client:
        found = client.volumes.resize(_team(client, team), _size(size))
    _told(found, as_json)


@app.command("cancel")
def cancel(team: Team = "", as_json: JsonFlag = False) -> None:
    """Give up a smaller size, or a snapshot to be put back, that waits for runs to end."""
    with server() as client:
        found = client.volumes.cancel(_team(client, team))
    _told(found, as_json)


@app.command("delete")
def delete(team: Team = "", yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Delete a volume with all its files and snapshots, once no run has it."""
    with server() as client:
        name = _team(client, team)
        if not yes and not output.ask(f"Delete the volume of {name} with all its files and snapshots?"):
            raise typer.Exit(1)
        client.volumes.delete(name)
    if as_json:
        output.show_json({"deleting": name})
        return
    output.say(f"The volume of {name} goes as soon as no run has it.")


@app.command("snapshots")
def snapshots(team: Team = "", as_json: JsonFlag = False) -> None:
    """List the snapshots of a volume, newest first."""
    with server() as client:
        found = client.volumes.snapshots(_team(client, team))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.id,
            each.state,
            size_words(each.size_bytes),
            output.ago(each.created_at),
            each.created_by or "platform",
            each.note,
        )
        for each in found
    ]
    output.table(["!id", "state", ">size", "asked", "by", "note"], rows, "No snapshots: studium volumes snapshot")


@app.command("snapshot")
def snapshot(
    team: Team = "",
    note: Annotated[str, typer.Option("--note", help="What it is.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is taken.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Keep what is in a volume now; runs go on meanwhile."""
    with server() as client:
        name = _team(client, team)
        made = client.volumes.snapshot(name, note)
        while wait and made.state == "waiting":
            time.sleep(_ASK_EVERY)
            made = _found(client, name, made)
    if made.state == "failed":
        raise fail(made.trouble, f"`studium volumes show {name}` shows the volume.")
    if as_json:
        output.show_json(made)
        return
    output.say(
        f"{made.id}: {size_words(made.size_bytes)} kept." if made.state == "ready" else f"{made.id} is being taken."
    )


def _found(client: Client, team: str, snapshot: Snapshot) -> Snapshot:
    return next((each for each in client.volumes.snapshots(team) if each.id == snapshot.id), snapshot)


@app.command("restore")
def restore(snapshot: SnapshotId, team: OfTeam = "", yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Put a snapshot back once no run has the volume. What is in it is kept as a snapshot first."""
    with server() as client:
        name = _team(client, team)
        if not yes and not output.ask(f"Replace what is in the volume of {name}?"):
            raise typer.Exit(1)
        found = client.volumes.restore(name, snapshot)
    _told(found, as_json)


@app.command("forget")
def forget(snapshot: SnapshotId, team: OfTeam = "", as_json: JsonFlag = False) -> None:
    """Delete a snapshot."""
    with server() as client:
        client.volumes.forget(_team(client, team), snapshot)
    if as_json:
        output.show_json({"deleted": snapshot})
        return
    output.say(f"{snapshot} is deleted.")
