"""The error tree. Every error a person can meet is one of these: a stable code, a sentence, and what to do next.

Three classes tell the caller how to go on: `Refused` (asking again will not help), `NotYet` (asking later will) and
`Broken` (our fault). Surfaces translate the class to an HTTP status or an exit code; nothing else does.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class StudiumError(Exception):
    """Base of the tree.

    `code` is stable and machine-readable (`plan.machine_not_allowed`), `message` is one sentence for people,
    `next_step` says what to do. `facts` carries the figures behind the sentence, JSON-serialisable and free of secrets.
    """

    status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, next_step: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step
        self.facts: dict[str, Any] = dict(facts or {})

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "next_step": self.next_step, "facts": self.facts}


class Refused(StudiumError):
    """A rule says no; the same request will be refused again."""

    status = 422


class BadInput(Refused):
    """What was sent cannot be understood or is out of bounds."""

    status = 400


class NotFound(Refused):
    """There is no such thing, or the asker may not know of it."""

    status = 404


class Forbidden(Refused):
    """The asker may see it but not do this to it."""

    status = 403


class NotYet(StudiumError):
    """A passing condition says no; the same request can succeed later."""

    status = 409


class Broken(StudiumError):
    """The platform failed; the text says what is kept and where to look."""

    status = 500
