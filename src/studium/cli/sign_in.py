"""`studium login` and `studium logout`: keep a server's address and a token."""

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from studium.cli import account, output
from studium.cli.failing import Exit, fail, failures_in_words
from studium.cli.output import JsonFlag


def login(
    url: Annotated[str, typer.Argument(help="The server, as http://localhost:8000.")] = "",
    token: Annotated[
        str, typer.Option(help="The token; asked for when left out. `-` reads it from standard input.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Sign in with a token of your settings page, and remember it."""
    from studium.client import Client
    from studium.client.transport import is_local

    with failures_in_words():
        server = account.current(url).url
        secret = _secret(server, token)
        with Client(server, secret) as client:
            me = client.me()
            parts = urlsplit(client.url)
            if parts.scheme == "http" and not is_local(parts.hostname or ""):
                output.note("Warning: this address is not encrypted; others on the network can read the token.")
            path = account.keep(account.Account(url=client.url, token=secret))
    if as_json:
        output.show_json({"url": client.url, "username": me.username, "scopes": me.scopes, "file": str(path)})
        return
    output.say(f"Signed in to {client.url} as {me.username}. The token may: {', '.join(me.scopes)}.")


def _secret(server: str, token: str) -> str:
    if token == "-":  # noqa: S105
        return sys.stdin.readline().strip()
    if token:
        return token.strip()
    if not sys.stdin.isatty():
        raise fail("No token was given.", "Use `--token -` to read it from standard input.", Exit.NOT_CONNECTED)
    output.note(f"Make a token at {server}/settings/tokens/ and paste it here.")
    return str(typer.prompt("Token", hide_input=True, err=True)).strip()


def logout(as_json: JsonFlag = False) -> None:
    """Forget the server and the token. The token itself stays good until it is revoked."""
    with failures_in_words():
        removed = account.forget()
    if as_json:
        output.show_json({"removed": removed})
        return
    output.say("Signed out. `studium tokens revoke` ends a token for good." if removed else "Nobody was signed in.")
