"""All the edge knows of the platform. One implementation asks the web process over its socket, one is for tests.

A *label* is the first part of a content host: `<label>.localhost:8000`. Answers may be cached for `ttl` seconds, so a
revoked right ends within that time.
"""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a content host leads.

    `kind` says how: `unix` (a run's socket at `socket`), `tcp` (`host`, `port`), `web` (the web process, with
    `path_prefix` before the path), or `down` (nothing runs; `message` is shown). `headers` are added to each request
    upstream (they may carry the run's token and never reach the client). `terminal` False refuses terminals.
    """

    kind: Literal["unix", "tcp", "web", "down"]
    socket: str = ""
    host: str = ""
    port: int = 0
    path_prefix: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    terminal: bool = True
    # The content security policy and frame rule put on every answer of this host, replacing what the content said.
    content_security_policy: str = ""
    message: str = ""
    ttl: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a one-time ticket was good for: this user may enter this label until `expires_at` (Unix seconds)."""

    label: str
    user: str
    expires_at: float
    # Where to go after entering; a path on the content host.
    path: str = "/"


class Port(Protocol):
    async def resolve(self, label: str) -> Target | None:
        """Where the label leads, or None if there is no such content."""

    async def redeem(self, ticket: str, label: str) -> Grant | None:
        """Use up a ticket. None if it is unknown, used, expired or for another label."""

    async def allowed(self, label: str, user: str) -> bool:
        """Whether the user may still enter (role kept, account active). Asked again every few seconds, cached."""

    async def note_activity(self, label: str) -> None:
        """A person ran something in this label's content (an execute request went through)."""

    async def topics(self, cookie: str, query: str) -> list[str] | None:
        """Which event topics the bearer of this platform cookie may follow for this page; None if not signed in."""


class PortDown(Exception):
    """The platform did not answer. Said by an implementation when it cannot know; never a refusal."""
