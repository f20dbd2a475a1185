"""People and teams for tests: a cast of owner, teammate, reader and stranger around one shared team."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from studium.accounts import actions
from studium.accounts.models import Membership, Project, Team, User
from studium.accounts.states import Role

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
_numbers = count(1)


def make_user(name: str = "", *, operator: bool = False, now: datetime = NOW) -> User:
    """A person with a personal team; the password is `correct horse`."""
    name = name or f"user{next(_numbers)}"
    return actions.create_user(name, f"{name}@example.org", now=now, password="correct horse", operator=operator)


def make_team(owner: User, name: str = "", *, now: datetime = NOW) -> Team:
    """A shared team with its first project, `main`."""
    return actions.create_team(owner, name or f"Team {next(_numbers)}", now=now)


def join(team: Team, user: User, role: Role = Role.MEMBER, *, now: datetime = NOW) -> User:
    Membership.objects.create(team=team, user=user, role=role, since=now)
    return user


def project_of(team: Team) -> Project:
    return team.projects.get(slug="main")


@dataclass(frozen=True)
class Cast:
    """The people of an access test."""

    team: Team
    owner: User
    teammate: User
    reader: User
    stranger: User
    operator: User


def make_cast() -> Cast:
    owner = make_user()
    team = make_team(owner)
    return Cast(
        team=team,
        owner=owner,
        teammate=join(team, make_user()),
        reader=join(team, make_user(), Role.READER),
        stranger=make_user(),
        operator=make_user(operator=True),
    )
