"""What the client raises: the server's own errors with their code and next step, or that there was no answer."""

from typing import Any


class StudiumClientError(Exception):
    """Base of both. `message` is a sentence, `next_step` says what to do."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class ApiError(StudiumClientError):
    """The server refused. `code` is stable, `facts` are the figures behind the sentence."""

    def __init__(
        self, code: str, message: str, next_step: str = "", status: int = 0, facts: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, next_step)
        self.code = code
        self.status = status
        self.facts = facts or {}


class Unreachable(StudiumClientError):
    """Nobody answered at the address, however often it was tried."""

    code = "client.unreachable"
