"""Notebook files of this machine: read with a sentence for everything that can be wrong, written whole or not at all."""

import json
import os
from pathlib import Path

from studium.cli.failing import fail

# Above this a file is not even read; the server says its own limit for what is below.
LARGEST = 128 * 1024**2


def read_notebook(path: Path) -> bytes:
    """The bytes of a notebook file. Ends the command with exit code 2 if it is none."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise fail(f"{path} is a folder.", "Name a notebook file, as analysis.ipynb.")
        if size > LARGEST:
            raise fail(
                f"{path} has {size // 1024**2} MiB; a notebook file has at most {LARGEST // 1024**2} MiB.",
                "Clear its outputs, and keep data in files beside it.",
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise fail(f"There is no file {path}.", "Check the name and the folder.") from None
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    _check(path, content)
    return content


def read_text(path: Path) -> str:
    """A text file of this machine. Ends the command with exit code 2 where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise fail(f"{path} cannot be read as text: {error}.", "Name a text file in UTF-8.") from None


def _check(path: Path, content: bytes) -> None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise fail(f"{path} is not a notebook: it is not JSON.", "A notebook file ends in .ipynb.") from None
    if not isinstance(data, dict) or "nbformat" not in data:
        raise fail(f"{path} is JSON but not a notebook.", "A notebook has the keys `cells` and `nbformat`.")


def write_whole(path: Path, content: bytes) -> None:
    """Put the bytes there in one step, replacing what was there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise fail(f"{path} cannot be written: {error.strerror}.", "Choose another place with --output.") from None


def write_new(path: Path, content: bytes, *, force: bool) -> None:
    """The same, but a file that is there is only replaced by force."""
    if path.exists() and not force:
        raise fail(f"{path} is there already.", "Use --force to replace it, or --output for another name.")
    write_whole(path, content)
