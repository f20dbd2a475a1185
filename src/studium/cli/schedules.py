"""`studium notebooks schedule`: run a notebook by itself at times of a calendar."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.notebooks import Name, duration
from studium.cli.output import JsonFlag
from studium.cli.run import CellTimeout, KeepGoing

if TYPE_CHECKING:
    from datetime import datetime

    from studium.client.shapes import Schedule, Webhook

app = group("Run a notebook by itself, as a new version, at times of a calendar.")
Id = Annotated[str, typer.Argument(metavar="ID", help="The schedule's id, as `list` shows it.", show_default=False)]
CRON = "Minute, hour, day of month, month and day of week, as '30 7 * * 1-5'."
ZONE = "The time zone of these times, as Europe/Berlin."
MISSED = "Of times at which the platform was down: skip them, run the last one once, or run all."
OVERLAP = "While the run before goes on: skip this time, wait for that run, or replace it."
RETRIES = "How often a run that failed is tried again, 0 to 5."
KEEP = "How many of its versions are kept, 1 to 1000"
NOTIFY = "When you are sent an e-mail: never, failure or always."


@app.command("list")
def list_schedules(name: Name, as_json: JsonFlag = False) -> None:
    """List the schedules of a notebook with their next times."""
    with server() as client:
        found = client.notebooks.schedules.all(client.notebooks.find(name).id)
    if as_json:
        output.show_json(found)
        return
    rows = [(each.id, f"{each.words} ({each.zone})", each.machine_type, _next(each)) for each in found]
    empty = f'No schedules. Make one: studium notebooks schedule add {name} --cron "30 7 * * 1-5"'
    output.table(["!id", "when", "machine", "next"], rows, empty)


def _next(schedule: Schedule) -> str:
    """The next time, or why there is none."""
    if schedule.paused:
        return f"paused: {schedule.trouble}" if schedule.trouble else "paused"
    return _local(schedule.next_times[0], schedule.zone) if schedule.next_times else "never"


def _local(at: datetime, zone: str) -> str:
    """The time on the clocks of the schedule's zone; in UTC where this machine does not know the zone."""
    with contextlib.suppress(KeyError, ValueError, OSError):
        at = at.astimezone(ZoneInfo(zone))
    return f"{at:%a %Y-%m-%d %H:%M %Z}"


