"""Users, teams, projects, invitations, tokens."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Team:
    slug: str
    name: str
    personal: bool
    role: str
    plan: str


@dataclass(frozen=True, kw_only=True)
class TeamDetail(Team):
    created_at: datetime
    members: int
    projects: int
    notebooks: int


@dataclass(frozen=True, kw_only=True)
class Me:
    username: str
    email: str
    operator: bool
    scopes: list[str]
    expires_at: datetime | None
    team: str
    teams: list[Team]
    version: str
    largest_notebook_bytes: int


@dataclass(frozen=True, kw_only=True)
class Member:
    username: str
    email: str
    role: str
    since: datetime
    active: bool


@dataclass(frozen=True, kw_only=True)
class Project:
    slug: str
    name: str
    notebooks: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Invitation:
    id: int
    role: str
    email: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    url: str


@dataclass(frozen=True, kw_only=True)
class Token:
    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    secret: str


@dataclass(frozen=True, kw_only=True)
class User:
    username: str
    email: str
    active: bool
    operator: bool
    joined_at: datetime
    last_login_at: datetime | None
    live_runs: int


@dataclass(frozen=True, kw_only=True)
class LoginLink:
    username: str
    url: str
    expires_at: datetime
