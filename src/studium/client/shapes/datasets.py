"""Datasets, their versions and files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Dataset:
    id: str
    name: str
    team: str
    slug: str
    title: str
    subtitle: str
    card: str
    licence: str
    sources: str
    frequency: str
    tags: list[str]
    columns: dict[str, Any]
    cover: str
    visibility: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    taken_down_at: datetime | None
    taken_down_reason: str
    version: int | None
    files: int
    bytes: int
    votes: int
    downloads: int
    url: str


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    number: int
    note: str
    files: int
    bytes: int
    created_by: str
    created_at: datetime
    deleted_at: datetime | None
    manifest: str


@dataclass(frozen=True, kw_only=True)
class DatasetFile:
    path: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class MissingChunks:
    missing: list[str]


@dataclass(frozen=True, kw_only=True)
class PackKept:
    new_bytes: int


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    path: str
    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class RetypedColumn:
    name: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class TableDifference:
    path: str
    table: str
    whole: str
    rows_before: int | None
    rows_after: int | None
    added: list[TableColumn]
    removed: list[TableColumn]
    retyped: list[RetypedColumn]


@dataclass(frozen=True, kw_only=True)
class DatasetDifference:
    added: list[DatasetFile]
    removed: list[DatasetFile]
    changed: list[ChangedFile]
    same: int
    tables: list[TableDifference]
    left_state: str
    right_state: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    id: str
    path: str
    size: int
    received: int
    digest: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DatasetPerson:
    username: str
    role: str
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class DatasetLink:
    """Anybody who has `url` can download what it leads to until `expires_at`."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DatasetProfile:
    path: str
    state: str
    trouble: str
    found: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class TableRows:
    columns: list[TableColumn]
    rows: list[list[Any]]
    start: int
    matching: int
    read: int
    count: int | None
    exact: bool
