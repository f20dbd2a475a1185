"""What is said when a store, or the disk below it, does not do what it is asked."""

import errno

from studium.errors import NotYet, StudiumError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# What file systems, buckets and SQLite say of having no room, in the words that reach us.
_FULL_WORDS = (
    "(os error 28)",
    "(os error 122)",
    "507 Insufficient",
    "QuotaExceeded",
    "StorageFull",
    "disk is full",
)


class StoreFailed(OSError):
    """The store did not do what it was asked: it is away, full, or does not know our credentials."""


class StoreFull(StoreFailed):
    """It has no room for more. What it has is whole."""


class StoreAway(NotYet):
    """The store does not answer now."""

    status = 503


class NoRoom(NotYet):
    """There is no room for more bytes, whoever they are from."""

    status = 507


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room: a disk, a quota of one, a bucket or the database's file."""
    if isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in _FULL):
        return True
    return any(word in str(error) for word in _FULL_WORDS)


def in_words(error: OSError) -> StudiumError | None:
    """What a person is told; None where it is neither a store that fails nor a disk that is full."""
    if is_full(error):
        return no_room()
    if isinstance(error, StoreFailed):
        return StoreAway(
            "storage.away",
            "The store of files does not answer at this moment.",
            "Nothing that was kept is lost. Try again in a minute; if it stays so, tell an administrator.",
        )
    return None


def no_room() -> NoRoom:
    return NoRoom(
        "storage.full",
        "The disk or bucket of this installation is full.",
        "Nothing that was kept is lost. Ask an administrator to make room, then try again: what came goes on from there.",
    )
