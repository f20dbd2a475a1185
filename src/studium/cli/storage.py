"""`studium storage`: what members do with providers, and beside it what an operator does with the platform's own store."""

import re
from pathlib import Path
from typing import Annotated

import typer

from studium.cli import output, providers
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.lazy import Beside
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

app = typer.Typer(cls=Beside, help="What is stored, here and elsewhere.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(providers.app, name="providers")
_PROVIDER = re.compile(r"(?:([\w.-]+)/)?([a-z0-9-]+):(.*)", re.DOTALL)
Side = Annotated[
    str, typer.Argument(help="A folder, or `provider:folder` or `team/provider:folder`.", show_default=False)
]


@app.command("sync")
def sync(
    source: Side,
    target: Side,
    delete: Annotated[bool, typer.Option("--delete", help="Delete what only the target has.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a folder of a provider like one here, or one here like that. Only what changed travels; it can be repeated."""
    from studium.client import syncing

    theirs, ours = _PROVIDER.fullmatch(source), _PROVIDER.fullmatch(target)
    if (theirs is None) == (ours is None):
        raise fail("One side is a folder here, the other one of a provider.", "Write that as provider:folder.")
    folder = Path(source if theirs is None else target)
    if theirs is None and not folder.is_dir():
        raise fail(f"There is no folder {source!r}.", "Check the path.")
    found = theirs or ours
    assert found is not None

    def seen(verb: str, path: str) -> None:
        if not as_json:
            output.say(f"{verb} {path}")

    with server() as client:
        place = syncing.Place(
            client.providers, providers.team_of(client, found[1] or ""), found[2], found[3].strip("/")
        )
        if theirs is None:
            done = syncing.push(folder, place, delete=delete, dry_run=dry_run, seen=seen)
        else:
            done = syncing.pull(place, folder, delete=delete, dry_run=dry_run, seen=seen)
    if as_json:
        output.show_json(done)
    else:
        would = "would be " if dry_run else ""
        words = (
            f"{len(done.sent):,} files of {size_words(done.bytes)} {would}copied, {len(done.deleted):,} {would}deleted"
        )
        output.say(f"{words}, {done.unchanged:,} unchanged.")
    if done.failed:
        for path, why in done.failed:
            output.note(f"{path}: {why}")
        raise fail(f"{len(done.failed):,} failed.", "Type the command again: the others are not sent again.")
