"""The notebook as a document: is this one, what does it hold, and what is stored of it.

Everything that enters the platform as a notebook passes `check_notebook`. Small files are read here; large ones, and those
that need the format's own library, in a bounded process.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from studium.config.options import options
from studium.errors import BadInput
from studium.lib.units import MIB, size_words
from studium.notebooks import reading
from studium.notebooks.bounded import Bounds, OutOfBounds, run_bounded

# Parsed JSON takes up to thirty times its bytes.
READ_HERE = 1 * MIB
BOUNDS = Bounds(memory_bytes=3072 * MIB, seconds=40, answer_bytes=512 * MIB)
_HEADING = re.compile(r"^ {0,3}#\s+(.+?)\s*#*\s*$", re.MULTILINE)
_VERSION_3 = re.compile(rb'"nbformat"\s*:\s*3\b')


@dataclass(frozen=True, kw_only=True)
class NotebookInfo:
    """A checked notebook. `content` is what to store: nbformat 4.5, canonical. `title` is empty where it has none."""

    content: bytes
    title: str
    kernel: str
    language: str
    cells: int
    code_cells: int


def check_notebook(data: bytes, *, most: int | None = None) -> NotebookInfo:
    """Check and normalise a notebook of at most `most` bytes (by default the setting). Raises BadInput, in words."""
    most = options().notebook_bytes if most is None else most
    if len(data) > most:
        raise BadInput(
            "notebook.too_large",
            f"This notebook is {size_words(len(data))}; {size_words(most)} is the most that is taken.",
            "Clear the outputs of its cells and send it again, or put the data it carries into files.",
            {"bytes": len(data), "most": most},
        )
    if len(data) <= READ_HERE and not _VERSION_3.search(data):
        return inspect(data)
    try:
        head, _, content = run_bounded("check", data, BOUNDS).partition(b"\n")
    except OutOfBounds as error:
        raise BadInput(
            "notebook.unreadable", f"This notebook could not be read: {error}.", "Clear the outputs of its cells and send it again."
        ) from None
    answer = json.loads(head)
    if "error" in answer:
        raise BadInput(**answer["error"])
    return NotebookInfo(content=content, **answer)


def summarise(data: bytes) -> NotebookInfo | None:
    """Like `check_notebook`, but None for what is no notebook: a file that may just be half-written, for example."""
    try:
        return check_notebook(data)
    except BadInput:
        return None


def normalise(data: bytes) -> bytes:
    """The canonical bytes of a notebook. Raises BadInput."""
    return check_notebook(data).content


def blank(title: str) -> bytes:
    """A new Python notebook with a heading and an empty cell."""
    heading = " ".join(title.split())[:200] or "Untitled"
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [{"cell_type": "markdown", "source": f"# {heading}"}, {"cell_type": "code", "source": ""}],
    }
    return reading.written(reading.parse(json.dumps(document).encode()))


def inspect(data: bytes) -> NotebookInfo:
    """Read the notebook in this process. Raises BadInput."""
    document = reading.parse(data)
    cells, metadata = document["cells"], document["metadata"]
    spec = _mapping(metadata.get("kernelspec"))
    language = _mapping(metadata.get("language_info")).get("name") or spec.get("language") or "python"
    return NotebookInfo(
        content=reading.written(document),
        title=_title(document),
        kernel=_short(spec.get("name")),
        language=_short(language) or "python",
        cells=len(cells),
        code_cells=sum(cell["cell_type"] == "code" for cell in cells),
    )


def answer_check(data: bytes) -> bytes:
    """What the bounded process answers: a line of JSON, then the content. `check_notebook` reads it."""
    try:
        found = inspect(data)
    except BadInput as error:
        return json.dumps({"error": error.as_dict()}).encode() + b"\n"
    head = asdict(found)
    content: bytes = head.pop("content")
    return json.dumps(head).encode() + b"\n" + content


def _title(document: dict[str, Any]) -> str:
    named = document["metadata"].get("title")
    if isinstance(named, str) and named.strip():
        return _short(named)
    for cell in document["cells"][:20]:
        found = _HEADING.search(cell["source"][:20_000]) if cell["cell_type"] == "markdown" else None
        if found:
            return _short(re.sub(r"[*_`]", "", found[1]))
    return ""


def _short(value: Any) -> str:
    """One line of at most 200 characters, without what cannot be stored as text."""
    text = " ".join(value.split())[:200] if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
