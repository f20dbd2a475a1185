"""What a search found, and tags."""

from dataclasses import dataclass

from studium.client.shapes.notebooks import Notebook


@dataclass(frozen=True, kw_only=True)
class Part:
    text: str
    hit: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    cell: int
    kind: str
    parts: list[Part]


@dataclass(frozen=True, kw_only=True)
class Hit:
    notebook: Notebook
    title: list[Part]
    place: Place | None


@dataclass(frozen=True, kw_only=True)
class UsedTag:
    name: str
    notebooks: int
