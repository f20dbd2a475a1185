"""`studium datasets download`: from a version to a folder, and what else lies in that folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import exchange, output
from studium.cli.context import server
from studium.cli.dataset_files import LEFT_OUT, PATIENCE_SECONDS, Name, VersionOption, meant, progress
from studium.cli.failing import fail
from studium.cli.output import JsonFlag
from studium.lib.units import parse_duration

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Dataset, DatasetFile

DeleteOption = Annotated[
    bool, typer.Option("--delete", help="Delete files of the folder that the version lacks, after asking.")
]


def download(
    name: Name,
    target: Annotated[str, typer.Argument(metavar="DIR", help="Where to; a folder of its name when left out.")] = "",
    version: VersionOption = "",
    file: Annotated[str, typer.Option("--file", help="Only this file.")] = "",
    below: Annotated[str, typer.Option(help="Only those in this folder.")] = "",
    delete: DeleteOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take a dataset down. Broken off, it goes on where it was; each file is checked."""
    if delete and (file or below):
        raise fail("--delete goes with a whole version.", "Leave out --file and --below.")
    if delete and as_json and not yes:
        raise fail("With --json nobody is asked.", "Give --yes.")
    with server() as client:
        dataset, number = meant(client, name, version)
        found = list(client.datasets.files(dataset.id, number, below))
        wanted = [each for each in found if not file or each.path == file]
        if not wanted:
            raise fail(
                f"Version {number} of {dataset.name} has no {file or below}.",
                f"See what it has: studium datasets files {dataset.name}",
            )
        folder = Path(target or dataset.slug)
        _take(client, dataset, number, wanted, folder)
    # Who takes one file means nothing of the folder around it.
    others = [] if file else _others(folder, found, below)
    deleted = _deleted(folder, others, dataset, number, yes=yes) if delete and others else []
    left = len(others) - len(deleted)
    if as_json:
        told = {"dataset": dataset.name, "version": number, "files": len(wanted), "folder": str(folder)}
        output.show_json({**told, "others": left, "deleted": deleted})
        return
    output.say(f"{len(wanted):,} files of version {number} of {dataset.name} are in {folder}.")
    if deleted:
        output.say(f"Deleted {_counted(len(deleted), 'other file')}.")
    if left:
        advice = "" if below else " --delete removes what the version lacks."
        place = folder / below if below else folder
        output.note(f"{_counted(left, 'other file')} {'is' if left == 1 else 'are'} in {place}.{advice}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _others(folder: Path, found: Iterable[DatasetFile], below: str) -> list[str]:
    """Paths of files in the folder that are none of these. Folders of git and the like are no part of it, and links to
    folders are not followed."""
    root = folder.resolve()
    known = {each.path for each in found}
    others = [path for path in _walked(root, root.joinpath(*below.split("/"))) if path not in known]
    if others:
        # Where names that differ in case or accents are one, what was taken down may have the name that was there before.
        ours = {_identity(root.joinpath(path)) for path in known}
        others = [path for path in others if _identity(root.joinpath(path)) not in ours]
    return sorted(others)


def _walked(root: Path, top: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = [each for each in folders if each not in LEFT_OUT]
        for name in names:
            if name not in LEFT_OUT:
                yield Path(folder, name).relative_to(root).as_posix()


def _identity(path: Path) -> tuple[int, int]:
    told = path.lstat()
    return told.st_dev, told.st_ino


def _deleted(folder: Path, others: list[str], dataset: Dataset, number: int, *, yes: bool) -> list[str]:
    """Delete them, with folders that are empty then, once somebody said yes. Ends the command where nobody did."""
    more = f" and {len(others) - 5:,} more" if len(others) > 5 else ""
    output.note(f"Version {number} of {dataset.name} lacks: {', '.join(others[:5])}{more}")
    if not yes and not output.ask(f"Delete {_counted(len(others), 'file')} of {folder}?"):
        raise fail("The version was taken down, and nothing was deleted.", "Give --yes to delete without being asked.")
    root = folder.resolve()
    for path in others:
        place = root / path
        try:
            place.unlink()
        except OSError as error:
            raise fail(f"{place} cannot be deleted: {error.strerror}.", "Delete it by hand.") from None
        with contextlib.suppress(OSError):  # the first that has something in it
            for parent in place.parents:
                if parent == root:
                    break
                parent.rmdir()
    return others


def _take(client: Client, dataset: Dataset, number: int, wanted: list[DatasetFile], folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from studium.client.receiving import Taken

    client.patience = PATIENCE_SECONDS
    root = folder.resolve()
    with progress("Taking", sum(each.size for each in wanted)) as at, ThreadPoolExecutor(4) as pool:
        taken = Taken(changed=lambda now: at(now.bytes, f"{now.files:,} of {len(wanted):,} files"))

        def take(each: DatasetFile) -> None:
            client.datasets.take(dataset.id, number, each, exchange.below(root, each.path), taken)

        try:
            for _ in pool.map(take, wanted):
                pass
        except OSError as error:
            raise fail(f"{error.filename} cannot be written: {error.strerror}.", "Choose another folder.") from None
        finally:
            pool.shutdown(cancel_futures=True)


def link(
    name: Name,
    version: VersionOption = "",
    file: Annotated[str, typer.Option("--file", help="To this file; to a zip of all when left out.")] = "",
    below: Annotated[str, typer.Option(help="To a zip of what is in this folder.")] = "",
    lasts: Annotated[str, typer.Option("--for", help="How long it is good, as 30min, 1h or 7d.")] = "1h",
    as_json: JsonFlag = False,
) -> None:
    """Make a link by which anybody can download a file, or all as a zip, for a while and without signing in."""
    if file and below:
        raise fail("--file and --below are two things.", "Give one of them.")
    try:
        seconds = parse_duration(lasts)
    except ValueError:
        raise fail(f"{lasts!r} is not how long something lasts.", "Write it as 30min, 1h or 7d.") from None
    with server() as client:
        dataset, number = meant(client, name, version)
        made = client.datasets.link(dataset.id, number, file or below, archive=not file, seconds=seconds)
    if as_json:
        output.show_json(made)
        return
    output.say(made.url)
    output.note(f"It is good until {made.expires_at:%Y-%m-%d %H:%M} UTC, as long as you may read {dataset.name}.")
