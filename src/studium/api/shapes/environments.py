"""Environments and their builds."""

from datetime import datetime
from typing import Any

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape, Slug
from studium.environments.models import Build, Environment
from studium.environments.states import BuildState, SourceKind

_KIND = "What `source` is: lines of a `requirements.txt`, a `pyproject.toml`, or `packages`, a requirement a line."


class Package(Shape):
    name: str
    version: str


class BuildShape(Shape):
    """A build: what was asked for and what came of it. `fault` is the resolver's or installer's reason where it failed.

    `package_count` and `size_bytes` are 0 until it is ready. A `collected` one was not used for long; it is built again
    from its lock when a run needs it. `run` is its run's id.
    """

    number: int
    state: BuildState
    kind: SourceKind
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

    @classmethod
    def of(cls, row: Build) -> "BuildShape":
        return cls(**cls._facts(row))

    @staticmethod
    def _facts(row: Build) -> dict[str, Any]:
        return {
            "number": row.number,
            "state": BuildState(row.state),
            "kind": SourceKind(row.kind),
            "source": row.source,
            "fault": row.fault,
            "python": row.python,
            "package_count": len(row.packages),
            "size_bytes": row.size_bytes,
            "lock_digest": row.lock_digest,
            "run": row.run_id or "",
            "created_by": row.created_by.username if row.created_by else "",
            "created_at": row.created_at,
            "built_at": row.built_at,
            "used_at": row.used_at,
        }


class BuildDetail(BuildShape):
    """A build with its packages, by name."""

    packages: list[Package]

    @classmethod
    def of(cls, row: Build) -> "BuildDetail":
        return cls(**cls._facts(row), packages=[Package(**each) for each in row.packages])


class EnvironmentShape(Shape):
    """An environment. `name` is `team/slug`, or `default` for the one that comes with the platform.

    `present` is the build that notebooks get which follow it, null while none has succeeded; `latest` the newest of all.
    """

    id: str
    name: str
    team: str
    slug: str
    title: str
    created_by: str
    created_at: datetime
    present: BuildShape | None
    latest: BuildShape | None

    @classmethod
    def of(cls, row: Environment, *, present: Build | None, latest: Build | None) -> "EnvironmentShape":
        return cls(
            id=row.pk,
            name=row.full_name,
            team=row.team.slug if row.team else "",
            slug=row.slug,
            title=row.name,
            created_by=row.created_by.username if row.created_by else "",
            created_at=row.created_at,
            present=BuildShape.of(present) if present else None,
            latest=BuildShape.of(latest) if latest else None,
        )


class NewBuild(Asked):
    """What to build."""

    kind: SourceKind = Field(SourceKind.REQUIREMENTS, description=_KIND)
    source: str


class NewEnvironment(NewBuild):
    """An environment to make."""

    title: Line
    team: Slug = Field("", description="The personal team when left out.")


class EnvironmentChange(Asked):
    title: Line
