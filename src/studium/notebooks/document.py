"""The notebook as a document: is this one, what does it hold, and what is stored of it.

Everything that enters the platform as a notebook passes `check_notebook`. Small files are read here; large ones, and those
that need the format's own library, in a bounded process.
"""

import json
import re

from studium.config.options import options
from studium.environments import kernels
from studium.errors import BadInput, NotYet
from studium.lib.units import MIB, size_words
from studium.notebooks import reading
from studium.notebooks.bounded import Bounds, Crowded, OutOfBounds, run_bounded
from studium.notebooks.inspection import NotebookInfo, inspect

# Parsed JSON takes up to thirty times its bytes.
READ_HERE = 1 * MIB
BOUNDS = Bounds(memory_bytes=3072 * MIB, seconds=40, answer_bytes=512 * MIB)
PATIENCE = 10.0
_VERSION_3 = re.compile(rb'"nbformat"\s*:\s*3\b')


def check_notebook(data: bytes, *, most: int | None = None, patience: float | None = PATIENCE) -> NotebookInfo:
    """Check and normalise a notebook of at most `most` bytes (by default the setting). Raises BadInput, in words.

    Raises NotYet when other large notebooks are being read for `patience` seconds; None waits for as long as it takes.
    """
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
        head, _, content = run_bounded("check", data, BOUNDS, patience=patience).partition(b"\n")
    except Crowded:
        raise NotYet(
            "notebook.crowded", "Other large notebooks are being read at this moment.", "Send yours again in a minute."
        ) from None
    except OutOfBounds as error:
        raise BadInput(
            "notebook.unreadable",
            f"This notebook could not be read: {error}.",
            "Clear the outputs of its cells and send it again.",
        ) from None
    answer = json.loads(head)
    if "error" in answer:
        raise BadInput(**answer["error"])
    return NotebookInfo(content=content, **answer)


def summarise(data: bytes) -> NotebookInfo | None:
    """Like `check_notebook`, but None for what is no notebook: a file that may just be half-written, for example."""
    try:
        return check_notebook(data, patience=None)
    except BadInput:
        return None


def normalise(data: bytes) -> bytes:
    """The canonical bytes of a notebook. Raises BadInput."""
    return check_notebook(data).content


def blank(title: str, language: str = kernels.PYTHON) -> bytes:
    """A new notebook in this language with a heading and an empty cell. Raises BadInput for an unknown language."""
    chosen = kernels.find(language)
    spec = {
        "name": chosen.kernel.name,
        "display_name": chosen.kernel.display_name,
        "language": chosen.language.info["name"],
    }
    heading = " ".join(title.split())[:200] or "Untitled"
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": spec, "language_info": chosen.language.info},
        "cells": [{"cell_type": "markdown", "source": f"# {heading}"}, {"cell_type": "code", "source": ""}],
    }
    return reading.written(reading.parse(json.dumps(document).encode()))
