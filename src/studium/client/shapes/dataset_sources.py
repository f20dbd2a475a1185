"""Where files of datasets come from, what is being brought, and what reads them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class DatasetImport:
    id: str
    kind: str
    source: str
    state: str
    code: str
    message: str
    next_step: str
    doing: str
    done: int
    total: int | None
    files: int
    bytes: int
    left_out: int
    version: int | None
    run: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None


@dataclass(frozen=True, kw_only=True)
class GivenInput:
    name: str
    title: str
    number: int
    page: str


@dataclass(frozen=True, kw_only=True)
class DatasetSource:
    kind: str
    words: str
    commit: str
    page: str
    inputs: list[GivenInput]


@dataclass(frozen=True, kw_only=True)
class DatasetUse:
    notebook: str
    title: str
    page: str
    now: bool
    follows: bool
    versions: list[int]
