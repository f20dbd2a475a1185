"""With whom a notebook is shared, and its links."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Collaborator:
    username: str
    role: str
    active: bool
    added_by: str | None
    by_link: bool
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class ShareLink:
    id: str
    role: str
    state: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    most_uses: int | None
    used: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Shares:
    people: list[Collaborator]
    links: list[ShareLink]
    given_secrets: list[str]
