"""Notebooks and output files to and from this machine: `studium notebooks push`, `pull` and `files`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import files, output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Notebook, VersionFile, VersionFiles

_ANY = "The version's number; the newest whose run has ended when left out."


def numbered(text: str) -> int:
    """The number a person wrote as `3` or `v3`. Ends the command if it is none."""
    digits = text.strip().lower().removeprefix("v")
    if not (digits.isascii() and digits.isdigit() and 0 < len(digits) < 10 and int(digits)):
        raise fail(f"{text!r} is not a version's number.", "Write it as 3.")
    return int(digits)


def push(
    file: Annotated[Path, typer.Argument(help="The notebook, a .ipynb file.", show_default=False)],
    name: Name,
    note: Annotated[str, typer.Option("--note", help="What to remember of the version.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Replace a notebook with a file and save that as a version."""
    if not file.exists() and Path(name).is_file():
        raise fail(f"There is no file {file}.", f"The file comes first: studium notebooks push {name} {file}")
    content = files.read_notebook(file)
    with server() as client:
        notebook = client.notebooks.replace(client.notebooks.find(name).id, content)
        if notebook.upgrade:
            output.note(notebook.upgrade)
        made = client.notebooks.versions.save(notebook.id, note)
    if as_json:
        output.show_json(made)
        return
    output.say(f"{notebook.name} now has the content of {file}, saved as version {made.number}.")


def list_files(name: Name, version: Annotated[str, typer.Option(help=_ANY)] = "", as_json: JsonFlag = False) -> None:
    """List the output files of a version."""
    asked = numbered(version) if version else None
    with server() as client:
        notebook = client.notebooks.find(name)
        number = asked or _newest_run(client, notebook)
        found = client.notebooks.versions.files(notebook.id, number)
    if as_json:
        output.show_json(found)
        return
    rows = [(each.path, size_words(each.size), each.digest[:12]) for each in found.files]
    output.table(["file", ">size", "!digest"], rows, f"Version {number} has no output files.")
    _say_left_out(found)


def _say_left_out(found: VersionFiles) -> None:
    if found.left_out:
        words = "1 file was" if found.left_out == 1 else f"{found.left_out} files were"
        output.note(
            f"{words} not kept ({size_words(found.left_bytes)}): more than a version or the team's plan may hold."
        )


def _newest_run(client: Client, notebook: Notebook) -> int:
    """The newest version whose run has ended and whose files are kept."""
    rows = client.notebooks.versions.all(notebook.id)
    found = next((each.number for each in rows if each.kind == "run" and each.settled), None)
    if found is None:
        raise fail(
            f"No run of {notebook.name} has ended with output files.", f"Run it: studium notebooks run {notebook.name}"
        )
    return found


def pull(
    name: Name,
    version: Annotated[
        str, typer.Option(help="This version; with --files the newest whose run has ended, else the notebook as it is.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; `-` for standard output.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--files", metavar="DIR", help="Also write the version's output files below DIR.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download a notebook or one of its versions, and its output files."""
    asked = numbered(version) if version else None
    piped = str(to) == "-"
    with server() as client:
        notebook = client.notebooks.find(name)
        number = asked if asked or folder is None else _newest_run(client, notebook)
        kept = client.notebooks.versions.files(notebook.id, number) if folder and number else None
        places = _places(folder, kept.files, force=force) if folder and kept else []
        content = _document(client, notebook, number)
        target = to or Path(f"{notebook.slug}-v{number}.ipynb" if number else f"{notebook.slug}.ipynb")
        if piped:
            sys.stdout.buffer.write(content)
        else:
            files.write_new(target, content, force=force)
        for each, place in places:
            _fetch(client, notebook, number or 0, each, place)
    if kept:
        _say_left_out(kept)
        output.note(f"Wrote {len(places)} output files of version {number} below {folder}.")
    if as_json and not piped:
        written = [str(place) for _, place in places]
        told = {"notebook": notebook.id, "version": number, "file": str(target), "bytes": len(content)}
        output.show_json({**told, "files": written})
    elif not piped:
        output.say(f"Wrote {target} ({size_words(len(content))}).")


def _document(client: Client, notebook: Notebook, number: int | None) -> bytes:
    if number is None:
        return client.notebooks.content(notebook.id)
    return client.notebooks.versions.content(notebook.id, number)


def _places(folder: Path, found: list[VersionFile], *, force: bool) -> list[tuple[VersionFile, Path]]:
    """Where each file goes. Ends the command, with nothing written, if one would leave the folder or replace another."""
    root = folder.resolve()
    places = []
    for each in found:
        place = below(root, each.path)
        if place.exists() and not force:
            raise fail(
                f"{folder / each.path} is there already.", "Use --force to replace files, or name another folder."
            )
        places.append((each, place))
    return places


def below(root: Path, path: str) -> Path:
    """The file `path` below `root`, a resolved folder. Ends the command if a server names one that is elsewhere.

    A link that is there already and leads out of the folder is not followed either.
    """
    parts = path.split("/")
    odd = any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)
    place = root.joinpath(*parts)
    if odd or PurePosixPath(path).is_absolute() or not place.parent.resolve().is_relative_to(root):
        raise fail(
            f"{path!r} would be written outside {root}.", "Nothing was written. Tell the server's administrator."
        )
    if place.is_symlink() or place.is_dir():
        raise fail(f"{place} is a link or a folder.", "Remove it, or name another folder.")
    return place


def _fetch(client: Client, notebook: Notebook, number: int, wanted: VersionFile, place: Path) -> None:
    """Write one file whole or not at all; its bytes must be those of its digest."""
    fresh = place.with_name(f".studium-{os.getpid()}")  # the name of its own may be as long as names can be
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        client.notebooks.versions.file(notebook.id, number, wanted.path, fresh)
        with fresh.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != wanted.digest:
            raise fail(f"{wanted.path} did not arrive as it was sent.", "Try again.", Exit.NOT_CONNECTED)
        fresh.replace(place)
    except OSError as error:
        raise fail(f"{place} cannot be written: {error.strerror}.", "Choose another folder with --files.") from None
    finally:
        with contextlib.suppress(OSError):  # there may be no folder that it could be in
            fresh.unlink()
