"""What people say and do about a dataset: comments, votes, bookmarks. Whoever may read it may take part."""

from typing import Annotated

from ninja import Path, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.community import shown, shown_one
from studium.api.paging import Cursor, Limit, page
from studium.api.shapes.base import Page
from studium.api.shapes.community import CommentChange, CommentShape, Hiding, NewComment, TallyShape
from studium.community import actions, queries
from studium.community.access import Subject
from studium.datasets.access import dataset_for
from studium.datasets.subjects import subject_of
from studium.lib import clock

router = Router(tags=["community"])
CommentId = Annotated[int, Path(..., ge=1, le=2**63 - 1, description="The comment's id.")]
_COMMENTS = "/{dataset_id}/comments"
_ONE = _COMMENTS + "/{comment_id}"


def _subject(user: User, dataset_id: str) -> Subject:
    return subject_of(dataset_for(user, dataset_id))


@router.get(_COMMENTS, response=Page[CommentShape], auth=allow(Scope.READ), summary="List comments")
def comments(request: ApiRequest, dataset_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[CommentShape]:
    """Comments of a dataset, newest first, answers among them; deleted ones are left out."""
    subject = _subject(request.auth.user, dataset_id)
    found, following = page(queries.comments_of(subject), cursor, limit, "id", lambda row: row.pk)
    return Page(items=shown(request.auth.user, subject, found), next_cursor=following)


@router.post(_COMMENTS, response={201: CommentShape}, auth=allow(Scope.WRITE), summary="Comment on a dataset")
def comment(request: ApiRequest, dataset_id: str, body: NewComment) -> Status[CommentShape]:
    """Say something, or answer a comment. So many a minute and a day; beyond, 409."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    made = actions.comment(user, subject, body.text, now=clock.now(), parent=body.parent)
    return Status(201, shown_one(user, subject, made))


@router.patch(_ONE, response=CommentShape, auth=allow(Scope.WRITE), summary="Change a comment")
def edit(request: ApiRequest, dataset_id: str, comment_id: CommentId, body: CommentChange) -> CommentShape:
    """Say it otherwise; only its author may."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    return shown_one(user, subject, actions.edit(user, subject, comment_id, body.text, now=clock.now()))


@router.delete(_ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Delete a comment")
def delete(request: ApiRequest, dataset_id: str, comment_id: CommentId) -> Status[None]:
    """Take it back; only its author may. Answers to it stay."""
    user = request.auth.user
    actions.delete(user, _subject(user, dataset_id), comment_id, now=clock.now())
    return Status(204, None)


@router.post(f"{_ONE}/hide", response=CommentShape, auth=allow(Scope.WRITE), summary="Hide a comment")
def hide(request: ApiRequest, dataset_id: str, comment_id: CommentId, body: Hiding) -> CommentShape:
    """Keep its text from all but its author and those who may hide it: the dataset's maker and its team's admins."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    return shown_one(user, subject, actions.hide(user, subject, comment_id, body.reason, now=clock.now()))


@router.post(f"{_ONE}/unhide", response=CommentShape, auth=allow(Scope.WRITE), summary="Show a hidden comment again")
def unhide(request: ApiRequest, dataset_id: str, comment_id: CommentId) -> CommentShape:
    """The end of hiding. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    return shown_one(user, subject, actions.unhide(user, subject, comment_id, now=clock.now()))


@router.post(f"{_ONE}/vote", response=CommentShape, auth=allow(Scope.WRITE), summary="Vote for a comment")
def vote_for_comment(request: ApiRequest, dataset_id: str, comment_id: CommentId) -> CommentShape:
    """One vote a person; not for one's own. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    actions.vote(user, subject, now=clock.now(), comment_id=comment_id)
    return shown_one(user, subject, queries.comment_of(subject, comment_id))


@router.post(f"{_ONE}/unvote", response=CommentShape, auth=allow(Scope.WRITE), summary="Take back a vote for a comment")
def unvote_comment(request: ApiRequest, dataset_id: str, comment_id: CommentId) -> CommentShape:
    """As if it had not been given. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    actions.unvote(user, subject, comment_id=comment_id)
    return shown_one(user, subject, queries.comment_of(subject, comment_id))


@router.post("/{dataset_id}/vote", response=TallyShape, auth=allow(Scope.WRITE), summary="Vote for a dataset")
def vote(request: ApiRequest, dataset_id: str) -> TallyShape:
    """One vote a person; not for one's own. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    actions.vote(user, subject, now=clock.now())
    return TallyShape.of(queries.tally(user, subject))


@router.post("/{dataset_id}/unvote", response=TallyShape, auth=allow(Scope.WRITE), summary="Take back a vote")
def unvote(request: ApiRequest, dataset_id: str) -> TallyShape:
    """As if it had not been given. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    actions.unvote(user, subject)
    return TallyShape.of(queries.tally(user, subject))


@router.post("/{dataset_id}/bookmark", response=TallyShape, auth=allow(Scope.WRITE), summary="Bookmark a dataset")
def bookmark(request: ApiRequest, dataset_id: str) -> TallyShape:
    """Remember it; nobody else sees that. Repeatable."""
    user, subject = request.auth.user, _subject(request.auth.user, dataset_id)
    actions.bookmark(user, subject, now=clock.now())
    return TallyShape.of(queries.tally(user, subject))
