"""How a command speaks: one JSON document with `--json`, else tables and sentences; failures on standard error.

Text of other people may hold terminal escapes; what is shown on a terminal has lost them.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.client.decode import encode
from studium.lib.units import duration_words

if TYPE_CHECKING:
    from rich.console import Console

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_NO_END = 100_000
_KEPT = {ord("\n"), ord("\t")}
_DROPPED = {code: None for code in [*range(32), *range(0x7F, 0xA0)] if code not in _KEPT}


def printable(text: str) -> str:
    """The text without control characters, which could write anything anywhere on a terminal."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)


def console(*, error: bool = False) -> "Console":
    """A console for standard output or error: no colour but on a terminal, and none with NO_COLOR.

    In a pipe or a file nothing is broken into lines, unless COLUMNS asks for it.
    """
    from rich.console import Console

    made = Console(stderr=error, highlight=False, soft_wrap=False, markup=False, emoji=False)
    if not made.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        made.width = _NO_END
    return made


def show_json(value: Any) -> None:
    """The document, whole."""
    typer.echo(json.dumps(encode(value), indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """A sentence, wrapped for the terminal."""
    console().print(printable(text))


def note(text: str) -> None:
    """A remark beside the output: to standard error, so that pipes stay clean."""
    console(error=True).print(printable(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """A table; a column named with a leading `>` is aligned right, one with `!` is never broken into lines."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        name = column.lstrip(">!")
        made.add_column(
            Text(name),
            justify="right" if column.startswith(">") else "left",
            no_wrap=column.startswith(("!", ">")),
            overflow="fold",
        )
    count = 0
    for row in rows:
        made.add_row(*(Text(printable(str(cell))) for cell in row))
        count += 1
    if count:
        console().print(made)
    else:
        say(empty)


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values below each other; empty values are left out."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value not in ("", None):
            made.add_row(Text(name, style="bold"), Text(printable(str(value))))
    console().print(made)


def ago(at: datetime | None) -> str:
    """`12 min ago`, `never`."""
    return "never" if at is None else f"{duration_words((datetime.now(UTC) - at).total_seconds())} ago"


def until(at: datetime | None) -> str:
    """`in 12 min`, empty when there is no end."""
    return "" if at is None else f"in {duration_words(max(0.0, (at - datetime.now(UTC)).total_seconds()))}"


def ask(question: str) -> bool:
    """Yes or no from a person; no when nobody is there to ask."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)


def read_hidden(prompt: str) -> str:
    """A value that is asked for unseen, or read from standard input without its last line's end.

    Never from the command line, which other people and the shell's history see.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True, err=True))
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
