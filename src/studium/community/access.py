"""What people talk about, seen as the user, and who may moderate it.

The community knows its subjects only by kind and id. Whoever has one fetches it as the user and makes a `Subject` of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from studium.accounts.access import role_in
from studium.accounts.models import Team, User
from studium.accounts.states import Role, covers
from studium.errors import Forbidden

COMMENT = "comment"  # the kind of a comment, as something to vote for


@dataclass(frozen=True, kw_only=True)
class About:
    """What a notification or a report says it is about, as it was at that moment."""

    kind: str
    id: str
    title: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that the actor may read. `owner` is told of what happens to it; `path` is its page, with a slash at both ends.

    `readable_by` answers for anybody, `public` is whether everybody who can sign in may read it.
    """

    kind: str
    id: str
    team: Team
    owner: User
    title: str
    path: str
    public: bool
    readable_by: Callable[[User], bool]

    def about(self, rest: str = "") -> About:
        """The subject as it is now; `rest` leads on from its page."""
        title = " ".join(self.title.split())[:200]
        return About(kind=self.kind, id=self.id, title=title, path=f"{self.path}{rest}"[:300])


def may_moderate(user: User, subject: Subject) -> bool:
    """Whether the user may hide comments: the team's owners and admins, its owner while a member, and administrators."""
    if user.is_active and user.is_staff:
        return True
    role = role_in(user, subject.team)
    return role is not None and (covers(role, Role.ADMIN) or user.pk == subject.owner.pk)


def require_moderator(user: User, subject: Subject) -> None:
    """Raises Forbidden for those who may only read and write."""
    if not may_moderate(user, subject):
        raise Forbidden(
            "comment.not_moderator",
            "Comments are hidden by who owns what they are about and by admins of its team.",
            "Ask one of them.",
        )
