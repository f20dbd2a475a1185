"""What is said when a store, or the disk below it, does not do what it is asked."""

import errno
import os

from django.db import OperationalError
from obstore.exceptions import BaseError

from studium.errors import NotYet

_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = tuple(os.strerror(number) for number in _FULL)


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
    """Whether it says that there is no room: a disk, a quota of one, a bucket or the database's file.

    Names that people gave may be in the words of an error, but not at their end.
    """
    if isinstance(error, StoreFull) or _has_number(error) or _has_number(error.__cause__):
        return True
    said = str(error).strip().rstrip(".")
    if isinstance(error, OperationalError):
        return any(word in said for word in (*_WORDS, "disk is full"))
    if isinstance(error, BaseError):
        return any(word in said for word in (*_WORDS, "507 Insufficient", "QuotaExceeded", "StorageFull"))
    return said.endswith(_WORDS)


def _has_number(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def in_words(error: BaseException) -> StoreFailed | None:
    """What a person is told; None where it is neither a store that fails nor a disk that is full."""
    if isinstance(error, StoreFailed):
        return error
    return StoreFull(str(error)) if is_full(error) else None
