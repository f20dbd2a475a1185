"""Notebooks from git."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Git:
    url: str
    ref: str
    path: str
    secret: str
    username: str
    submodules: bool
    depth: int
    state: str
    code: str
    trouble: str
    candidates: list[str]
    kind: str
    branch: str
    commit: str
    subject: str
    author: str
    committed_at: datetime | None
    ahead: int
    behind: int
    dirty: int
    lfs: int
    notes: list[str]
    looked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class GitWork:
    id: str
    verb: str
    state: str
    run: str
    code: str
    message: str
    next_step: str
    changed: int
    pushed: int
    kept: list[str]
    files: list[str]
    created_by: str
    created_at: datetime
    ended_at: datetime | None
