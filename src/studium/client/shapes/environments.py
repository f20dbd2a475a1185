"""Environments and their builds."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Package:
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """`state` is building, ready, failed or collected; `fault` the reason of a failed one."""

    number: int
    state: str
    kind: str
    source: str
    fault: str
    python: str
    package_count: int
    size_bytes: int
    lock_digest: str
    run: str
    created_by: str
    created_at: datetime
    built_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class BuildDetail(Build):
    packages: list[Package]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """`present` is the build that notebooks get which follow it, `latest` the newest of all."""

    id: str
    name: str
    team: str
    slug: str
    title: str
    created_by: str
    created_at: datetime
    present: Build | None
    latest: Build | None
