"""`studium tokens`: personal tokens for programs."""

from typing import Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.groups import group
from studium.cli.output import JsonFlag

app = group("Your personal tokens.")


@app.command("list")
def list_tokens(as_json: JsonFlag = False) -> None:
    """List your live tokens."""
    with server() as client:
        found = client.tokens.all()
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            t.id,
            t.name,
            f"{t.prefix}...",
            " ".join(t.scopes),
            output.ago(t.last_used_at),
            output.until(t.expires_at) or "never",
        )
        for t in found
    ]
    output.table([">id", "name", "!begins", "may", "!used", "!ends"], rows, "No tokens.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    scope: Annotated[
        list[str], typer.Option("--scope", "-s", help="What it may do: read, write, team, admin. Can be repeated.")
    ] = ["read", "write"],  # noqa: B006
    days: Annotated[
        int, typer.Option(min=0, max=3660, help="Days until it ends; 0 for a token that does not end.")
    ] = 90,
    as_json: JsonFlag = False,
) -> None:
    """Make a token; it is printed once."""
    with server() as client:
        made = client.tokens.create(name, scope, days or None)
    if as_json:
        output.show_json(made)
        return
    typer.echo(made.secret)
    ends = f"It ends {output.until(made.expires_at)}." if made.expires_at else "It does not end."
    output.note(f"Keep it now, it is not shown again. It may {', '.join(made.scopes)}. {ends}")


@app.command("revoke")
def revoke(
    token: Annotated[int, typer.Argument(help="The token's id.", show_default=False)], as_json: JsonFlag = False
) -> None:
    """End a token at once."""
    with server() as client:
        client.tokens.revoke(token)
    if as_json:
        output.show_json({"revoked": token})
        return
    output.say("The token no longer works.")
