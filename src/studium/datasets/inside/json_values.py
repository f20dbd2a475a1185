"""Values of files as values of JSON: short, finite, and text that is text everywhere."""

import math
from collections.abc import Callable
from typing import Any

# Of a value in the first rows, and of one that is told among the most frequent.
CELL, VALUE = 500, 200

Tell = Callable[[dict[str, Any]], None]


class Trouble(Exception):
    """What kept a file from being looked into, as a sentence for people."""


def text(value: str, most: int = CELL) -> str:
    """At most `most` characters, without halves of characters, which no other program could read."""
    return value[:most].encode("utf-8", "replace").decode("utf-8")


def name(value: str, most: int = CELL) -> str:
    """A name of a file or member, whose bytes need not be text."""
    return value[:most].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def value(found: Any, most: int = CELL) -> Any:
    """Numbers that are not finite become None; what JSON does not know becomes text."""
    if found is None or isinstance(found, bool | int):
        return found
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    return text(found if isinstance(found, str) else str(found), most)


def cells(row: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [value(each) for each in row]
