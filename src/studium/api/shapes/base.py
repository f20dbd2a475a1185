"""The base of every shape, and text that is safe to store and show."""

from typing import Annotated, Any, Generic, TypeVar

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, StringConstraints

from studium.errors import StudiumError

Item = TypeVar("Item")


def no_control(value: str) -> str:
    """The text as it is. Raises ValueError for characters that could write anything anywhere on a terminal."""
    if any(ord(char) < 32 and char not in "\n\t" for char in value):
        raise ValueError("control characters are not allowed")
    return value


Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(no_control)]
Slug = Annotated[str, StringConstraints(max_length=80, pattern=r"^[\w.@+-]*$")]


class Shape(Schema):
    """Something the API gives."""


class Asked(Schema):
    """Something the API takes. A field we do not know is a mistake of the caller, so it is said."""

    model_config = ConfigDict(extra="forbid")


class Failure(Shape):
    """An error: a stable code, a sentence, what to do next, and the figures behind it."""

    code: str
    message: str
    next_step: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, error: StudiumError) -> "Failure":
        return cls(**error.as_dict())


class Page(Shape, Generic[Item]):
    """Some items of a listing. `next_cursor` is empty at the end."""

    items: list[Item]
    next_cursor: str
