"""Storage providers and their files."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Provider:
    name: str
    team: str
    kind: str
    bucket: str
    prefix: str
    region: str
    account: str
    endpoint: str
    key_id_secret: str
    key_secret: str
    writable: bool
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    tested_at: datetime | None
    test_code: str


@dataclass(frozen=True, kw_only=True)
class ProviderStep:
    step: str
    ok: bool
    note: str
    code: str
    message: str
    next_step: str


@dataclass(frozen=True, kw_only=True)
class ProviderTest:
    ok: bool
    steps: list[ProviderStep]


@dataclass(frozen=True, kw_only=True)
class ProviderEntry:
    path: str
    folder: bool
    size: int | None
    changed_at: datetime | None
    etag: str


@dataclass(frozen=True, kw_only=True)
class ProviderListing:
    entries: list[ProviderEntry]
    after: str
