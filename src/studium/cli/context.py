"""What every command has: the client of the account, with errors said in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from studium.cli import account
from studium.cli.failing import Exit, fail, failures_in_words

if TYPE_CHECKING:
    from studium.client import Client


@contextmanager
def server() -> Iterator[Client]:
    """The client of this command's account. What goes wrong inside ends the command with a sentence."""
    from studium.client import Client

    with failures_in_words():
        found = account.current()
        if not found.token:
            raise fail(
                "You are not signed in.",
                f"Make a token at {found.url}/settings/tokens/, then: studium login {found.url}",
                Exit.NOT_CONNECTED,
            )
        with Client(found.url, found.token) as client:
            yield client
