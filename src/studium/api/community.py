"""What people say and do about notebooks and datasets: comments, votes, bookmarks, reports. Whoever may read one may take part.

`routers` has the routes of each, by where they are mounted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from ninja import Path, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.paging import Cursor, Limit, page
from studium.api.shapes.base import Page
from studium.api.shapes.community import (
    CommentChange,
    CommentShape,
    Hiding,
    NewComment,
    NewReport,
    ReportShape,
    TallyShape,
)
from studium.community import actions, queries
from studium.community.access import Subject, may_moderate
from studium.community.models import Comment
from studium.community.reports.actions import report
from studium.datasets import subjects as datasets
from studium.datasets.access import dataset_for
from studium.lib import clock
from studium.notebooks import subjects as notebooks
from studium.notebooks.access import notebook_for

CommentId = Annotated[int, Path(..., ge=1, le=2**63 - 1, description="The comment's id.")]


@dataclass(frozen=True)
class Talk:
    """Routes about one kind of thing, which is called `one` here; `subject` finds one that the user may read, by its id."""

    router: Router
    one: str
    subject: Callable[[User, str], Subject]

    @property
    def id(self) -> str:
        return f"{self.one}_id"

    def route(
        self, method: str, path: str, summary: str, response: object
    ) -> Callable[[Callable[..., object]], object]:
        return self.router.api_operation(
            [method],
            f"/{{{self.id}}}{path}",
            response=response,
            auth=allow(Scope.READ if method == "GET" else Scope.WRITE),
            summary=summary,
            operation_id=f"{self.one}{path}_{method}".translate(_NAME).lower(),
        )


_NAME = str.maketrans("/", "_", "{}")


def shown(user: User, subject: Subject, rows: Iterable[Comment]) -> list[CommentShape]:
    """Comments of one subject as the user may see them."""
    found = list(rows)
    votes, moderates = queries.comment_votes(user, found), may_moderate(user, subject)
    where = addresses.below(subject.path)
    return [
        CommentShape.of(row, votes=votes[row.pk], readable=moderates or row.author_id == user.pk, page=where)
        for row in found
    ]


def shown_one(user: User, subject: Subject, row: Comment) -> CommentShape:
    return shown(user, subject, [row])[0]


def _comments(talk: Talk) -> None:
    named = Annotated[str, Path(..., alias=talk.id)]

    @talk.route("GET", "/comments", "List comments", Page[CommentShape])
    def comments(request: ApiRequest, of: named, cursor: Cursor = "", limit: Limit = 50) -> Page[CommentShape]:
        """Comments, newest first, answers among them; deleted ones are left out."""
        subject = talk.subject(request.auth.user, of)
        found, following = page(queries.comments_of(subject), cursor, limit, "id", lambda row: row.pk)
        return Page(items=shown(request.auth.user, subject, found), next_cursor=following)

    @talk.route("POST", "/comments", f"Comment on a {talk.one}", {201: CommentShape})
    def comment(request: ApiRequest, of: named, body: NewComment) -> Status[CommentShape]:
        """Say something, or answer a comment. So many a minute and a day; beyond, 409."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        made = actions.comment(user, subject, body.text, now=clock.now(), parent=body.parent)
        return Status(201, shown_one(user, subject, made))

    @talk.route("PATCH", "/comments/{comment_id}", "Change a comment", CommentShape)
    def edit(request: ApiRequest, of: named, comment_id: CommentId, body: CommentChange) -> CommentShape:
        """Say it otherwise; only its author may."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        return shown_one(user, subject, actions.edit(user, subject, comment_id, body.text, now=clock.now()))

    @talk.route("DELETE", "/comments/{comment_id}", "Delete a comment", {204: None})
    def delete(request: ApiRequest, of: named, comment_id: CommentId) -> Status[None]:
        """Take it back; only its author may. Answers to it stay."""
        user = request.auth.user
        actions.delete(user, talk.subject(user, of), comment_id, now=clock.now())
        return Status(204, None)


def _of_comments(talk: Talk) -> None:
    named = Annotated[str, Path(..., alias=talk.id)]

    @talk.route("POST", "/comments/{comment_id}/hide", "Hide a comment", CommentShape)
    def hide(request: ApiRequest, of: named, comment_id: CommentId, body: Hiding) -> CommentShape:
        """Keep its text from all but its author and those who may hide it: who made what it is about, and its team's admins."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        return shown_one(user, subject, actions.hide(user, subject, comment_id, body.reason, now=clock.now()))

    @talk.route("POST", "/comments/{comment_id}/unhide", "Show a hidden comment again", CommentShape)
    def unhide(request: ApiRequest, of: named, comment_id: CommentId) -> CommentShape:
        """The end of hiding. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        return shown_one(user, subject, actions.unhide(user, subject, comment_id, now=clock.now()))

    @talk.route("POST", "/comments/{comment_id}/vote", "Vote for a comment", CommentShape)
    def vote_for_comment(request: ApiRequest, of: named, comment_id: CommentId) -> CommentShape:
        """One vote a person; not for one's own. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        actions.vote(user, subject, now=clock.now(), comment_id=comment_id)
        return shown_one(user, subject, queries.comment_of(subject, comment_id))

    @talk.route("POST", "/comments/{comment_id}/unvote", "Take back a vote for a comment", CommentShape)
    def unvote_comment(request: ApiRequest, of: named, comment_id: CommentId) -> CommentShape:
        """As if it had not been given. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        actions.unvote(user, subject, comment_id=comment_id)
        return shown_one(user, subject, queries.comment_of(subject, comment_id))


def _favour(talk: Talk) -> None:
    named = Annotated[str, Path(..., alias=talk.id)]

    @talk.route("POST", "/vote", f"Vote for a {talk.one}", TallyShape)
    def vote(request: ApiRequest, of: named) -> TallyShape:
        """One vote a person; not for one's own. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        actions.vote(user, subject, now=clock.now())
        return TallyShape.of(queries.tally(user, subject))

    @talk.route("POST", "/unvote", "Take back a vote", TallyShape)
    def unvote(request: ApiRequest, of: named) -> TallyShape:
        """As if it had not been given. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        actions.unvote(user, subject)
        return TallyShape.of(queries.tally(user, subject))

    @talk.route("POST", "/bookmark", f"Bookmark a {talk.one}", TallyShape)
    def bookmark(request: ApiRequest, of: named) -> TallyShape:
        """Remember it; nobody else sees that. Repeatable."""
        user, subject = request.auth.user, talk.subject(request.auth.user, of)
        actions.bookmark(user, subject, now=clock.now())
        return TallyShape.of(queries.tally(user, subject))

    @talk.route("POST", "/report", f"Report a {talk.one}", {201: ReportShape})
    def report_it(request: ApiRequest, of: named, body: NewReport) -> Status[ReportShape]:
        """Tell the administrators that something public should not be. You are told what comes of it."""
        user = request.auth.user
        made = report(user, talk.subject(user, of), body.why, body.text, now=clock.now())
        return Status(201, ReportShape.of(made, to_reporter=True))


def _router(one: str, subject: Callable[[User, str], Subject]) -> Router:
    talk = Talk(Router(tags=["community"]), one, subject)
    for add in (_comments, _of_comments, _favour):
        add(talk)
    return talk.router


routers = {
    "/notebooks": _router("notebook", lambda user, name: notebooks.subject_of(notebook_for(user, name))),
    "/datasets": _router("dataset", lambda user, name: datasets.subject_of(dataset_for(user, name))),
}
