"""What every kind of provider can be asked. Nothing of it is called inside a transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or folder below the provider's prefix. `size` is bytes, -1 where the server does not tell; `etag` may be empty."""

    path: str
    folder: bool = False
    size: int = -1
    changed_at: datetime | None = None
    etag: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def tag(text: str) -> str:
    """An etag as it is kept and said: without quotes, and of characters that no header can be broken with."""
    return "".join(char for char in text.removeprefix("W/") if char.isascii() and (char.isalnum() or char in "-._"))[
        :200
    ]


@dataclass(frozen=True)
class Listing:
    """A part of a folder. `after` is what the next part is asked for with, empty at the end.

    It is the last entry's path, in a bucket with a slash where that is a folder.
    """

    entries: list[Entry]
    after: str = ""


class Remote(Protocol):
    """An open provider. Paths are those of `paths`. Every method raises a StudiumError that says why, NotFound for no file."""

    def folder(self, path: str, after: str = "", limit: int = PAGE) -> Listing:
        """A part of a folder, by name. A folder that is not there is empty."""

    def files(self, path: str = "", after: str = "") -> Iterator[Entry]:
        """Every file below a folder, by path; those after the path `after`."""

    def stat(self, path: str) -> Entry: ...

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces, all of them or so many from `start` on."""

    def write(self, path: str, pieces: Iterable[bytes]) -> Entry:
        """Write a file, whole or not at all."""

    def remove(self, path: str) -> None:
        """Delete a file; nothing happens if it is gone."""
