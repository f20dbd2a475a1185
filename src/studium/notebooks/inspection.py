"""What a notebook's bytes hold, read in this process: by `document` for small files, by the bounded child for others.

Light to import, because the child that renders a page needs it too.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from studium.errors import BadInput
from studium.notebooks import reading

_HEADING = re.compile(r"^ {0,3}#\s+(.+?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class NotebookInfo:
    """A checked notebook. `content` is what to store: nbformat 4.5, canonical. `title` is empty where it has none."""

    content: bytes
    title: str
    kernel: str
    language: str
    cells: int
    code_cells: int
    # What was done to the file so that it is nbformat 4.5, in a sentence; empty where nothing was.
    upgrade: str = ""


def inspect(data: bytes) -> NotebookInfo:
    """Read the notebook in this process. Raises BadInput."""
    document, upgrade = reading.read(data)
    cells, spec = document["cells"], _mapping(document["metadata"].get("kernelspec"))
    return NotebookInfo(
        content=reading.written(document),
        title=title_of(document),
        kernel=_short(spec.get("name")),
        language=language_of(document),
        cells=len(cells),
        code_cells=sum(cell["cell_type"] == "code" for cell in cells),
        upgrade=upgrade,
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


def language_of(document: dict[str, Any]) -> str:
    """The language of the code cells of a parsed notebook."""
    metadata = document["metadata"]
    spec = _mapping(metadata.get("kernelspec"))
    named = _mapping(metadata.get("language_info")).get("name") or spec.get("language")
    return _short(named) or "python"


def title_of(document: dict[str, Any]) -> str:
    """What a parsed notebook calls itself; empty where it does not."""
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
