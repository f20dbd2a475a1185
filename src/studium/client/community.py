"""What people say and do about notebooks and datasets, what they are told, and their pages."""

from collections.abc import Iterator, Sequence

from studium.client.calls import Calls, part
from studium.client.shapes import (
    Bookmark,
    Comment,
    DatasetBookmark,
    Marked,
    Notification,
    OwnPage,
    Page,
    Person,
    Report,
    Tally,
)


class Comments:
    """`/rest/{kind}/{id}/comments`, where the kind is `notebooks` or `datasets`; a comment is named by the id of what it is about
    and its own."""

    def __init__(self, calls: Calls, kind: str) -> None:
        self._calls, self._kind = calls, kind

    def page(self, about: str, *, cursor: str = "", limit: int = 50) -> Page[Comment]:
        """Part of the listing, newest first, answers among them."""
        return self._calls.get(Page[Comment], f"/rest/{self._kind}/{part(about)}/comments", cursor=cursor, limit=limit)

    def all(self, about: str) -> Iterator[Comment]:
        """The whole listing, fetched as it is read."""
        cursor = ""
        while True:
            page = self.page(about, cursor=cursor, limit=200)
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def write(self, about: str, text: str, *, parent: int | None = None) -> Comment:
        """Say something in markdown, or answer the comment `parent`."""
        body = {"text": text, "parent": parent}
        return self._calls.post(Comment, f"/rest/{self._kind}/{part(about)}/comments", body)

    def edit(self, about: str, comment_id: int, text: str) -> Comment:
        return self._calls.patch(
            Comment, f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}", {"text": text}
        )

    def delete(self, about: str, comment_id: int) -> None:
        self._calls.do("DELETE", f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}")

    def hide(self, about: str, comment_id: int, reason: str = "") -> Comment:
        """Keep its text from all but its author and those who may hide it."""
        return self._calls.post(
            Comment, f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}/hide", {"reason": reason}
        )

    def unhide(self, about: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}/unhide")

    def vote(self, about: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}/vote")

    def unvote(self, about: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/{self._kind}/{part(about)}/comments/{part(comment_id)}/unvote")


class Favour:
    """What a person does with a notebook or a dataset besides talking: vote, bookmark, report."""

    def __init__(self, calls: Calls, kind: str) -> None:
        self._calls, self._kind = calls, kind

    def vote(self, about: str) -> Tally:
        return self._calls.post(Tally, f"/rest/{self._kind}/{part(about)}/vote")

    def unvote(self, about: str) -> Tally:
        return self._calls.post(Tally, f"/rest/{self._kind}/{part(about)}/unvote")

    def bookmark(self, about: str) -> Tally:
        """Remember it; nobody else sees that."""
        return self._calls.post(Tally, f"/rest/{self._kind}/{part(about)}/bookmark")

    def report(self, about: str, why: str, text: str = "") -> Report:
        """Tell the administrators: `why` is spam, abuse, private, rights, harmful or other."""
        return self._calls.post(Report, f"/rest/{self._kind}/{part(about)}/report", {"why": why, "text": text})


class Bookmarks:
    """`/rest/bookmarks`, the caller's own."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, *, cursor: str = "", limit: int = 50) -> Page[Bookmark]:
        """Part of the listing, the newest first."""
        return self._calls.get(Page[Bookmark], "/rest/bookmarks", cursor=cursor, limit=limit)

    def remove(self, notebook_id: str) -> None:
        """Also of a notebook that may no longer be read."""
        self._calls.do("DELETE", f"/rest/bookmarks/{part(notebook_id)}")

    def datasets(self, *, cursor: str = "", limit: int = 50) -> Page[DatasetBookmark]:
        """Part of the listing of datasets, the newest first."""
        return self._calls.get(Page[DatasetBookmark], "/rest/bookmarks/datasets", cursor=cursor, limit=limit)

    def remove_dataset(self, dataset_id: str) -> None:
        """Also of a dataset that may no longer be read."""
        self._calls.do("DELETE", f"/rest/bookmarks/datasets/{part(dataset_id)}")


class Notifications:
    """`/rest/notifications`, the caller's own."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, *, unread: bool = False, cursor: str = "", limit: int = 50) -> Page[Notification]:
        """Part of the listing, the newest first."""
        return self._calls.get(
            Page[Notification], "/rest/notifications", unread=unread or None, cursor=cursor, limit=limit
        )

    def read(self, notification_id: int) -> Notification:
        """Mark one as read."""
        return self._calls.post(Notification, f"/rest/notifications/{part(notification_id)}/read")

    def read_all(self) -> int:
        """Mark all as read; returns how many there were."""
        return self._calls.post(Marked, "/rest/notifications/read").read


class People:
    """`/rest/people`, and the caller's own page."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, username: str) -> Person:
        return self._calls.get(Person, f"/rest/people/{part(username)}")

    def own_page(self) -> OwnPage:
        """What the caller's page says, and which notifications are also mailed."""
        return self._calls.get(OwnPage, "/rest/me/page")

    def change_own_page(
        self, *, bio: str | None = None, link: str | None = None, mailed: Sequence[str] | None = None
    ) -> OwnPage:
        """Change what is given."""
        given = {"bio": bio, "link": link, "mailed": None if mailed is None else list(mailed)}
        body = {name: value for name, value in given.items() if value is not None}
        return self._calls.patch(OwnPage, "/rest/me/page", body)
