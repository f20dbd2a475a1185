"""Roles and scopes: what they are and what they contain. Pure."""

from enum import StrEnum


class Role(StrEnum):
    """A member's role in a team, most able first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    READER = "reader"


RANK = {Role.OWNER: 3, Role.ADMIN: 2, Role.MEMBER: 1, Role.READER: 0}

ROLE_WORDS = {
    Role.OWNER: "Everything, the plan and other owners included",
    Role.ADMIN: "Members, projects, settings and everything members do",
    Role.MEMBER: "Make, change and run the team's notebooks",
    Role.READER: "Read the team's work; change and run nothing",
}


def covers(role: Role, need: Role) -> bool:
    """Whether `role` may do what `need` may."""
    return RANK[role] >= RANK[need]


class Visibility(StrEnum):
    """Who may read: the team's members by default, everybody when public. `team` and `private` differ in listings."""

    PRIVATE = "private"
    TEAM = "team"
    PUBLIC = "public"


class SharedRole(StrEnum):
    """What somebody may do with one thing that is shared with them. What is its team's to decide stays the team's."""

    READER = "reader"
    EDITOR = "editor"


class Scope(StrEnum):
    """What a token may be used for. A session in the browser has them all."""

    READ = "read"
    WRITE = "write"
    TEAM = "team"
    ADMIN = "admin"


SCOPE_WORDS = {
    Scope.READ: "See notebooks, runs and usage",
    Scope.WRITE: "Make and change notebooks with their secrets, start and stop runs, comment and vote",
    Scope.TEAM: "Manage teams, members, secrets of teams and projects, and tokens",
    Scope.ADMIN: "Operate the installation, for administrators",
}
