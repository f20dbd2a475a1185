"""What people say and do about a notebook: comments, votes, bookmarks, reports. Whoever may read it may take part."""

from collections.abc import Iterable
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
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.subjects import subject_of

router = Router(tags=["community"])
CommentId = Annotated[int, Path(..., ge=1, le=2**63 - 1, description="The comment's id.")]
_COMMENTS = "/{notebook_id}/comments"
_ONE = _COMMENTS + "/{comment_id}"


def _subject(user: User, notebook_id: str) -> Subject:
    return subject_of(notebook_for(user, notebook_id))


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


@router.get(_COMMENTS, response=Page[CommentShape], auth=allow(Scope.READ), summary="List comments")
def comments(request: ApiRequest, notebook_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[CommentShape]:
    """Comments of a notebook, newest first, answers among them; deleted ones are left out."""
    subject = _subject(request.auth.user, notebook_id)
    found, following = page(queries.comments_of(subject), cursor, limit, "id", lambda row: row.pk)
    return Page(items=shown(request.auth.user, subject, found), next_cursor=following)


@router.post(_COMMENTS, response={201: CommentShape}, auth=allow(Scope.WRITE), summary="Comment on a notebook")
def comment(request: ApiRequest, notebook_id: str, body: NewComment) -> Status[CommentShape]:
    """Say something, or answer a comment. So many a minute and a day; beyond, 409."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    made = actions.comment(user, subject, body.text, now=clock.now(), parent=body.parent)
    return Status(201, shown_one(user, subject, made))


@router.patch(_ONE, response=CommentShape, auth=allow(Scope.WRITE), summary="Change a comment")
def edit(request: ApiRequest, notebook_id: str, comment_id: CommentId, body: CommentChange) -> CommentShape:
    """Say it otherwise; only its author may."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    return shown_one(user, subject, actions.edit(user, subject, comment_id, body.text, now=clock.now()))


@router.delete(_ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a comment")
def delete(request: ApiRequest, notebook_id: str, comment_id: CommentId) -> Status[None]:
    """Take it back; only its author may. Answers to it stay."""
    user = request.auth.user
    actions.delete(user, _subject(user, notebook_id), comment_id, now=clock.now())
    return Status(204, None)


@router.post(f"{_ONE}/hide", response=CommentShape, auth=allow(Scope.WRITE), summary="Hide a comment")
def hide(request: ApiRequest, notebook_id: str, comment_id: CommentId, body: Hiding) -> CommentShape:
    """Keep its text from all but its author and those who may hide it: the notebook's maker and its team's admins."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    return shown_one(user, subject, actions.hide(user, subject, comment_id, body.reason, now=clock.now()))


@router.post(f"{_ONE}/unhide", response=CommentShape, auth=allow(Scope.WRITE), summary="Show a hidden comment again")
def unhide(request: ApiRequest, notebook_id: str, comment_id: CommentId) -> CommentShape:
    """The end of hiding. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    return shown_one(user, subject, actions.unhide(user, subject, comment_id, now=clock.now()))


@router.post(f"{_ONE}/vote", response=CommentShape, auth=allow(Scope.WRITE), summary="Vote for a comment")
def vote_for_comment(request: ApiRequest, notebook_id: str, comment_id: CommentId) -> CommentShape:
    """One vote a person; not for one's own. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    actions.vote(user, subject, now=clock.now(), comment_id=comment_id)
    return shown_one(user, subject, queries.comment_of(subject, comment_id))


@router.post(f"{_ONE}/unvote", response=CommentShape, auth=allow(Scope.WRITE), summary="Take back a vote for a comment")
def unvote_comment(request: ApiRequest, notebook_id: str, comment_id: CommentId) -> CommentShape:
    """As if it had not been given. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    actions.unvote(user, subject, comment_id=comment_id)
    return shown_one(user, subject, queries.comment_of(subject, comment_id))


@router.post("/{notebook_id}/vote", response=TallyShape, auth=allow(Scope.WRITE), summary="Vote for a notebook")
def vote(request: ApiRequest, notebook_id: str) -> TallyShape:
    """One vote a person; not for one's own. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    actions.vote(user, subject, now=clock.now())
    return TallyShape.of(queries.tally(user, subject))


@router.post("/{notebook_id}/unvote", response=TallyShape, auth=allow(Scope.WRITE), summary="Take back a vote")
def unvote(request: ApiRequest, notebook_id: str) -> TallyShape:
    """As if it had not been given. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    actions.unvote(user, subject)
    return TallyShape.of(queries.tally(user, subject))


@router.post("/{notebook_id}/bookmark", response=TallyShape, auth=allow(Scope.WRITE), summary="Bookmark a notebook")
def bookmark(request: ApiRequest, notebook_id: str) -> TallyShape:
    """Remember it; nobody else sees that. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, notebook_id)
    actions.bookmark(user, subject, now=clock.now())
    return TallyShape.of(queries.tally(user, subject))


@router.post("/{notebook_id}/report", response={201: ReportShape}, auth=allow(Scope.WRITE), summary="Report a notebook")
def report_notebook(request: ApiRequest, notebook_id: str, body: NewReport) -> Status[ReportShape]:
    """Tell the administrators that something public should not be. You are told what comes of it."""
    user = request.auth.user
    made = report(user, _subject(user, notebook_id), body.why, body.text, now=clock.now())
    return Status(201, ReportShape.of(made, to_reporter=True))
