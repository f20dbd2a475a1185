"""Reading and saving the notebook file from inside a run. A reader sees the old version or the new one, never a part."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import hidden_outputs


class NotANotebook(Exception):
    """The file cannot be run as a notebook; the text says why and what to do."""


def read(path: Path) -> dict[str, Any]:
    """The notebook as nbformat 4. Raises NotANotebook."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotANotebook(f"There is no file {path.name} in this workspace.") from None
    except OSError as error:
        raise NotANotebook(f"{path.name} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"{path.name} is no notebook: its text is not JSON ({error}).") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise NotANotebook(f"{path.name} is no notebook: it has no nbformat.")
    if notebook["nbformat"] == 3:
        import nbformat

        notebook = json.loads(nbformat.writes(nbformat.convert(nbformat.from_dict(notebook), 4)))
    if notebook["nbformat"] != 4:
        raise NotANotebook(
            f"{path.name} is in nbformat {notebook['nbformat']}; save it as nbformat 4 and run it again."
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise NotANotebook(f"{path.name} is no notebook: it has no list of cells.")
    return notebook


def source(cell: dict[str, Any]) -> str:
    """A cell's source; the file format allows a list of lines as well as one text."""
    text = cell.get("source", "")
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def save(path: Path, notebook: dict[str, Any]) -> None:
    """Replace the file at once, keeping its mode; secrets are hidden. Raises OSError, with the old file as it was."""
    hidden_outputs.hide(notebook)
    text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    # A lone surrogate cannot be written as UTF-8, but a program may well print one.
    write_whole(path, text.encode("utf-8", "replace"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it has its old content or all of the new, whatever happens."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        mode = 0o644
    try:
        with open(unfinished, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fchmod(handle.fileno(), mode)
            os.fsync(handle.fileno())
        os.replace(unfinished, path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
