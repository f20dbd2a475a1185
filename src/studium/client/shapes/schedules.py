"""Schedules, their turns and their webhooks."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Schedule:
    id: str
    cron: str
    words: str
    zone: str
    machine_type: str
    missed: str
    overlap: str
    retries: int
    keep_last: int | None
    cell_seconds: int | None
    keep_going: bool
    notify: str
    paused: bool
    trouble: str
    next_times: list[datetime]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Turn:
    due_at: datetime
    state: str
    tries: int
    message: str
    ended_at: datetime | None
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Webhook:
    url: str
    notify: str
    changed_by: str
    changed_at: datetime
    disabled_at: datetime | None
    trouble: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    id: str
    event: str
    state: str
    tries: int
    status: int | None
    message: str
    created_at: datetime
    ended_at: datetime | None
    next_try_at: datetime | None
