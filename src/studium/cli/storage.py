"""`studium storage`: what takes the room, cleaning it up, paying for more, and providers, where data lies elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output, providers
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.lazy import Shared
from studium.cli.machines import TeamOption
from studium.cli.output import JsonFlag
from studium.lib.units import money_words, parse_duration, parse_size, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Cleaned, Storage, StoredItem

app = group(
    "What a team stores: what takes the room, cleaning it up, paying for more, and data that lies elsewhere.", Shared
)
app.add_typer(providers.app, name="providers")
_PROVIDER = re.compile(r"(?:([\w.-]+)/)?([a-z0-9-]+):(.*)", re.DOTALL)
Side = Annotated[
    str, typer.Argument(help="A folder, or `provider:folder` or `team/provider:folder`.", show_default=False)
]
_MOST = 200
_AT_ONCE = 500


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise fail(f"{text!r} is not a size.", "Write it as 500M or 20GiB.") from None


@app.command("usage")
def usage(
    team: TeamOption = "",
    most: Annotated[int, typer.Option(min=0, max=_MOST, help="How many of the largest things of each kind.")] = 5,
    as_json: JsonFlag = False,
) -> None:
    """Show what a team stores, by kind, against its plan, with the largest things."""
    with server() as client:
        found = client.storage.get(team or client.me().team, most)
    if as_json:
        output.show_json(found)
        return
    output.say(_against_the_plan(found))
    rows = [
        (part.title, size_words(part.bytes), "" if part.counts else "does not count") for part in found.parts
    ]  # fmt: skip
    output.table(["kind", ">size", ""], rows, "")
    items = [item for part in found.parts for item in part.items]
    if items:
        output.say("")
        _list(items)
        output.say("\nClean up by id: studium storage clean ID... --dry-run")


def _against_the_plan(found: Storage) -> str:
    if found.included_bytes is None:
        return f"{found.team} stores {size_words(found.bytes)}; the plan {found.plan_name} sets no limit."
    words = (
        f"{found.team} stores {size_words(found.bytes)} of the {size_words(found.included_bytes)} of {found.plan_name}."
    )
    if found.price_micros_month is None:
        return words
    price = f"{money_words(found.price_micros_month)} per GiB and month"
    if not found.agreed_by and found.cap_bytes is None and found.cap_micros_month is None:
        return f"{words} More costs {price}, once an owner agrees: studium storage cap --size SIZE"
    room = size_words((found.room_bytes or 0) - found.included_bytes)
    return f"{words} Up to {room} more are charged at {price}; now {found.cost} a month."


def _list(items: list[StoredItem]) -> None:
    rows = [(item.id, item.title, size_words(item.bytes), output.ago(item.used_at), item.kept) for item in items]
    output.table(["!id", "what", ">size", "!last used", "stays because"], rows, "Nothing of this kind takes room.")


@app.command("clean")
def clean(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `storage usage` lists them.")] = None,
    team: TeamOption = "",
    kind: Annotated[
        str,
        typer.Option(help="All of a kind that may go: workspaces, versions, datasets, uploads, snapshots or builds."),
    ] = "",
    older: Annotated[str, typer.Option("--older-than", help="With --kind, what was not used for so long: 30d.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    snapshots: Annotated[
        bool,
        typer.Option(
            "--snapshots", help="Keep a snapshot of each workspace first, which takes room; it stays where that fails."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Clean up things by id, or what may go of a kind, the largest first. It is for good, so it asks before."""
    if bool(ids) == bool(kind):
        raise fail("Say what is to go.", "Give ids, or --kind with --older-than. `studium storage usage` lists ids.")
    if older and not kind:
        raise fail("--older-than goes with --kind.", "Leave it out, or name a kind.")
    with server() as client:
        of = team or client.me().team
        wanted = list(ids or []) or _of_kind(client, of, kind, older)
        found = client.storage.clean(of, wanted[:_AT_ONCE], dry_run=True)
        if found.items and not dry_run:
            if not yes:
                if as_json:
                    raise fail("With --json nobody is asked.", "Give --yes, or --dry-run.")
                _say(found)
                if not output.ask("Clean this up for good?"):
                    raise fail("Nothing was cleaned up.", "Give --yes to do it without being asked.")
            found = client.storage.clean(of, [item.id for item in found.items], snapshots=snapshots)
    if as_json:
        output.show_json(found)
        return
    _say(found)


def _of_kind(client: Client, team: str, kind: str, older: str) -> list[str]:
    try:
        before = datetime.now(UTC) - timedelta(seconds=parse_duration(older)) if older else None
    except ValueError:
        raise fail(f"{older!r} is not a time.", "Write it as 30d or 12h.") from None
    found = client.storage.items(team, kind, _MOST)
    return [
        item.id
        for item in found
        if not item.kept and (before is None or (item.used_at is not None and item.used_at < before))
    ]


def _say(found: Cleaned) -> None:
    _list([*found.items, *found.kept])
    verb = "would free" if found.dry_run else "frees"
    most = "" if found.exact else "at most "
    gone = f"; {found.gone} were gone already" if found.gone else ""
    counted = f", {size_words(found.counted_bytes)} of it counted" if found.counted_bytes != found.freed_bytes else ""
    output.say(f"This {verb} {most}{size_words(found.freed_bytes)}{counted}{gone}.")


@app.command("estimate")
def estimate(
    size: Annotated[str, typer.Argument(help="How much more, as 20GiB.", show_default=False)],
    team: TeamOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Say what storing more would cost a month, or why it would be refused."""
    with server() as client:
        found = client.storage.estimate(team or client.me().team, _size(size))
    if as_json:
        output.show_json(found)
        return
    output.say(found.words or f"{size_words(found.bytes)} more cost nothing: the plan includes them.")


@app.command("cap")
def cap(
    team: TeamOption = "",
    size: Annotated[str, typer.Option("--size", help="So much beyond the plan, as 50GiB.")] = "",
    money: Annotated[str, typer.Option("--money", help="So many dollars a month, as 5 or 2.50.")] = "",
    none: Annotated[bool, typer.Option("--none", help="Pay for nothing beyond the plan.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Agree, as an owner, to pay for storage beyond the plan, up to a size, to money a month, or the smaller of both."""
    if none == bool(size or money):
        raise fail("Say how much.", "Give --size or --money or both, or --none.")
    with server() as client:
        of = team or client.me().team
        found = client.storage.set_cap(
            of, size=_size(size) if size else None, micros_month=_micros(money) if money else None
        )
    if as_json:
        output.show_json(found)
        return
    output.say(_against_the_plan(found))


def _micros(text: str) -> int:
    try:
        value = Decimal(text.strip().lstrip("$"))
        if not 0 <= value < 10**9:
            raise InvalidOperation
    except InvalidOperation:
        raise fail(f"{text!r} is not an amount.", "Write dollars, as 5 or 2.50.") from None
    return int(value * 1_000_000)


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
        if done.stopped:
            raise fail("Nothing more was tried: it would be the same for every file.", done.stopped)
        raise fail(f"{len(done.failed):,} failed.", "Type the command again: the others are not sent again.")