@app.command("add")
def add(
    name: Name,
    cron: Annotated[str, typer.Option("--cron", help=CRON, show_default=False)],
    zone: Annotated[str, typer.Option("--zone", help=ZONE)] = "UTC",
    machine: Annotated[str, typer.Option("--machine", "-m", help="The machine type; the last one when left out.")] = "",
    missed: Annotated[str, typer.Option("--missed", help=MISSED)] = "once",
    overlap: Annotated[str, typer.Option("--overlap", help=OVERLAP)] = "skip",
    retries: Annotated[int, typer.Option("--retries", help=RETRIES)] = 0,
    keep_last: Annotated[int | None, typer.Option("--keep-last", help=f"{KEEP}; all when left out.")] = None,
    notify: Annotated[str, typer.Option("--notify", help=NOTIFY)] = "failure",
    cell_timeout: CellTimeout = "",
    keep_going: KeepGoing = False,
    webhook: Annotated[str, typer.Option("--webhook", help="Where messages go when a run has failed.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Schedule a notebook; prints the next five times in the schedule's zone."""
    with server() as client:
        notebook = client.notebooks.find(name)
        made = client.notebooks.schedules.create(
            notebook.id,
            cron,
            zone=zone,
            machine=machine,
            missed=missed,
            overlap=overlap,
            retries=retries,
            keep_last=keep_last,
            notify=notify,
            cell_seconds=duration(cell_timeout) if cell_timeout else None,
            keep_going=keep_going,
        )
        hook = client.notebooks.schedules.set_webhook(notebook.id, made.id, webhook) if webhook else None
    _told(made, as_json, f"Scheduled {notebook.name} as {made.id} on {made.machine_type}: {_when(made)}")
    if hook and hook.secret:
        # Beside the document, where there is one.
        (output.note if as_json else output.say)(f"The key of the webhook's signatures, shown only now: {hook.secret}")


def _told(schedule: Schedule, as_json: bool, words: str) -> None:
    """The sentence, then the next times, a line each."""
    if as_json:
        output.show_json(schedule)
        return
    output.say(words)
    for at in schedule.next_times:
        output.say(f"  {_local(at, schedule.zone)}")


def _when(schedule: Schedule) -> str:
    """`At 07:30 ... (Europe/Berlin). Next:`."""
    following = "Paused." if schedule.paused else "Next:"
    return f"{schedule.words} ({schedule.zone}). {following}"


@app.command("change")
def change(
    name: Name,
    schedule: Id,
    cron: Annotated[str | None, typer.Option("--cron", help=CRON)] = None,
    zone: Annotated[str | None, typer.Option("--zone", help=ZONE)] = None,
    machine: Annotated[str | None, typer.Option("--machine", "-m", help="The machine type.")] = None,
    missed: Annotated[str | None, typer.Option("--missed", help=MISSED)] = None,
    overlap: Annotated[str | None, typer.Option("--overlap", help=OVERLAP)] = None,
    retries: Annotated[int | None, typer.Option("--retries", help=RETRIES)] = None,
    keep_last: Annotated[int | None, typer.Option("--keep-last", help=f"{KEEP}.")] = None,
    keep_all: Annotated[bool, typer.Option("--keep-all", help="Keep all of its versions again.")] = False,
    notify: Annotated[str | None, typer.Option("--notify", help=NOTIFY)] = None,
    cell_timeout: Annotated[
        str | None,
        typer.Option("--cell-timeout", help="The longest that one cell may take, as 10min; `none` for no limit."),
    ] = None,
    keep_going: Annotated[
        bool | None,
        typer.Option("--keep-going/--stop-on-error", help="Whether the cells after one that failed are run."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what is given of a schedule, which then runs as you; a paused one stays paused."""
    if keep_all and keep_last is not None:
        raise fail("--keep-all and --keep-last contradict each other.", "Leave one of them out.")
    given = (cron, zone, machine, missed, overlap, retries, keep_last, notify, cell_timeout, keep_going)
    if not keep_all and all(each is None for each in given):
        raise fail("There is nothing to change.", "Name what is to change, as --cron or --retries.")
    no_limit = cell_timeout == "none"
    with server() as client:
        notebook = client.notebooks.find(name)
        changed = client.notebooks.schedules.update(
            notebook.id,
            schedule,
            cron=cron,
            zone=zone,
            machine=machine,
            missed=missed,
            overlap=overlap,
            retries=retries,
            keep_last=keep_last,
            keep_all=keep_all,
            notify=notify,
            cell_seconds=duration(cell_timeout) if cell_timeout and not no_limit else None,
            no_cell_limit=no_limit,
            keep_going=keep_going,
        )
    _told(changed, as_json, f"Changed {changed.id} of {notebook.name}: {_when(changed)}")


@app.command("pause")
def pause(name: Name, schedule: Id, as_json: JsonFlag = False) -> None:
    """Let a schedule's times pass until it is resumed."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.schedules.pause(notebook.id, schedule)
    _told(found, as_json, f"Paused {found.id} of {notebook.name}.")


@app.command("resume")
def resume(name: Name, schedule: Id, as_json: JsonFlag = False) -> None:
    """Go on with a schedule's next time from now; what passed meanwhile is not made up for."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.schedules.resume(notebook.id, schedule)
    _told(found, as_json, f"Resumed {found.id} of {notebook.name}: {_when(found)}")


@app.command("remove")
def remove(name: Name, schedule: Id, as_json: JsonFlag = False) -> None:
    """Remove a schedule. Versions it made stay, and a run that goes on goes on."""
    with server() as client:
        notebook = client.notebooks.find(name)
        client.notebooks.schedules.delete(notebook.id, schedule)
    if as_json:
        output.show_json({"deleted": schedule})
        return
    output.say(f"Removed {schedule} of {notebook.name}. Versions it made stay.")


@app.command("turns")
def turns(
    name: Name,
    schedule: Id,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what came of a schedule's times, newest first."""
    with server() as client:
        notebook = client.notebooks.find(name)
        zone = client.notebooks.schedules.get(notebook.id, schedule).zone
        found = list(islice(client.notebooks.schedules.turns(notebook.id, schedule), limit))
    if as_json:
        output.show_json(found)
        return
    rows = [(_local(each.due_at, zone), each.state, each.tries, each.version or "", each.message) for each in found]
    output.table(["!due", "!state", ">tries", ">version", "message"], rows, "None of its times has come yet.")


@app.command("webhook")
def webhook(
    name: Name,
    schedule: Id,
    url: Annotated[str, typer.Argument(help="Where to send messages; shows the webhook when left out.")] = "",
    notify: Annotated[str, typer.Option("--notify", help="When it is called: failure or always.")] = "failure",
    secret: Annotated[bool, typer.Option("--secret", help="Ask for, or read, a key for the signatures.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Send no more messages.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Set, show or remove the webhook of a schedule. A key that is made for its signatures is printed this once."""
    if remove and (url or secret):
        raise fail("--remove takes no address and no key.", "Leave out --remove, or the rest.")
    if secret and not url:
        raise fail("A key is set with an address.", "Give the address as well.")
    key = output.read_hidden("Key") if secret else ""
    with server() as client:
        notebook, schedules = client.notebooks.find(name), client.notebooks.schedules
        if remove:
            schedules.remove_webhook(notebook.id, schedule)
        elif url:
            found = schedules.set_webhook(notebook.id, schedule, url, notify=notify, secret=key)
        else:
            found = schedules.webhook(notebook.id, schedule)
    if remove:
        _said({"deleted": schedule}, as_json, f"Schedule {schedule} has no webhook any more.")
    elif as_json:
        output.show_json(found)
    else:
        _show_webhook(found, set_now=bool(url))


def _said(document: object, as_json: bool, words: str) -> None:
    if as_json:
        output.show_json(document)
    else:
        output.say(words)


def _show_webhook(found: Webhook, *, set_now: bool) -> None:
    when = "after every run" if found.notify == "always" else "when a run has failed"
    output.say(f"{'Set: ' if set_now else ''}{found.url} is called {when}.")
    if found.disabled_at:
        output.say(f"{found.trouble} Set it again to switch it on.")
    if found.secret:
        output.say(f"The key of its signatures, shown only now: {found.secret}")


@app.command("test-webhook")
def send_test(name: Name, schedule: Id, as_json: JsonFlag = False) -> None:
    """Send a test message to the webhook of a schedule, once."""
    with server() as client:
        notebook = client.notebooks.find(name)
        sent = client.notebooks.schedules.test_webhook(notebook.id, schedule)
    if as_json:
        output.show_json(sent)
        return
    output.say(
        f"Test message {sent.id} is on its way: studium notebooks schedule deliveries {notebook.name} {schedule}"
    )


@app.command("deliveries")
def deliveries(
    name: Name,
    schedule: Id,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what became of the messages of a schedule's webhook, newest first."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.schedules.deliveries(notebook.id, schedule, limit=limit)
    if as_json:
        output.show_json(found)
        return
    rows = [(d.id, d.event, d.state, d.tries, d.status or "", output.ago(d.created_at), d.message) for d in found]
    empty = f"No messages yet. Send one: studium notebooks schedule test-webhook {notebook.name} {schedule}"
    output.table(["!id", "event", "!state", ">tries", ">status", "made", "message"], rows, empty)
