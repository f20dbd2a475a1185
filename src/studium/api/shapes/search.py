"""What a search found, and tags."""

from typing import Literal

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.api.shapes.notebooks import NotebookShape
from studium.notebooks.search.queries import Hit
from studium.notebooks.search.snippets import Part, Place


class PartShape(Shape):
    """Some of a text; `hit` where it is what was asked for."""

    text: str
    hit: bool

    @classmethod
    def of(cls, part: Part) -> "PartShape":
        return cls(text=part.text, hit=part.hit)


class PlaceShape(Shape):
    """A cell, counted from 1, and a piece of what stands there."""

    cell: int
    kind: Literal["code", "text"]
    parts: list[PartShape]

    @classmethod
    def of(cls, place: Place) -> "PlaceShape":
        return cls(cell=place.cell, kind=place.kind, parts=[PartShape.of(part) for part in place.parts])


class HitShape(Shape):
    """A notebook that was found, its title with the hits marked, and the place in it; null where only title or tags have it."""

    notebook: NotebookShape
    title: list[PartShape]
    place: PlaceShape | None

    @classmethod
    def of(cls, hit: Hit, notebook: NotebookShape) -> "HitShape":
        place = PlaceShape.of(hit.place) if hit.place else None
        return cls(notebook=notebook, title=[PartShape.of(part) for part in hit.title], place=place)


class UsedTag(Shape):
    """A tag and how many notebooks that you may read have it."""

    name: str
    notebooks: int


class TagChange(Asked):
    """Tags to put on and to take off; both can be sent again."""

    add: list[Line] = Field([], max_length=20)
    remove: list[Line] = Field([], max_length=20)
