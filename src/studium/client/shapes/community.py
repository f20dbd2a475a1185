"""Comments, votes, bookmarks, notifications, reports, people."""

from dataclasses import dataclass
from datetime import datetime

from studium.client.shapes.datasets import Dataset
from studium.client.shapes.notebooks import Notebook


@dataclass(frozen=True, kw_only=True)
class Comment:
    id: int
    parent: int | None
    author: str
    text: str
    created_at: datetime
    edited_at: datetime | None
    hidden: bool
    hidden_reason: str
    votes: int
    voted: bool
    url: str


@dataclass(frozen=True, kw_only=True)
class Tally:
    votes: int
    comments: int
    voted: bool
    bookmarked: bool


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    notebook_id: str
    created_at: datetime
    notebook: Notebook | None


@dataclass(frozen=True, kw_only=True)
class DatasetBookmark:
    dataset_id: str
    created_at: datetime
    dataset: Dataset | None


@dataclass(frozen=True, kw_only=True)
class Notification:
    id: int
    kind: str
    words: str
    title: str
    detail: str
    actor: str
    at: datetime
    read_at: datetime | None
    url: str


@dataclass(frozen=True, kw_only=True)
class Marked:
    read: int


@dataclass(frozen=True, kw_only=True)
class Person:
    username: str
    joined_at: datetime
    bio: str
    link: str
    notebooks: int
    comments: int
    url: str


@dataclass(frozen=True, kw_only=True)
class OwnPage:
    bio: str
    link: str
    mailed: list[str]


@dataclass(frozen=True, kw_only=True)
class Report:
    id: str
    notebook_id: str
    dataset_id: str
    title: str
    url: str
    why: str
    text: str
    state: str
    reporter: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str
    answer: str
