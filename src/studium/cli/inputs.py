"""`studium notebooks inputs`: other notebooks' output files, datasets and storage providers that a notebook's runs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import exchange, output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client.shapes import Input

app = group(
    "Read datasets, output files of other notebooks and storage providers, as folders that runs may not change."
)
InputName = Annotated[str, typer.Argument(metavar="INPUT", help="The input's name, as `list` shows it.")]
STAY = "Stay with this version; the newest that ended well is followed when left out."


@app.command("list")
def list_inputs(
    name: Name,
    version: Annotated[str, typer.Option(help="What this version's run was shown instead.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """List the inputs of a notebook, with what its next run gets."""
    number = exchange.numbered(version) if version else None
    with server() as client:
        notebook = client.notebooks.find(name)
        if number is not None:
            given = client.notebooks.inputs.of_version(notebook.id, number)
            if as_json:
                output.show_json(given)
                return
            rows = [[row.name, row.source or "not yours to read, or gone", row.version] for row in given]
            output.table(["name", "of", "version"], rows, empty=f"Version {number} of {notebook.name} had no inputs.")
            return
        found = client.notebooks.inputs.of(notebook.id)
    if as_json:
        output.show_json(found)
        return
    output.table(
        ["name", "kind", "of", "version", "files", "size", "path", "session"],
        [[row.name, row.kind, row.source or "?", *_amount(row), row.paths[0], row.session] for row in found],
        empty=f"{notebook.name} has no inputs. Add one: studium notebooks inputs add {notebook.name} NOTEBOOK",
    )
    for row in found:
        if row.trouble:
            output.note(f"{row.name}: {row.trouble}")


def seen(made: Input) -> str:
    """From when on, as the end of a sentence."""
    where = {"": "in runs", "next": "in runs"}.get(made.session, "in the session and in runs")
    return f"{where} that start from now on"


def _amount(row: Input) -> tuple[str | int, ...]:
    """Version, files and size: a storage provider has none that are known."""
    if row.kind == "provider":
        return "", "", ""
    return _version(row), row.files, size_words(row.bytes)


def _version(row: Input) -> str:
    number = str(row.version) if row.version else "none"
    if row.follows:
        return f"{number}, the newest"
    return f"{number}, newest {row.newest}" if row.newest and row.newest != row.version else number


@app.command("add")
def add(
    name: Name,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The notebook whose output files.", show_default=False)
    ] = "",
    dataset: Annotated[bool, typer.Option("--dataset", help="It is a dataset that is named, not a notebook.")] = False,
    provider: Annotated[
        str, typer.Option(metavar="PROVIDER", help="A storage provider of the notebook's team instead.")
    ] = "",
    version: Annotated[str, typer.Option(help=STAY)] = "",
    called: Annotated[str, typer.Option("--as", metavar="INPUT", help="The folder's name; the notebook's own.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Have the session and the runs that start from now on see another notebook's output files, or with --dataset a dataset.

    With --provider, have the runs that start from now on read the files of a storage provider.
    """
    if bool(source) == bool(provider) or (provider and (dataset or version)):
        step = f"Type: studium notebooks inputs add {name} NOTEBOOK, or {name} --provider PROVIDER"
        raise fail("Name a notebook, a dataset with --dataset, or a storage provider, which has no versions.", step)
    number = exchange.numbered(version) if version else None
    with server() as client:
        notebook = client.notebooks.find(name)
        if provider:
            # Its team's name may stand before it, as lists and imports write it.
            provider = provider.removeprefix(f"{notebook.team}/")
            made = client.notebooks.inputs.add(notebook.id, provider=provider, name=called)
            _told(made, as_json, f"{made.paths[0]} is {made.source}, in runs that start from now on.")
            return
        # As the page writes it, where a dataset and a notebook have one name.
        prefix, _, rest = source.partition("/")
        if prefix in ("datasets", "notebooks") and "/" in rest:
            dataset, source = dataset or prefix == "datasets", rest
        kind, found = ("dataset", client.datasets) if dataset else ("source", client.notebooks)
        made = client.notebooks.inputs.add(notebook.id, **{kind: found.find(source).id}, version=number, name=called)
    _told(made, as_json, f"{made.paths[0]} is {made.source}, version {_version(made)}, {seen(made)}.")


@app.command("change")
def change(
    name: Name,
    called: InputName,
    version: Annotated[str, typer.Option(help="Stay with this version.")] = "",
    newest: Annotated[bool, typer.Option("--newest", help="Follow the newest that ended well.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let an input stay with a version, or follow the newest."""
    if bool(version) == newest:
        raise fail("Say one of --version and --newest.", f"`studium notebooks inputs list {name}` shows what there is.")
    number = exchange.numbered(version) if version else None
    with server() as client:
        notebook = client.notebooks.find(name)
        made = client.notebooks.inputs.change(notebook.id, called, number)
    _told(made, as_json, f"{made.name} is version {_version(made)}, {seen(made)}.")


@app.command("remove")
def remove(name: Name, called: InputName, as_json: JsonFlag = False) -> None:
    """Let the session and the runs that start from now on not see an input."""
    with server() as client:
        notebook = client.notebooks.find(name)
        client.notebooks.inputs.remove(notebook.id, called)
    if as_json:
        output.show_json({"removed": called})
        return
    output.say(f"{called} is no input of {notebook.name} any more.")


def _told(made: Input, as_json: bool, words: str) -> None:
    if as_json:
        output.show_json(made)
    else:
        output.say(words)
