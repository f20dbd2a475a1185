"""Notebooks."""

from dataclasses import dataclass
from datetime import datetime

from studium.client.shapes.runs import Run


@dataclass(frozen=True, kw_only=True)
class Origin:
    name: str
    id: str
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Notebook:
    id: str
    name: str
    team: str
    project: str
    slug: str
    title: str
    visibility: str
    language: str
    internet: bool
    environment: str
    environment_build: int | None
    machine_type: str
    cells: int
    document_bytes: int
    upgrade: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    may_change: bool
    may_manage: bool
    shared_as: str | None
    tags: list[str]
    copied_from: Origin | None
    copies: int
    url: str
    run: Run | None
    votes: int
    comments: int
    voted: bool
    bookmarked: bool
    taken_down_at: datetime | None
    taken_down_reason: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    url: str
    expires_at: datetime
