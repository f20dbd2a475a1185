"""Sharing of notebooks: people, links, and coming by one."""

from studium.client import shapes
from studium.client.calls import Calls, part


class Shares:
    """`/rest/notebooks/{notebook_id}/shares` and `.../links`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, notebook_id: str) -> shapes.Shares:
        """People and links."""
        return self._calls.get(shapes.Shares, f"/rest/notebooks/{part(notebook_id)}/shares")

    def add(self, notebook_id: str, person: str, role: str = "reader") -> shapes.Collaborator:
        """Share with a username, or with an e-mail address where that finds people; or change the role."""
        body = {"person": person, "role": role}
        return self._calls.post(shapes.Collaborator, f"/rest/notebooks/{part(notebook_id)}/shares", body)

    def remove(self, notebook_id: str, username: str) -> None:
        """End it for somebody and stop what they run; with your own name, leave."""
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/shares/{part(username)}")

    def make_link(
        self, notebook_id: str, role: str = "reader", *, days: int | None = 30, most_uses: int | None = None
    ) -> shapes.ShareLink:
        """A link; its `url` is only in this answer. Without `days` it has no end."""
        body = {"role": role, "days": days, "most_uses": most_uses}
        return self._calls.post(shapes.ShareLink, f"/rest/notebooks/{part(notebook_id)}/links", body)

    def revoke_link(self, notebook_id: str, link_id: str) -> None:
        """Let nobody in by it any more; who came by it stays."""
        self._calls.do("DELETE", f"/rest/notebooks/{part(notebook_id)}/links/{part(link_id)}")

    def accept(self, link: str) -> shapes.Notebook:
        """Become a collaborator by a link."""
        return self._calls.post(shapes.Notebook, "/rest/shared", {"link": link})
