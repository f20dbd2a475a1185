"""Secrets, without their values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Secret:
    name: str
    scope: str
    team: str
    project: str
    notebook: str
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    given_at: datetime | None
    attached: bool
    hidden: bool
