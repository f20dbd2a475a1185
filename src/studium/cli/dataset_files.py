"""`studium datasets` for files: from a folder to a version, and what a version has. Taking it down is in `dataset_downloads`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import dataset_sources, exchange, output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.machines import TeamOption
from studium.cli.output import JsonFlag
from studium.client import ApiError
from studium.lib.units import size_words
from studium.lib.values import value_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Dataset, DatasetProfile, DatasetVersion

Name = Annotated[str, typer.Argument(metavar="DATASET", help="`team/name`, a name in your teams, or an id.")]
VersionOption = Annotated[str, typer.Option("--version", help="The version; the newest when left out.")]
NoteOption = Annotated[str, typer.Option("--note", help="What is new in it.")]
Source = Annotated[
    str, typer.Argument(metavar="DIR", help="A folder, or one file; none with a source.", show_default=False)
]
# Connections break during an upload of hours; it goes on where it was for so long.
PATIENCE_SECONDS = 600.0
LEFT_OUT = frozenset({".git", ".ipynb_checkpoints", "__pycache__", ".DS_Store", "Thumbs.db"})


def numbered(version: str) -> int | None:
    """The number, None for no text. Ends the command for what is no number."""
    return exchange.numbered(version) if version else None


def found_files(source: Path) -> list[tuple[str, Path]]:
    """What a folder has, by the paths that its files get; one file by its name. Ends the command where there is nothing.

    Links to files of the folder are taken as those files, others are left out: who shares a folder means what is in it.
    """
    if source.is_file():
        return [(source.name, source)]
    if not source.is_dir():
        raise fail(f"There is no folder or file {str(source)!r}.", "Check the path.")
    found, left_out, top = [], [], source.resolve()
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(each for each in folders if each not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder, name)
            if name in LEFT_OUT or not path.is_file():
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                left_out.append(path.relative_to(source).as_posix())
            else:
                found.append((path.relative_to(source).as_posix(), path))
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        output.note(f"Left out, as they are links that lead out of {source}: {', '.join(left_out[:3])}{more}")
    if not found:
        raise fail(f"{source} has no files.", "Name a folder that has some.")
    return found


def create(
    source: Source = "",
    title: Annotated[str, typer.Option(help="What it is called; the folder's name when left out.")] = "",
    team: TeamOption = "",
    subtitle: Annotated[str, typer.Option(help="In a line, what it is.")] = "",
    licence: Annotated[str, typer.Option(help="A name of SPDX as CC-BY-4.0, or your own words.")] = "",
    visibility: Annotated[str, typer.Option(help="private, team or public; as private as the plan allows.")] = "",
    note: NoteOption = "",
    from_url: dataset_sources.UrlOption = [],  # noqa: B006 (never changed)
    unpack: dataset_sources.UnpackOption = False,
    from_git: dataset_sources.GitOption = "",
    ref: dataset_sources.RefOption = "",
    folder: dataset_sources.FolderOption = "",
    secret: dataset_sources.SecretOption = "",
    username: dataset_sources.UsernameOption = "",
    from_notebook: dataset_sources.NotebookOption = "",
    from_provider: dataset_sources.ProviderOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a dataset of a folder, or of files from elsewhere.

    Broken off, it goes on where it was with `studium datasets version NAME DIR`.
    """
    given = dataset_sources.wanted(
        from_url, unpack, from_git, ref, folder, secret, username, from_notebook, from_provider
    )
    card = {key: value for key, value in (("subtitle", subtitle), ("licence", licence)) if value}
    if _elsewhere(source, given):
        assert given is not None
        with server() as client:
            dataset = client.datasets.create(title or given.title, team=team, visibility=visibility or None, **card)
            try:
                begun = dataset_sources.begin(client, dataset, given, note=note, add=False)
            except ApiError:  # of a source that cannot be there is no dataset
                client.datasets.delete(dataset.id)
                raise
            dataset_sources.follow(client, dataset, begun, as_json, made_for=given)
        return
    path = Path(source)
    files = found_files(path)
    name = title or (path.stem if path.is_file() else path.resolve().name)
    with server() as client:
        dataset = client.datasets.create(name, team=team, visibility=visibility or None, **card)
        output.note(f"Made {dataset.name}. If this breaks off: studium datasets version {dataset.name} {source}")
        _told(client, dataset, _sent(client, dataset, files, note), as_json)


