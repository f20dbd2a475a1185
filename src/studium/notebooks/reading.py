"""Bytes that claim to be a notebook, made into one that is valid nbformat 4.5, or refused in words.

Plain code over plain JSON: the format's own library takes a second to import and is needed only for nbformat 3.
"""

import hashlib
import json
import math
import re
from typing import Any

from studium.errors import BadInput

MOST_CELLS = 10_000
DEEPEST = 64
# Lists and objects together: what makes parsed JSON large.
MOST_PARTS = 2_000_000
CELL_TYPES = ("code", "markdown", "raw")
_CELL_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_SURROGATE = re.compile("[\ud800-\udfff]")

Json = dict[str, Any]


def parse(data: bytes) -> Json:
    """The notebook in `data`, upgraded and mended. Raises BadInput."""
    return read(data)[0]


def read(data: bytes) -> tuple[Json, str]:
    """The same, and what had to be done to it, in words; empty where it came as it is kept. Raises BadInput."""
    document = _json(data)
    if not isinstance(document, dict) or not isinstance(document.get("nbformat"), int):
        raise _not_a_notebook("it has no `nbformat`, as every Jupyter notebook does")
    version = document["nbformat"]
    if version == 3:
        document = _upgraded(document)
    elif version < 3:
        raise BadInput(
            "notebook.format_too_old",
            f"This notebook is in nbformat {version}, which is no longer read.",
            "Open and save it with Jupyter (nbformat 4), then send that file.",
        )
    elif version > 4:
        raise BadInput(
            "notebook.format_unknown",
            f"This notebook is in nbformat {version}; up to 4 is known here.",
            "Save it as nbformat 4, or update Studium.",
        )
    minor = document.get("nbformat_minor")
    mended, anew = _mended(document)
    words = []
    if version < 4 or (isinstance(minor, int) and minor < 5):
        words.append(f"It came as nbformat {version}{f'.{minor}' if version == 4 else ''} and was upgraded to 4.5.")
    elif anew:
        cells = "1 cell has" if anew == 1 else f"{anew} cells have"
        words.append(f"{cells} a new id: the one in the file was missing, not valid or used twice.")
    return mended, " ".join(words)


def written(document: Json) -> bytes:
    """The canonical bytes of a notebook: equal documents give equal bytes."""
    try:
        text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    except ValueError:  # a number such as 1e999, which reads as infinity
        return written(_finite(document))
    return _SURROGATE.sub("\ufffd", text).encode()


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON cannot write; no deeper than `_check_depth` lets through."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def text_of(value: Any) -> str:
    """The format allows a list of lines wherever it allows a text."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _json(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            "notebook.not_text",
            f"This file is not a notebook: byte {error.start} is not UTF-8 text.",
            "Send the .ipynb file itself, not an archive or a picture of it.",
        ) from None
    if data.count(b"[") + data.count(b"{") > MOST_PARTS:
        raise BadInput(
            "notebook.too_many_parts",
            "This notebook holds millions of lists and objects.",
            "Clear its outputs and send it again.",
        )
    try:
        # NaN and infinities are no JSON: browsers cannot read a document with them.
        document = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        raise BadInput(
            "notebook.not_json",
            f"This file is not a notebook: its text is not JSON (line {error.lineno}: {error.msg}).",
            "Send the .ipynb file as Jupyter saved it.",
        ) from None
    except ValueError:
        raise BadInput(
            "notebook.number_too_long",
            "This notebook holds a number of thousands of digits.",
            "Clear its outputs and send it again.",
        ) from None
    except RecursionError:
        raise _too_deep() from None
    _check_depth(document)
    return document


def _check_depth(document: Any) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise _too_deep()
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(v for v in each.values() if isinstance(v, dict | list))
            elif isinstance(each, list):
                inner.extend(v for v in each if isinstance(v, dict | list))
        level = inner


def _too_deep() -> BadInput:
    return BadInput(
        "notebook.too_deep",
        f"This notebook nests its data more than {DEEPEST} levels deep.",
        "Clear its outputs and send it again.",
    )


def _not_a_notebook(why: str) -> BadInput:
    return BadInput(
        "notebook.not_a_notebook",
        f"This file is JSON but not a notebook: {why}.",
        "Send a .ipynb file as Jupyter saved it.",
    )


def _upgraded(document: Json) -> Json:
    """nbformat 3 to 4, by the format's own library. It trusts its input, so whatever it raises means a bad notebook."""
    import nbformat

    library: Any = nbformat
    try:
        found = library.convert(library.from_dict(document), 4)
    except Exception as error:
        raise _not_a_notebook(f"it says nbformat 3 but does not read as that ({type(error).__name__})") from None
    upgraded: Json = json.loads(json.dumps(found))
    return upgraded


def _mended(document: Json) -> tuple[Json, int]:
    """The document as it is kept, and how many cells have an id that is not the file's."""
    cells = document.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise _not_a_notebook("it has no list of cells")
    if len(cells) > MOST_CELLS:
        raise BadInput(
            "notebook.too_many_cells",
            f"This notebook has {len(cells)} cells; {MOST_CELLS} are allowed.",
            "Split it into several.",
        )
    metadata = document.get("metadata")
    taken: set[str] = set()
    mended = [_cell(cell, number, taken) for number, cell in enumerate(cells)]
    whole = {
        "cells": mended,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return whole, sum(cell.get("id") != kept["id"] for cell, kept in zip(cells, mended, strict=True))


def _cell(cell: Json, number: int, taken: set[str]) -> Json:
    kind = cell.get("cell_type")
    if kind not in CELL_TYPES:
        raise _not_a_notebook(f"cell {number + 1} is of no known type")
    source = text_of(cell.get("source"))
    metadata = cell.get("metadata")
    mended: Json = {
        "cell_type": kind,
        "id": _cell_id(cell.get("id"), number, source, taken),
        "metadata": metadata if isinstance(metadata, dict) else {},
        "source": source,
    }
    if kind == "code":
        count, outputs = cell.get("execution_count"), cell.get("outputs")
        mended["execution_count"] = count if isinstance(count, int) and not isinstance(count, bool) else None
        mended["outputs"] = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
    elif isinstance(cell.get("attachments"), dict):
        mended["attachments"] = cell["attachments"]
    return mended


def _cell_id(wanted: Any, number: int, source: str, taken: set[str]) -> str:
    """The cell's own id where it is valid and not used before, else one that is the same every time."""
    chosen = wanted if isinstance(wanted, str) and _CELL_ID.match(wanted) and wanted not in taken else ""
    attempt = 0
    while not chosen or chosen in taken:
        seed = f"{number}:{attempt}:{source}".encode("utf-8", "replace")
        chosen, attempt = hashlib.sha256(seed).hexdigest()[:8], attempt + 1
    taken.add(chosen)
    return chosen
