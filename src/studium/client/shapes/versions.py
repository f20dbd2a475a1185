"""Versions, their files and what differs between two."""

from dataclasses import dataclass
from datetime import datetime

from studium.client.shapes.runs import Run


@dataclass(frozen=True, kw_only=True)
class Version:
    number: int
    kind: str
    note: str
    pinned: bool
    created_by: str | None
    created_at: datetime
    cells: int
    document_bytes: int
    files_count: int
    files_bytes: int
    environment: str
    internet: bool
    commit: str
    state: str
    settled: bool
    run: Run | None
    machine_label: str
    simulated: bool
    running_seconds: int | None
    cost_micros: int | None
    cost: str
    fault: str
    files_removed_at: datetime | None
    again_of: int | None
    url: str


@dataclass(frozen=True, kw_only=True)
class VersionFile:
    path: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class VersionFiles:
    files: list[VersionFile]
    left_out: int
    left_bytes: int


@dataclass(frozen=True, kw_only=True)
class ComparedCell:
    change: str
    left: int | None
    right: int | None
    cell_type: str
    source: list[list[str]]
    outputs: str


@dataclass(frozen=True, kw_only=True)
class ComparisonCounts:
    same: int
    changed: int
    added: int
    removed: int
    moved: int
    outputs: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    counts: ComparisonCounts
    cells: list[ComparedCell]
