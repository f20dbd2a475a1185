"""Secrets do not stay in what a notebook's cells showed: outputs and widgets are saved with `***` in their place.

Sources are saved as they were typed. This is against mishaps, such as a printed environment in a notebook that is
shared; whoever wants to let a value out can.
"""

import json
import os
from typing import Any

SHORTEST = 6
MARK = "***"


def _values() -> list[str]:
    given = [os.environ.get(name, "") for name in os.environ.get("STUDIUM_SECRETS", "").split()]
    return sorted({value for value in given if len(value) >= SHORTEST}, key=len, reverse=True)


# Read when the server or the executor starts, before anything of the notebook runs.
VALUES = _values()


def hide(notebook: dict[str, Any]) -> None:
    """Hide the values in the outputs and saved widgets of a notebook of nbformat 4, in place."""
    if not VALUES:
        return
    for cell in notebook.get("cells") or ():
        if isinstance(cell, dict) and cell.get("outputs"):
            cell["outputs"] = _hidden(cell["outputs"])
    metadata = notebook.get("metadata")
    if isinstance(metadata, dict) and "widgets" in metadata:
        metadata["widgets"] = _hidden(metadata["widgets"])


def hide_in_text(text: str) -> str:
    """The text of a notebook file with the values hidden in its outputs; as it was when there are none in it."""
    if not any(_shows(text, value) for value in VALUES):
        return text
    try:
        notebook = json.loads(text)
        hide(notebook)
    except (ValueError, AttributeError, RecursionError):
        return text
    said = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    return said.encode("utf-8", "replace").decode()  # without lone surrogates, which no file can have


def _shows(text: str, value: str) -> bool:
    """Whether a file may have the value: its longest line stands in it, as JSON writes it in either way."""
    line = max(value.splitlines() or [value], key=len)
    return any(json.dumps(line, ensure_ascii=plain)[1:-1] in text for plain in (True, False))


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        for secret in VALUES:
            value = value.replace(secret, MARK)
        return value
    if isinstance(value, dict):
        return {key: _hidden(inner) for key, inner in value.items()}
    if isinstance(value, list) and _is_split(value):
        return _lines(value)
    return [_hidden(inner) for inner in value] if isinstance(value, list) else value


def _is_split(parts: list[Any]) -> bool:
    """Whether it is one text that the file format splits into lines, and not several texts."""
    return all(isinstance(part, str) for part in parts) and all(part.endswith("\n") for part in parts[:-1])


def _lines(parts: list[str]) -> list[str]:
    """The lines of one text: a value may go over several."""
    whole = "".join(parts)
    hidden = _hidden(whole)
    return parts if hidden == whole else hidden.splitlines(keepends=True)