def _elsewhere(source: str, given: dataset_sources.Source | None) -> bool:
    """Whether the files are to be brought from elsewhere. Ends the command where neither or both are named."""
    if bool(source) == bool(given):
        what = "Both a folder and a source are named." if source else "Neither a folder nor a source is named."
        raise fail(what, "Name a folder, or one of --from-url, --from-git, --from-notebook and --from-provider.")
    return given is not None


def version(
    name: Name,
    source: Source = "",
    note: NoteOption = "",
    from_url: dataset_sources.UrlOption = [],  # noqa: B006 (never changed)
    unpack: dataset_sources.UnpackOption = False,
    from_git: dataset_sources.GitOption = "",
    ref: dataset_sources.RefOption = "",
    folder: dataset_sources.FolderOption = "",
    secret: dataset_sources.SecretOption = "",
    username: dataset_sources.UsernameOption = "",
    from_notebook: dataset_sources.NotebookOption = "",
    from_provider: dataset_sources.ProviderOption = "",
    add: dataset_sources.AddOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a new version of a dataset from a folder, of which only what changed travels, or of files from elsewhere.

    It has what the folder has, and with --add what the version before has beside.
    """
    given = dataset_sources.wanted(
        from_url, unpack, from_git, ref, folder, secret, username, from_notebook, from_provider
    )
    if _elsewhere(source, given):
        assert given is not None
        with server() as client:
            found = client.datasets.find(name)
            begun = dataset_sources.begin(client, found, given, note=note, add=add)
            dataset_sources.follow(client, found, begun, as_json)
        return
    files = found_files(Path(source))
    with server() as client:
        dataset = client.datasets.find(name)
        if not add:
            _say_dropped(client, dataset, files, source)
        _told(client, dataset, _sent(client, dataset, files, note, add=add), as_json)


def _say_dropped(client: Client, dataset: Dataset, files: list[tuple[str, Path]], source: str) -> None:
    """How many files of the version before the new one lacks, before anything travels."""
    if dataset.version is None:
        return
    have = {path for path, _ in files}
    lost = sum(each.path not in have for each in client.datasets.files(dataset.id, dataset.version))
    if lost:
        words = "1 file" if lost == 1 else f"{lost:,} files"
        verb = "is" if lost == 1 else "are"
        before = f"{words} of version {dataset.version} {verb} not in {source} and not in the new one"
        output.note(f"{before}. With --add the files of the version before stay.")


def _sent(
    client: Client, dataset: Dataset, files: list[tuple[str, Path]], note: str, *, add: bool = False
) -> DatasetVersion:
    from studium.client.sending import Sent

    client.patience = PATIENCE_SECONDS
    size = sum(path.stat().st_size for _, path in files)
    _say_cost(client, dataset, size)
    with progress("Sending", size) as at:
        sent = Sent(changed=lambda now: at(now.read, f"{now.files:,} of {len(files):,} files"))
        try:
            made = client.datasets.send(dataset.id, files, note=note, sent=sent, add=add)
        except OSError as error:
            raise fail(f"{error.filename or 'A file'} cannot be read: {error.strerror}.", "Nothing was made.") from None
        except UnicodeEncodeError:
            raise fail("A file's name is no text that others could read.", "Rename it, and try again.") from None
    output.note(f"{size_words(sent.read)} read, {size_words(sent.travelled)} sent.")
    return made


def _say_cost(client: Client, dataset: Dataset, size: int) -> None:
    """What the files would cost a month, before anything of them travels; nothing where the plan includes them."""
    from studium.client.errors import ApiError

    try:
        words = client.storage.estimate(dataset.name.partition("/")[0], size).words
    except ApiError:  # somebody it is shared with is not told how its team stands
        return
    if words:
        output.note(f"If nothing of these files is there yet: {words}")


def _told(client: Client, dataset: Dataset, made: DatasetVersion, as_json: bool) -> None:
    if as_json:
        output.show_json(made)
        return
    output.say(
        f"Version {made.number} of {dataset.name}: {made.files:,} files, {size_words(made.bytes)}. {dataset.url}"
    )


def files(
    name: Name,
    version: VersionOption = "",
    below: Annotated[str, typer.Option(help="Only those in this folder.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """List the files of a dataset."""
    with server() as client:
        dataset, number = meant(client, name, version)
        found = list(client.datasets.files(dataset.id, number, below))
    if as_json:
        output.show_json(found)
        return
    rows = [(each.path, size_words(each.size), each.digest[:12]) for each in found]
    output.table(["file", ">size", "!sha-256"], rows, f"There is no folder {below} in it." if below else "No files.")


def meant(client: Client, name: str, version: str) -> tuple[Dataset, int]:
    """The dataset and the number of the version that are meant, the newest without one. Ends the command where there is none."""
    number = numbered(version)
    dataset = client.datasets.find(name)
    number = number or dataset.version
    if number is None:
        raise fail(
            f"{dataset.name} has no version.", f"Make one: studium datasets version {dataset.name} DIR", Exit.NOT_YET
        )
    return dataset, number


def preview(
    name: Name,
    path: Annotated[str, typer.Argument(metavar="FILE", help="A file of it.", show_default=False)],
    version: VersionOption = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1000, help="How many.")] = 10,
    raw: Annotated[bool, typer.Option("--raw", help="The lines as they are, of tables too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the columns of a table of a dataset, what is in an archive, or the first lines of a text file."""
    with server() as client:
        dataset, number = meant(client, name, version)
        profile = client.datasets.profile(dataset.id, number, path)
        found = profile.found or {}
        trouble = profile.trouble or found.get("trouble")
        if not raw and (found.get("tables") or found.get("members")):
            _show_inside(profile, found, as_json)
            return
        if profile.state in ("waiting", "running") and not raw:
            output.note("Its columns are still being looked at; here is how it begins.")
        if trouble and not raw:
            raise fail(f"{path} cannot be read: {trouble}", "See how it begins: the same with --raw")
        content = client.datasets.head(dataset.id, number, path)
    if b"\0" in content:
        raise fail(f"{path} is no text.", f"Take it down: studium datasets download {dataset.name} --file {path}")
    first = content.decode(errors="replace").splitlines()[:lines]
    if as_json:
        output.show_json({"dataset": dataset.name, "version": number, "file": path, "lines": first})
        return
    for line in first:
        typer.echo(output.printable(line))


def _show_inside(profile: DatasetProfile, found: dict[str, Any], as_json: bool) -> None:
    """Its tables, or the files in it; and why that may not be all."""
    if as_json:
        output.show_json(profile)
        return
    if members := found.get("members"):
        rows = [(each["path"], size_words(each["size"])) for each in members]
        output.table(["inside", ">size"], rows, "")
        if (more := found.get("members_count", 0) - len(rows)) > 0:
            output.note(f"{more:,} more are not listed.")
    _show_tables(profile, found.get("tables") or [])
    if found.get("trouble"):
        output.note(found["trouble"])


def _show_tables(profile: DatasetProfile, tables: list[dict[str, Any]]) -> None:
    for each in tables:
        about = "" if each.get("rows_exact", True) else "~"
        output.say(
            f"{each.get('name') or profile.path}: {about}{each['rows']:,} rows, {each['columns_count']:,} columns"
        )
        rows = [_figures(one) for one in each["columns"]]
        output.table(
            ["column", "type", ">missing", ">distinct", "least", "most", "mean", "median"], rows, "It has no columns."
        )


def _figures(column: dict[str, Any]) -> tuple[str, ...]:
    """A column's line: its name and type, what is missing, how many different values, and how they lie."""
    median = (column.get("quantiles") or [None] * 5)[2]
    spread = (column["min"], column["max"], column.get("mean"), median)
    return column["name"], column["type"], value_words(column["missing"]), _distinct(column), *map(_cut, spread)


def _distinct(column: dict[str, Any]) -> str:
    about = "" if column.get("distinct_exact", True) else "~"
    return "" if column["distinct"] is None else f"{about}{value_words(column['distinct'])}"


def _cut(value: Any) -> str:
    return value_words(value)[:30]


@contextmanager
def progress(verb: str, size: int) -> Iterator[Callable[[int, str], None]]:
    """A bar on standard error, where somebody watches."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = output.console(error=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        task = shown.add_task(verb, total=size, words="")
        yield lambda done, words: shown.update(task, completed=done, words=words)
