"""Things that take room, as somebody sees them, and what is done with a kind of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from studium.accounts.access import role_in
from studium.accounts.models import Team, User
from studium.accounts.states import Role, covers

PRIVATE = "It is private to somebody else."


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks at which team, with their role in it."""

    user: User
    team: Team
    role: Role | None

    @classmethod
    def of(cls, user: User, team: Team) -> "Viewer":
        return cls(user=user, team=team, role=role_in(user, team))

    @property
    def member(self) -> bool:
        return self.role is not None and covers(self.role, Role.MEMBER)


@dataclass(frozen=True, kw_only=True)
class Alone:
    """What is freed if one thing goes and nothing else, and the numbers of the versions beside it that have what stays."""

    bytes: int
    shared_with: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing of a kind. `page` is empty where the viewer may not see it, `kept` says why they cannot clean it up. `alone` is
    known where that was asked for and does not take too long to find out.
    """

    kind: str
    key: str
    title: str
    page: str
    bytes: int
    used_at: datetime | None
    kept: str = ""
    alone: Alone | None = None

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.key}"

    @property
    def frees_far_less(self) -> bool:
        """Whether its size promises more than twice what goes with it."""
        return self.alone is not None and 2 * self.alone.bytes < self.bytes


@dataclass(frozen=True, kw_only=True)
class Freed:
    """What a clean-up frees. Not `exact` where that would take too long to find out: then it is at most so much."""

    bytes: int = 0
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """How a kind is cleaned up.

    `how` says what goes and what stays. `largest` lists so many, the largest first; `named` finds those of these keys that
    are still there. `frees` tells what goes with those of these keys, whoever asks; `alone` what goes with each by itself, for
    kinds whose things share what they have. `clean` does it to items that may go; `keep_and_clean` takes a snapshot of each first,
    for kinds that there are snapshots of, and `kept` says what comes of that.
    """

    kind: str
    how: str
    largest: Callable[[Viewer, int, datetime], list[Item]]
    named: Callable[[Viewer, Collection[str], datetime], list[Item]]
    frees: Callable[[Team, Collection[str]], Freed]
    clean: Callable[[User, Team, Collection[str], datetime], None]
    alone: Callable[[Team, Collection[str]], dict[str, Alone]] | None = None
    keep_and_clean: Callable[[User, Team, Collection[str], datetime], None] | None = None
    kept: str = ""


def numbers(keys: Collection[str]) -> list[int]:
    """Those keys that are numbers, for rows that are found by one."""
    return [int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 18]
