"""Exit codes, and errors in words: the sentence, then what to do next, both on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from studium.cli.output import note
from studium.client import ApiError, StudiumClientError, Unreachable


class Exit(IntEnum):
    """What the number at the end means."""

    GOOD = 0
    RUN_FAILED = 1
    REFUSED = 2
    NOT_CONNECTED = 3
    NOT_YET = 4


def exit_code(error: StudiumClientError) -> Exit:
    """The code for an error: refused for what will be refused again, not yet for what passes."""
    if isinstance(error, Unreachable):
        return Exit.NOT_CONNECTED
    if isinstance(error, ApiError):
        if error.status == 401 or error.status >= 500 or error.code.startswith("client."):
            return Exit.NOT_CONNECTED
        if error.status == 409:
            return Exit.NOT_YET
    return Exit.REFUSED


def fail(message: str, next_step: str = "", code: Exit = Exit.REFUSED) -> typer.Exit:
    """Say a failure; raise what comes back."""
    note(message)
    if next_step:
        note(next_step)
    return typer.Exit(int(code))


@contextmanager
def failures_in_words() -> Iterator[None]:
    """End the command with a sentence and its code instead of a trace."""
    try:
        yield
    except StudiumClientError as error:
        raise fail(error.message, _next_step(error), exit_code(error)) from None
    except BrokenPipeError:
        # The reader of our output went away, as `head` does. Python would complain once more when it flushes.
        sys.stderr.close()
        raise typer.Exit(int(Exit.GOOD)) from None


def _next_step(error: StudiumClientError) -> str:
    if isinstance(error, ApiError) and error.status == 401:
        return "Sign in: `studium login` asks for a token from your settings page."
    return error.next_step
