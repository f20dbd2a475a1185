"""People, teams, projects, invitations and tokens."""

from datetime import datetime

from pydantic import Field

from studium.accounts.models import ApiToken, Invitation, Membership, Project, Team, User
from studium.accounts.states import Role, Scope
from studium.api.shapes.base import Asked, Line, Shape, Slug


class TeamShape(Shape):
    """A team as its member sees it. `role` is the caller's own."""

    slug: str
    name: str
    personal: bool
    role: Role
    plan: str

    @classmethod
    def of(cls, team: Team, role: Role, plan: str) -> "TeamShape":
        return cls(slug=team.slug, name=team.name, personal=team.personal_of_id is not None, role=role, plan=plan)


class TeamDetail(TeamShape):
    created_at: datetime
    members: int
    projects: int
    notebooks: int


class Me(Shape):
    """The caller. `scopes` are what this token or session may be used for."""

    username: str
    email: str
    operator: bool
    scopes: list[Scope]
    expires_at: datetime | None
    team: str
    teams: list[TeamShape]
    version: str
    largest_notebook_bytes: int


class Member(Shape):
    username: str
    email: str
    role: Role
    since: datetime
    active: bool

    @classmethod
    def of(cls, row: Membership) -> "Member":
        return cls(
            username=row.user.username,
            email=row.user.email,
            role=Role(row.role),
            since=row.since,
            active=row.user.is_active,
        )


class ProjectShape(Shape):
    slug: str
    name: str
    notebooks: int
    created_at: datetime

    @classmethod
    def of(cls, row: Project, notebooks: int) -> "ProjectShape":
        return cls(slug=row.slug, name=row.name, notebooks=notebooks, created_at=row.created_at)


class InvitationShape(Shape):
    """A link that lets its bearer join. `url` is shown only once, in the answer to making it."""

    id: int
    role: Role
    email: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    url: str

    @classmethod
    def of(cls, row: Invitation, url: str = "") -> "InvitationShape":
        return cls(
            id=row.pk,
            role=Role(row.role),
            email=row.email,
            created_by=row.created_by.username,
            created_at=row.created_at,
            expires_at=row.expires_at,
            url=url,
        )


class Token(Shape):
    """A personal token. `secret` is shown only once, in the answer to making it."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    secret: str

    @classmethod
    def of(cls, row: ApiToken, secret: str = "") -> "Token":
        return cls(
            id=row.pk,
            name=row.name,
            prefix=row.prefix,
            scopes=[Scope(s) for s in row.scopes],
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            secret=secret,
        )


class UserShape(Shape):
    """A person, as operators see them."""

    username: str
    email: str
    active: bool
    operator: bool
    joined_at: datetime
    last_login_at: datetime | None
    live_runs: int

    @classmethod
    def of(cls, row: User, live_runs: int) -> "UserShape":
        return cls(
            username=row.username,
            email=row.email,
            active=row.is_active,
            operator=row.is_staff,
            joined_at=row.date_joined,
            last_login_at=row.last_login,
            live_runs=live_runs,
        )


class LoginLink(Shape):
    """An address that signs its bearer in, once."""

    username: str
    url: str
    expires_at: datetime


class NewTeam(Asked):
    name: Line
    slug: Slug = ""


class NewProject(Asked):
    name: Line


class NewInvitation(Asked):
    role: Role = Role.MEMBER
    email: Line = ""


class NewRole(Asked):
    role: Role


class Joining(Asked):
    """`invitation` is the whole link, or its last part."""

    invitation: Line


class NewToken(Asked):
    name: Line
    scopes: list[Scope]
    expires_in_days: int | None = Field(90, ge=1, le=3660, description="null for a token that does not expire.")


class NewUser(Asked):
    username: Slug
    email: Line
    operator: bool = False


class OperatorRight(Asked):
    operator: bool
