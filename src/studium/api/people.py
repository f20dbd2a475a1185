"""People as others see them; and what is a person's own: their page, notifications, bookmarks."""

from typing import Annotated

from ninja import Path, Query, Router, Status

from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.datasets import show
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_notebooks
from studium.api.shapes.base import Page
from studium.api.shapes.community import (
    BookmarkShape,
    DatasetBookmarkShape,
    Marked,
    NotificationShape,
    OwnPage,
    OwnPageChange,
    Person,
)
from studium.community import queries
from studium.community.actions import save_profile, unbookmark
from studium.community.notifications import actions as told
from studium.community.notifications.queries import notifications_of
from studium.datasets.access import visible_to as datasets_for
from studium.datasets.subjects import KIND as DATASET
from studium.lib import clock
from studium.notebooks.access import visible_to
from studium.notebooks.queries import by_person
from studium.notebooks.subjects import KIND

router = Router(tags=["people"])
NotificationId = Annotated[int, Path(..., ge=1, le=2**63 - 1, description="The notification's id.")]


@router.get("/people/{username}", response=Person, auth=allow(Scope.READ), summary="One person")
def person(request: ApiRequest, username: str) -> Person:
    """What everybody sees of them. Their public notebooks: `/rest/notebooks?which=public&by=...`."""
    user, found = request.auth.user, queries.person_named(username)
    profile = queries.profile_of(found)
    return Person(
        username=found.username,
        joined_at=found.date_joined,
        bio=profile.bio,
        link=profile.link,
        notebooks=by_person(user, found).count(),
        comments=queries.comment_total(found, KIND, visible_to(user).values("pk")),
        url=addresses.person_page(found.username),
    )


@router.get("/me/page", response=OwnPage, auth=allow(Scope.READ), summary="Your own page and what is mailed to you")
def own_page(request: ApiRequest) -> OwnPage:
    """What your page says of you, and which notifications also come as e-mail."""
    return OwnPage.of(queries.profile_of(request.auth.user))


@router.patch("/me/page", response=OwnPage, auth=allow(Scope.WRITE), summary="Change your own page")
def change_own_page(request: ApiRequest, body: OwnPageChange) -> OwnPage:
    """Change what is given. `mailed` are the kinds of notification that are also mailed, of all others none."""
    return OwnPage.of(save_profile(request.auth.user, bio=body.bio, link=body.link, mailed=body.mailed))


@router.get("/bookmarks", response=Page[BookmarkShape], auth=allow(Scope.READ), summary="Your bookmarks")
def bookmarks(request: ApiRequest, cursor: Cursor = "", limit: Limit = 50) -> Page[BookmarkShape]:
    """Notebooks that you marked, the newest first."""
    user = request.auth.user
    rows, following = page(queries.bookmarks_of(user, KIND), cursor, limit, "created_at", lambda row: row.created_at)
    there = visible_to(user).in_bulk([row.subject_id for row in rows])
    shown = {each.id: each for each in show_notebooks(user, there.values(), now=clock.now())}
    return Page(items=[BookmarkShape.of(row, shown.get(row.subject_id)) for row in rows], next_cursor=following)


@router.get(
    "/bookmarks/datasets",
    response=Page[DatasetBookmarkShape],
    auth=allow(Scope.READ),
    summary="Your bookmarks of datasets",
)
def dataset_bookmarks(request: ApiRequest, cursor: Cursor = "", limit: Limit = 50) -> Page[DatasetBookmarkShape]:
    """Datasets that you marked, the newest first."""
    user = request.auth.user
    marks = queries.bookmarks_of(user, DATASET)
    rows, following = page(marks, cursor, limit, "created_at", lambda row: row.created_at)
    there = datasets_for(user).in_bulk([row.subject_id for row in rows])
    shown = {each.id: each for each in show(list(there.values()))}
    items = [DatasetBookmarkShape.of(row, shown.get(row.subject_id)) for row in rows]
    return Page(items=items, next_cursor=following)


@router.delete(
    "/bookmarks/datasets/{dataset_id}",
    response={204: None},
    auth=allow(Scope.WRITE),
    summary="Remove a bookmark of a dataset",
)
def remove_dataset_bookmark(request: ApiRequest, dataset_id: str) -> Status[None]:
    """By its id, also of one that you may no longer read. Repeatable."""
    unbookmark(request.auth.user, DATASET, dataset_id)
    return Status(204, None)


@router.delete("/bookmarks/{notebook_id}", response={204: None}, auth=allow(Scope.WRITE), summary="Remove a bookmark")
def remove_bookmark(request: ApiRequest, notebook_id: str) -> Status[None]:
    """Of a notebook by its id, also of one that you may no longer read. Repeatable."""
    unbookmark(request.auth.user, KIND, notebook_id)
    return Status(204, None)


@router.get("/notifications", response=Page[NotificationShape], auth=allow(Scope.READ), summary="What you were told")
def notifications(
    request: ApiRequest,
    unread: Annotated[bool, Query(False, description="Only what you have not read.")] = False,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[NotificationShape]:
    """Your notifications, the newest first. Asking for them marks none as read."""
    rows = notifications_of(request.auth.user, only_unread=unread)
    found, following = page(rows, cursor, limit, "at", lambda row: row.at)
    return Page(items=[NotificationShape.of(row) for row in found], next_cursor=following)


@router.post("/notifications/read", response=Marked, auth=allow(Scope.WRITE), summary="Mark all notifications as read")
def read_all(request: ApiRequest) -> Marked:
    """All that there are by now."""
    return Marked(read=told.read_all(request.auth.user, now=clock.now()))


@router.post(
    "/notifications/{notification_id}/read",
    response=NotificationShape,
    auth=allow(Scope.WRITE),
    summary="Mark a notification as read",
)
def read(request: ApiRequest, notification_id: NotificationId) -> NotificationShape:
    """One of your own. Repeatable."""
    row = told.read(request.auth.user, notification_id, now=clock.now())
    return NotificationShape.of(notifications_of(request.auth.user).get(pk=row.pk))
