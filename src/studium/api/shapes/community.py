"""What people say and do: comments, votes, bookmarks, notifications, reports, and what they say of themselves."""

from datetime import datetime

from pydantic import Field

from studium.api import addresses
from studium.api.shapes.base import Asked, Line, Shape
from studium.api.shapes.datasets import DatasetShape
from studium.api.shapes.notebooks import NotebookShape
from studium.community.models import Bookmark, Comment, Notification, Profile, Report
from studium.community.notifications.wording import sentence
from studium.community.queries import Tally
from studium.community.states import COMMENT_LENGTH, REPORT_LENGTH, ReportState, Told, Why


class CommentShape(Shape):
    """A comment in markdown. `parent` is what it answers. One that is hidden has a text only for its author and for those
    who may hide it.
    """

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

    @classmethod
    def of(cls, row: Comment, *, votes: tuple[int, bool], readable: bool, page: str) -> "CommentShape":
        """`readable` is whether the reader sees it although it is hidden, `page` that of what it is about."""
        return cls(
            id=row.pk,
            parent=row.parent_id,
            author=row.author.username,
            text=row.text if row.hidden_at is None or readable else "",
            created_at=row.created_at,
            edited_at=row.edited_at,
            hidden=row.hidden_at is not None,
            hidden_reason=row.hidden_reason,
            votes=votes[0],
            voted=votes[1],
            url=f"{page}comments/{row.pk}/",
        )


class TallyShape(Shape):
    """What people did with a notebook or dataset, and what the caller did."""

    votes: int
    comments: int
    voted: bool
    bookmarked: bool

    @classmethod
    def of(cls, found: Tally) -> "TallyShape":
        return cls(votes=found.votes, comments=found.comments, voted=found.voted, bookmarked=found.bookmarked)


class BookmarkShape(Shape):
    """A bookmark. `notebook` is null where the caller may no longer read it, or it is gone; `notebook_id` names it still."""

    notebook_id: str
    created_at: datetime
    notebook: NotebookShape | None

    @classmethod
    def of(cls, row: Bookmark, notebook: NotebookShape | None) -> "BookmarkShape":
        return cls(notebook_id=row.subject_id, created_at=row.created_at, notebook=notebook)


class DatasetBookmarkShape(Shape):
    """A bookmark. `dataset` is null where the caller may no longer read it, or it is gone; `dataset_id` names it still."""

    dataset_id: str
    created_at: datetime
    dataset: DatasetShape | None

    @classmethod
    def of(cls, row: Bookmark, dataset: DatasetShape | None) -> "DatasetBookmarkShape":
        return cls(dataset_id=row.subject_id, created_at=row.created_at, dataset=dataset)


class NotificationShape(Shape):
    """Something the caller was told. `words` is the whole sentence, `detail` a reason where there is one."""

    id: int
    kind: Told
    words: str
    title: str
    detail: str
    actor: str
    at: datetime
    read_at: datetime | None
    url: str

    @classmethod
    def of(cls, row: Notification) -> "NotificationShape":
        return cls(
            id=row.pk,
            kind=Told(row.kind),
            words=f"{sentence(row, getattr(row, 'people', 1))} {row.title}",
            title=row.title,
            detail=row.words,
            actor=row.actor.username if row.actor else "",
            at=row.at,
            read_at=row.read_at,
            url=addresses.below(row.path),
        )


class Marked(Shape):
    """How many were marked as read."""

    read: int


class Person(Shape):
    """A person as everybody sees them. The counts are of what the caller may read."""

    username: str
    joined_at: datetime
    bio: str
    link: str
    notebooks: int
    comments: int
    url: str


class OwnPage(Shape):
    """What the caller's own page says, and the kinds of notification that are also mailed."""

    bio: str
    link: str
    mailed: list[Told]

    @classmethod
    def of(cls, row: Profile) -> "OwnPage":
        return cls(bio=row.bio, link=row.link, mailed=[Told(kind) for kind in row.mailed if kind in set(Told)])


class ReportShape(Shape):
    """A report of a notebook or a dataset; the id of the other is empty. `answer` is what an administrator said to who made it."""

    id: str
    notebook_id: str
    dataset_id: str
    title: str
    url: str
    why: Why
    text: str
    state: ReportState
    reporter: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str
    answer: str

    @classmethod
    def of(cls, row: Report, *, to_reporter: bool = False) -> "ReportShape":
        return cls(
            id=row.pk,
            notebook_id=row.subject_id if row.subject_kind != "dataset" else "",
            dataset_id=row.subject_id if row.subject_kind == "dataset" else "",
            title=row.title,
            url=addresses.below(row.path),
            why=Why(row.why),
            text=row.text,
            state=ReportState(row.state),
            reporter=row.reporter.username,
            created_at=row.created_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by.username if row.decided_by and not to_reporter else "",
            answer=row.answer,
        )


class NewComment(Asked):
    text: str = Field(description=f"Markdown of 1 to {COMMENT_LENGTH:,} characters.")
    parent: int | None = Field(None, description="The comment this one answers.")


class CommentChange(Asked):
    text: str = Field(description=f"Markdown of 1 to {COMMENT_LENGTH:,} characters.")


class Hiding(Asked):
    reason: Line = Field("", description="Told to its author and shown in its place.")


class NewReport(Asked):
    why: Why
    text: str = Field(
        "", description=f"What should be known, at most {REPORT_LENGTH:,} characters; needed for `other`."
    )


class OwnPageChange(Asked):
    """What to change; what is left out stays."""

    bio: str | None = None
    link: str | None = None
    mailed: list[Told] | None = None


class Answer(Asked):
    answer: Line = Field("", description="Told to who made the report.")


class TakeDown(Asked):
    reason: Line = Field(description="Told to the notebook's team, and to those who reported it.")
