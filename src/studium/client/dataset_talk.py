"""What people say and do about datasets."""

from collections.abc import Iterator

from studium.client.calls import Calls, part
from studium.client.shapes import Comment, Page, Report, Tally


class DatasetComments:
    """`/rest/datasets/{dataset_id}/comments`; a comment is named by its dataset's id and its own."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, dataset_id: str, *, cursor: str = "", limit: int = 50) -> Page[Comment]:
        """Part of the listing, newest first, answers among them."""
        return self._calls.get(Page[Comment], f"/rest/datasets/{part(dataset_id)}/comments", cursor=cursor, limit=limit)

    def all(self, dataset_id: str) -> Iterator[Comment]:
        """The whole listing, fetched as it is read."""
        cursor = ""
        while True:
            page = self.page(dataset_id, cursor=cursor, limit=200)
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def write(self, dataset_id: str, text: str, *, parent: int | None = None) -> Comment:
        """Say something in markdown, or answer the comment `parent`."""
        body = {"text": text, "parent": parent}
        return self._calls.post(Comment, f"/rest/datasets/{part(dataset_id)}/comments", body)

    def edit(self, dataset_id: str, comment_id: int, text: str) -> Comment:
        return self._calls.patch(
            Comment, f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}", {"text": text}
        )

    def delete(self, dataset_id: str, comment_id: int) -> None:
        self._calls.do("DELETE", f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}")

    def hide(self, dataset_id: str, comment_id: int, reason: str = "") -> Comment:
        """Keep its text from all but its author and those who may hide it."""
        return self._calls.post(
            Comment, f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}/hide", {"reason": reason}
        )

    def unhide(self, dataset_id: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}/unhide")

    def vote(self, dataset_id: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}/vote")

    def unvote(self, dataset_id: str, comment_id: int) -> Comment:
        return self._calls.post(Comment, f"/rest/datasets/{part(dataset_id)}/comments/{part(comment_id)}/unvote")


class DatasetFavour:
    """What a person does with a dataset besides talking: vote, bookmark, report."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def vote(self, dataset_id: str) -> Tally:
        return self._calls.post(Tally, f"/rest/datasets/{part(dataset_id)}/vote")

    def unvote(self, dataset_id: str) -> Tally:
        return self._calls.post(Tally, f"/rest/datasets/{part(dataset_id)}/unvote")

    def bookmark(self, dataset_id: str) -> Tally:
        """Remember it; nobody else sees that."""
        return self._calls.post(Tally, f"/rest/datasets/{part(dataset_id)}/bookmark")

    def report(self, dataset_id: str, why: str, text: str = "") -> Report:
        """Tell the administrators: `why` is spam, abuse, private, rights, harmful or other."""
        return self._calls.post(Report, f"/rest/datasets/{part(dataset_id)}/report", {"why": why, "text": text})
