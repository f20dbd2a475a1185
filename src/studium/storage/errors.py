"""What is said when a store, or the disk below it, does not do what it is asked."""

import errno

from studium.errors import NotYet

_FULL = (errno.ENOSPC, errno.EDQUOT)
# What file systems, buckets and SQLite say of having no room, in the words that reach us.
_FULL_WORDS = (
    "No space left on device",
    "Disk quota exceeded",
    "507 Insufficient",
    "QuotaExceeded",
    "StorageFull",
    "disk is full",
)


class StoreFailed(NotYet, OSError):
    """The store did not do what it was asked: it is away, full, or does not know our credentials.

    Its `message` is for people; as a string it says `why`, for the log.
    """

    status = 503
    _code, _message = "storage.away", "The store of files does not answer at this moment."
    _next_step = "Nothing that was kept is lost. Try again in a minute; if it stays so, tell an administrator."

    def __init__(self, why: str) -> None:
        super().__init__(self._code, self._message, self._next_step)
        self.args = (why,)


class StoreFull(StoreFailed):
    """It has no room for more, whoever that is from. What it has is whole."""

    status = 507
    _code, _message = "storage.full", "The disk or bucket of this installation is full."
    _next_step = "Nothing that was kept is lost. Ask an administrator to make room, then try again: what came goes on from there."


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room: a disk, a quota of one, a bucket or the database's file."""
    if isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in _FULL):
        return True
    return any(word in str(error) for word in _FULL_WORDS)


def in_words(error: BaseException) -> StoreFailed | None:
    """What a person is told; None where it is neither a store that fails nor a disk that is full."""
    if isinstance(error, StoreFailed):
        return error
    return StoreFull(str(error)) if is_full(error) else None
