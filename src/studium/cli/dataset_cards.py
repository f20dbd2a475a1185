"""`studium datasets` for what of a card is more than text: the cover, and what columns are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.dataset_files import Name
from studium.cli.failing import fail
from studium.cli.output import JsonFlag


def cover(
    name: Name,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A PNG, JPEG or WebP of up to 4 MiB.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the cover away.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Set the cover of a dataset, or take it away."""
    if bool(file) == remove:
        raise fail("Give a picture, or --remove.", "As: studium datasets cover weather sky.jpg")
    try:
        picture = Path(file).read_bytes() if file else b""
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    with server() as client:
        found = client.datasets.find(name)
        if remove:
            client.datasets.remove_cover(found.id)
            found = client.datasets.get(found.id)
        else:
            found = client.datasets.set_cover(found.id, picture)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.name} has no cover." if remove else f"{found.name} has a cover: {found.url}")


def describe(
    name: Name,
    path: Annotated[str, typer.Argument(metavar="FILE", help="A file of it with a table.", show_default=False)],
    said: Annotated[list[str], typer.Argument(metavar="COLUMN=TEXT...", help="What columns are.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Say what columns of a table are; with nothing after the = take back what was said."""
    columns = dict[str, str]()
    for each in said:
        column, equals, text = each.partition("=")
        if not column or not equals:
            raise fail(f"{each!r} does not say a column and what it is.", 'As: "age=In years, at the time of boarding"')
        columns[column] = text
    with server() as client:
        found = client.datasets.describe(client.datasets.find(name).id, path, columns)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{len(found.columns.get(path, {})):,} columns of {path} are described.")
