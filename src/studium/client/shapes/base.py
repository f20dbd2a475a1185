"""What every listing and every refusal looks like."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """Part of a listing; `next_cursor` is empty at its end."""

    items: list[Item]
    next_cursor: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    code: str
    message: str
    next_step: str
    facts: dict[str, Any]
