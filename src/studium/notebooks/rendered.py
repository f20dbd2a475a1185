"""Reading renderings: the page of one, and its parts by name. Only what is asked for is read of a blob."""

from dataclasses import dataclass
from functools import lru_cache

from studium.notebooks.models import Notebook, Version
from studium.notebooks.render import parts
from studium.storage import actions as storage


@dataclass(frozen=True)
class Part:
    """`kind` is the end of its name: what it is, as the renderer said when it was made."""

    kind: str
    content: bytes


def has_page_of_it(row: Notebook | Version) -> bool:
    """Whether an earlier renderer made its page of what it is now: where a newer one cannot, that stays and is right."""
    return bool(row.rendered) and row.rendered_of == row.document and not row.render_error


def page_of(digest: str) -> bytes:
    """The page of a rendering. Raises FileNotFoundError."""
    index = _index(digest)
    return storage.get(digest) if index is None else storage.get_part(digest, *index.page)


def part_of(digest: str, name: str) -> Part | None:
    """A part of a rendering; None where it has none of this name. Raises FileNotFoundError."""
    index = _index(digest) if parts.NAME.fullmatch(name) else None
    place = index.parts.get(name) if index else None
    return Part(name.partition(".")[2], storage.get_part(digest, *place)) if place else None


@lru_cache(maxsize=128)  # what a digest names never changes
def _index(digest: str) -> parts.Index | None:
    length = parts.index_length(storage.get_part(digest, 0, parts.HEAD))
    return None if length is None else parts.read_index(storage.get_part(digest, parts.HEAD, length))
