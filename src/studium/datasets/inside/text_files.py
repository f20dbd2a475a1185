"""Texts: their encoding, number of lines and first lines. Notebooks: their cells and language."""

import codecs
import json
import time
from collections.abc import Callable
from typing import Any

from clean_text import first_bytes, guess, opened
from file_kinds import looks_like_text
from json_values import Trouble, text
from looking import File

HEAD_LINES, HEAD_CHARACTERS = 100, 500
_PIECE = 1 << 20
_LARGEST_NOTEBOOK = 64 * 1024 * 1024

Tell = Callable[..., None]


def read(file: File, tell: Tell) -> None:
    """Tell the first lines, then how many there are. Raises Trouble."""
    start = first_bytes(file)
    if not looks_like_text(start):
        tell(kind="other", trouble="It is called a text and is none.")
        return
    encoding = guess(start)
    tell(encoding=_plain(encoding), head=first_lines(start, encoding), lines=None)
    lines, whole = _count(file, encoding)
    tell(lines=lines, trouble="" if whole else "It was not read to its end; there are more lines.")


def _plain(encoding: str) -> str:
    return "windows-1252" if encoding == "cp1252" else encoding


def first_lines(start: bytes, encoding: str) -> list[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("replace")
    found = decoder.decode(start).replace("\0", "")
    lines = found.split("\n", HEAD_LINES)
    if not lines[-1]:  # after the last end of a line there is no other line
        lines.pop()
    return [text(line.removesuffix("\r"), HEAD_CHARACTERS) for line in lines[:HEAD_LINES]]


def _count(file: File, encoding: str) -> tuple[int, bool]:
    """Lines, and whether all of it was read in half of the time there is."""
    ends = time.monotonic() + file.limits.seconds / 2
    wide = encoding.startswith(("utf-16", "utf-32"))
    decoder = codecs.getincrementaldecoder(encoding)("replace") if wide else None
    lines, last = 0, ""
    with opened(file) as source:
        while piece := source.read(_PIECE):
            if decoder is None:
                lines += piece.count(b"\n")
                last = "\n" if piece.endswith(b"\n") else "."
            elif found := decoder.decode(piece):
                lines += found.count("\n")
                last = found[-1]
            if time.monotonic() > ends:
                return lines, False
    return lines + (last not in ("", "\n")), True


def read_notebook(file: File, tell: Tell) -> None:
    """Tell how many cells there are and in what language. Raises Trouble."""
    if file.size > _LARGEST_NOTEBOOK:
        raise Trouble("It is too large for a notebook.")
    try:
        with open(file.path, "rb") as handle:
            found: Any = json.loads(handle.read())
        cells = found["cells"] if "cells" in found else [c for sheet in found["worksheets"] for c in sheet["cells"]]
        metadata = found.get("metadata") or {}
        language = (metadata.get("language_info") or {}).get("name") or (metadata.get("kernelspec") or {}).get(
            "language"
        )
        tell(cells=len(cells), language=text(str(language or ""), 100))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Trouble("It cannot be read as a notebook.") from None
