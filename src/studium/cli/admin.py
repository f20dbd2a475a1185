"""`studium admin`: the installation, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.groups import group
from studium.cli.output import JsonFlag
from studium.cli.runs import show_table
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import LoginLink, Machine, User

app = group("The installation, for administrators.")
Person = Annotated[str, typer.Argument(help="A username.", show_default=False)]
MachineName = Annotated[str, typer.Argument(help="The machine's name.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@app.command("users")
def users(
    search: Annotated[str, typer.Option("--search", "-q", help="Part of a name or address.")] = "",
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List people, those who joined last first."""
    with server() as client:
        found = client.admin.users(search, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    rows = [
        (u.username, u.email, "administrator" if u.operator else "", "" if u.active else "deactivated", u.live_runs)
        for u in found
    ]
    output.table(["!user", "e-mail", "", "", ">runs"], rows, "Nobody.")


@app.command("user-create")
def user_create(
    username: Person,
    email: Annotated[str, typer.Argument(help="Their e-mail address.", show_default=False)],
    operator: Annotated[bool, typer.Option("--admin", help="Make them an administrator.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a person; prints a one-time sign-in address for them."""
    with server() as client:
        made = client.admin.create_user(username, email, operator)
    _show_link(made, as_json)


@app.command("login-link")
def login_link(username: Person, as_json: JsonFlag = False) -> None:
    """Print a one-time sign-in address for a person."""
    with server() as client:
        made = client.admin.login_link(username)
    _show_link(made, as_json)


def _show_link(link: LoginLink, as_json: bool) -> None:
    if as_json:
        output.show_json(link)
        return
    typer.echo(link.url)
    output.note(f"Signs its bearer in as {link.username}, once. It ends {output.until(link.expires_at)}.")


def _change_user(change: Callable[[Client], User], as_json: bool) -> None:
    with server() as client:
        user = change(client)
    if as_json:
        output.show_json(user)
        return
    is_admin = ", an administrator" if user.operator else ""
    output.say(
        f"{user.username} is {'active' if user.active else 'deactivated; what they run is being stopped'}{is_admin}."
    )


@app.command("deactivate")
def deactivate(username: Person, as_json: JsonFlag = False) -> None:
    """Deactivate a person and stop what they run."""
    _change_user(lambda client: client.admin.deactivate(username), as_json)


@app.command("activate")
def activate(username: Person, as_json: JsonFlag = False) -> None:
    """Let a deactivated person in again."""
    _change_user(lambda client: client.admin.activate(username), as_json)


@app.command("operator")
def set_operator(
    username: Person,
    remove: Annotated[bool, typer.Option("--remove", help="Make them an ordinary member again.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a person an administrator."""
    _change_user(lambda client: client.admin.set_operator(username, not remove), as_json)


def _show_machines(found: list[Machine], as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    rows = []
    for machine in found:
        kinds = [d.kind + (" (simulated)" if d.simulated else "") for d in machine.accelerators if not d.gone]
        devices = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
        state = "gone" if machine.gone else "draining" if machine.draining else "open"
        size = f"{machine.vcpu:g} vCPU, {size_words(machine.memory_bytes)}"
        rows.append((machine.name, machine.engine, size, devices, machine.runs, state))
    output.table(
        ["machine", "!engine", "size", "devices", ">runs", "!state"], rows, "No machine has been reported yet."
    )


@app.command("machines")
def machines(as_json: JsonFlag = False) -> None:
    """List machines with their devices."""
    with server() as client:
        found = client.admin.machines()
    _show_machines(found, as_json)


@app.command("drain")
def drain(machine: MachineName, as_json: JsonFlag = False) -> None:
    """Place nothing new on a machine; what runs there goes on."""
    with server() as client:
        found = client.admin.drain(machine)
    _one_machine(found, as_json)


@app.command("open")
def open_machine(machine: MachineName, as_json: JsonFlag = False) -> None:
    """Place runs on a machine again."""
    with server() as client:
        found = client.admin.open(machine)
    _one_machine(found, as_json)


def _one_machine(found: Machine, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
    else:
        output.say(f"{found.name} is {'draining' if found.draining else 'open'}; {found.runs} runs are on it.")


@app.command("runs")
def runs(
    live: Annotated[bool, typer.Option("--live", help="Only those that have not ended.")] = False,
    user: Annotated[str, typer.Option(help="Only this person's.")] = "",
    limit: Limit = 20,
    as_json: JsonFlag = False,
) -> None:
    """List everybody's runs."""
    with server() as client:
        found = client.admin.runs("live" if live else "", user, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    show_table(found, people=True)


@app.command("stop")
def stop(
    run_id: Annotated[str, typer.Argument(help="The run's id.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Told to the run's owner.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Stop anybody's run."""
    with server() as client:
        run = client.admin.stop(run_id, reason)
    if as_json:
        output.show_json(run)
        return
    output.say(f"Run {run.id} of {run.user}: {run.words}")


@app.command("events")
def events(
    kind: Annotated[str, typer.Option(help="Such as run.ended, or only run.")] = "",
    subject: Annotated[str, typer.Option(help="Such as run:abc.")] = "",
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what happened, newest first."""
    with server() as client:
        found = client.admin.events(kind, subject, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            f"{e.at:%Y-%m-%d %H:%M:%S}",
            e.kind,
            f"{e.subject_kind}:{e.subject_id}",
            e.actor,
            " ".join(f"{k}={v}" for k, v in e.data.items()),
        )
        for e in found
    ]
    output.table(["!at (UTC)", "!what", "of", "by", "facts"], rows, "Nothing happened yet.")


@app.command("checks")
def checks(as_json: JsonFlag = False) -> None:
    """List what isolates and limits runs, with the remedy where something is missing."""
    with server() as client:
        found = client.admin.checks()
    if as_json:
        output.show_json(found)
        return
    rows = [("yes" if c.ok else "no", c.name, f"{c.detail} {'' if c.ok else c.remedy}".strip()) for c in found]
    output.table(["!holds", "check", "detail"], rows, "This engine has nothing to check.")
