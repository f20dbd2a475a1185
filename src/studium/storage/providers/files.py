"""Files of providers, for people: looked through, read, written and deleted. Never inside a transaction.

For whoever makes something of a provider's files: `everything` lists them with sizes and etags, `stream` reads one.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain

from studium.accounts.access import require
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.storage.providers import actions
from studium.storage.providers.errors import read_only
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened
from studium.storage.providers.paths import file_path, folder_path
from studium.storage.providers.remote import PAGE, Entry, Listing

MOST_LISTED = 1000
Reading = Callable[[int, int | None], Iterator[bytes]]


def look(provider: Provider, path: str, after: str = "", limit: int = PAGE) -> Listing:
    """A part of a folder."""
    return opened(provider).folder(folder_path(path), after, limit)


def below(provider: Provider, path: str, after: str = "", limit: int = MOST_LISTED) -> Listing:
    """A part of all files below a folder, by path."""
    found: list[Entry] = []
    for entry in everything(provider, path, after):
        if len(found) == limit:
            return Listing(found, found[-1].path)
        found.append(entry)
    return Listing(found)


def everything(provider: Provider, path: str = "", after: str = "") -> Iterator[Entry]:
    """Every file below a folder, by path, with size, etag and date, as it is asked for; those after the path `after`."""
    return opened(provider).files(folder_path(path), after)


def stream(provider: Provider, path: str) -> tuple[Entry, Reading]:
    """A file, and what reads it: from where, and how many bytes or all. Raises NotFound before anything is read."""
    remote = opened(provider)
    entry = remote.stat(file_path(path))

    def read(start: int, length: int | None = None) -> Iterator[bytes]:
        pieces = remote.read(entry.path, start, length)
        first = next(pieces, None)  # what goes wrong is said before the answer begins
        return iter(()) if first is None else chain([first], pieces)

    return entry, read


def put(actor: User, provider: Provider, path: str, pieces: Iterable[bytes], *, now: datetime) -> Entry:
    """Write a file, whole or not at all. Raises BadInput, Refused."""
    _may_write(actor, provider)
    made = opened(provider).write(file_path(path), pieces)
    actions.note_write(actor, provider, "put", path, now=now)
    return made


def delete(actor: User, provider: Provider, path: str, *, now: datetime) -> None:
    """Delete a file in the bucket; nothing happens if it is gone. Raises BadInput, Refused."""
    _may_write(actor, provider)
    opened(provider).remove(file_path(path))
    actions.note_write(actor, provider, "removed", path, now=now)


def _may_write(actor: User, provider: Provider) -> None:
    require(actor, provider.team, Role.MEMBER)
    if not provider.writable:
        raise read_only(provider.name)
