"""With whom a notebook is shared, and its links."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.notebooks.models import Collaborator
from studium.notebooks.sharing.queries import LinkShown
from studium.notebooks.states import SharedRole


class CollaboratorShape(Shape):
    """Somebody a notebook is shared with. `added_by` is whose link it was where `by_link` is true; null for somebody gone."""

    username: str
    role: SharedRole
    active: bool
    added_by: str | None
    by_link: bool
    added_at: datetime

    @classmethod
    def of(cls, row: Collaborator) -> "CollaboratorShape":
        return cls(
            username=row.user.username,
            role=SharedRole(row.role),
            active=row.user.is_active,
            added_by=row.added_by.username if row.added_by else None,
            by_link=row.link_id is not None,
            added_at=row.added_at,
        )


class ShareLinkShape(Shape):
    """A link. `url` is empty but in the answer that made it; `used` counts people; null bounds are none."""

    id: str
    role: SharedRole
    state: Literal["open", "used up", "ended", "revoked"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    most_uses: int | None
    used: int
    url: str

    @classmethod
    def of(cls, shown: LinkShown, url: str = "") -> "ShareLinkShape":
        link = shown.link
        return cls(
            id=link.pk,
            role=SharedRole(link.role),
            state=shown.state,
            created_by=link.created_by.username,
            created_at=link.created_at,
            expires_at=link.expires_at,
            most_uses=link.most_uses,
            used=shown.used,
            url=url,
        )


class SharesShape(Shape):
    """Everybody it is shared with, and its links: those that are open, and the newest few that are not."""

    people: list[CollaboratorShape]
    links: list[ShareLinkShape]
    # What editors could read: the names of the secrets that its runs are given.
    given_secrets: list[str]


class NewShare(Asked):
    """`person` is a username, or an e-mail address where that finds people. Sent again it changes the role."""

    person: Line = Field(min_length=1)
    role: SharedRole = SharedRole.READER


class NewShareLink(Asked):
    """`days` null makes a link without an end, `most_uses` null one for any number of people."""

    role: SharedRole = SharedRole.READER
    days: int | None = Field(30, ge=1, le=366)
    most_uses: int | None = Field(None, ge=1, le=200)


class LinkToCome(Asked):
    """The link, or its last part."""

    link: Line = Field(min_length=1)
