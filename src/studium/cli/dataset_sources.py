"""`studium datasets` for files from elsewhere: from addresses, git repositories, notebooks and storage providers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import exchange, output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Dataset, DatasetImport

UrlOption = Annotated[list[str], typer.Option("--from-url", metavar="URL", help="A file's address; may be repeated.")]
UnpackOption = Annotated[bool, typer.Option("--unpack", help="Unpack the zip and tar archives among them.")]
GitOption = Annotated[str, typer.Option("--from-git", metavar="URL", help="A git repository's address.")]
RefOption = Annotated[str, typer.Option("--ref", help="A branch, tag or whole commit; the default branch.")]
FolderOption = Annotated[str, typer.Option("--folder", help="Only this folder of the repository.")]
SecretOption = Annotated[str, typer.Option("--secret", help="The name of a secret of the team with a token.")]
UsernameOption = Annotated[str, typer.Option("--username", help="Who the token belongs to.")]
NotebookOption = Annotated[
    str, typer.Option("--from-notebook", metavar="NAME@N", help="A notebook's output files; the newest without @N.")
]
ProviderOption = Annotated[
    str,
    typer.Option(
        "--from-provider", metavar="[TEAM/]NAME:PREFIX", help="A folder or file of a storage provider, or all of it."
    ),
]
AddOption = Annotated[
    bool, typer.Option("--add", help="The files of the version before stay, less those that are replaced.")
]
ImportArgument = Annotated[str, typer.Argument(metavar="IMPORT", help="An id; the newest when left out.")]
NameArgument = Annotated[str, typer.Argument(metavar="DATASET", help="`team/name`, a name in your teams, or an id.")]


@dataclass(frozen=True)
class Source:
    """What was asked for, as the API takes it; `title` is what a dataset of it is called, `words` the options it is asked with."""

    body: dict[str, Any]
    title: str
    words: str


def wanted(
    urls: list[str],
    unpack: bool,
    git: str,
    ref: str,
    folder: str,
    secret: str,
    username: str,
    notebook: str,
    provider: str,
) -> Source | None:
    """None where no source is named. Ends the command where several are."""
    if sum(map(bool, (urls, git, notebook, provider))) > 1:
        raise fail("Several kinds of sources are named.", "Bring from one at a time.")
    if urls:
        last = urls[0].partition("?")[0].rstrip("/").rpartition("/")[2]
        words = _options(*(("--from-url", url) for url in urls), ("--unpack", unpack))
        return Source({"urls": urls, "unpack": unpack}, last or "From a URL", words)
    if git:
        last = git.rstrip("/").rpartition("/")[2].removesuffix(".git")
        more = {"ref": ref, "folder": folder, "secret": secret, "username": username}
        words = _options(("--from-git", git), *((f"--{name}", value) for name, value in more.items()))
        return Source({"git": git, **more}, last or "From git", words)
    if notebook:
        name, _, number = notebook.partition("@")
        words = _options(("--from-notebook", notebook))
        return Source({"notebook": name, "number": exchange.numbered(number) if number else None}, name, words)
    if provider:
        name, _, prefix = provider.partition(":")
        last = prefix.rstrip("/").rpartition("/")[2] or name.rpartition("/")[2]
        return Source({"provider": name, "folder": prefix}, last, _options(("--from-provider", provider)))
    return None


def _options(*given: tuple[str, str | bool]) -> str:
    """As they are typed in a shell; those that were left out are not in it."""
    parts = [name if value is True else f"{name} {shlex.quote(str(value))}" for name, value in given if value]
    return " ".join(parts)


def begin(client: Client, dataset: Dataset, source: Source, *, note: str, add: bool) -> DatasetImport:
    """Have it brought. Raises ApiError where it was not even begun."""
    body = dict(source.body)
    if "notebook" in body:
        body["notebook"] = client.notebooks.find(body["notebook"]).id
    return client.datasets.imports.begin(dataset.id, note=note, add=add, **body)


def follow(
    client: Client, dataset: Dataset, begun: DatasetImport, as_json: bool, made_for: Source | None = None
) -> None:
    """Wait until it has ended, and say how. Ends the command where it failed.

    `made_for` is the source that the dataset was just made for: then it is said that it is there all the same.
    """
    output.note(f"Import {begun.id}. It goes on without you: studium datasets imports {dataset.name}")
    said = [""]

    def seen(found: DatasetImport) -> None:
        if found.doing != said[0] and found.doing:
            said[0] = found.doing
            output.note(f"{found.doing} ...")

    ended = client.datasets.imports.wait(dataset.id, begun.id, seen)
    if as_json:
        output.show_json(ended)
    if ended.state == "done":
        if not as_json:
            output.say(_outcome(dataset, ended))
        return
    if made_for is not None:
        output.note(f"{dataset.name} was made, and is empty.")
        again = f"Go on, with the same or another source: studium datasets version {dataset.name} {made_for.words}"
        raise fail(f"{ended.message} {ended.next_step}".strip(), again, Exit.RUN_FAILED)
    hint = ended.next_step or f"Try again: studium datasets refresh {dataset.name} {ended.id}"
    raise fail(ended.message, hint, Exit.RUN_FAILED)


def _outcome(dataset: Dataset, ended: DatasetImport) -> str:
    if ended.version is None:
        return ended.message
    left = f" {ended.left_out:,} links and the like were left out." if ended.left_out else ""
    files = f"{ended.files:,} file{'' if ended.files == 1 else 's'}, {size_words(ended.bytes)} came"
    remark = f" {ended.message}" if ended.message else ""
    return f"Version {ended.version} of {dataset.name}: {files}.{left}{remark} {dataset.url}"


def imports(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List what was brought from elsewhere, newest first."""
    with server() as client:
        dataset = client.datasets.find(name)
        found = list(client.datasets.imports.all(dataset.id))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (each.id, each.source, each.state, each.version or "", each.message or each.doing, output.ago(each.created_at))
        for each in found
    ]
    empty = f"Nothing was. studium datasets version {dataset.name} --from-url URL"
    output.table(["!import", "from", "!state", ">version", "says", "!begun"], rows, empty)


def refresh(name: NameArgument, import_id: ImportArgument = "", as_json: JsonFlag = False) -> None:
    """Bring the same again: a new version where something is new. An import that failed goes on where it was."""
    with server() as client:
        dataset = client.datasets.find(name)
        row = _meant(client, dataset, import_id)
        follow(client, dataset, client.datasets.imports.again(dataset.id, row), as_json)


def cancel(name: NameArgument, import_id: ImportArgument = "", as_json: JsonFlag = False) -> None:
    """Call an import off."""
    with server() as client:
        dataset = client.datasets.find(name)
        found = client.datasets.imports.cancel(dataset.id, _meant(client, dataset, import_id))
    if as_json:
        output.show_json(found)
        return
    output.say(f"Import {found.id} was called off.")


def _meant(client: Client, dataset: Dataset, import_id: str) -> str:
    if import_id:
        return import_id
    newest = next(client.datasets.imports.all(dataset.id), None)
    if newest is None:
        raise fail(
            f"Nothing was brought to {dataset.name} from elsewhere.",
            f"studium datasets version {dataset.name} --from-url URL",
        )
    return newest.id
