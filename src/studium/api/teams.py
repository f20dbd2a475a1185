"""Teams: members, roles, invitations, projects."""

from django.db.models import Count, Q
from ninja import Router, Status

from studium.accounts import actions
from studium.accounts.access import team_for, teams_of
from studium.accounts.models import Invitation, Membership, Project, Team, User
from studium.accounts.states import Role, Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.people import (
    InvitationShape,
    Joining,
    Member,
    NewInvitation,
    NewProject,
    NewRole,
    NewTeam,
    ProjectShape,
    TeamDetail,
    TeamShape,
)
from studium.errors import NotFound
from studium.lib import clock
from studium.notebooks.access import mine
from studium.plans import queries as plans
from studium.plans.models import Subscription

router = Router(tags=["teams"])


def show_teams(user: User) -> list[TeamShape]:
    """The user's teams, the personal one first, with role and plan."""
    rows = list(teams_of(user))
    roles = dict(Membership.objects.filter(user=user).values_list("team_id", "role"))
    assigned = dict(Subscription.objects.filter(team__in=rows).values_list("team_id", "plan_id"))
    default = next((plans.plan_of(team).slug for team in rows if team.pk not in assigned), "")
    shown = [TeamShape.of(team, Role(roles[team.pk]), assigned.get(team.pk, default)) for team in rows]
    return sorted(shown, key=lambda team: (not team.personal, team.slug))


def _detail(user: User, team: Team) -> TeamDetail:
    role = Role(Membership.objects.get(user=user, team=team).role)
    return TeamDetail(
        **TeamShape.of(team, role, plans.plan_of(team).slug).model_dump(),
        created_at=team.created_at,
        members=team.memberships.count(),
        projects=team.projects.filter(deleted_at=None).count(),
        notebooks=mine(user).filter(team=team).count(),
    )


@router.get("", response=list[TeamShape], auth=allow(Scope.READ), summary="Your teams")
def teams(request: ApiRequest) -> list[TeamShape]:
    """The teams you belong to, the personal one first."""
    return show_teams(request.auth.user)


@router.post("", response={201: TeamDetail}, auth=allow(Scope.TEAM), summary="Make a team")
def create(request: ApiRequest, body: NewTeam) -> Status[TeamDetail]:
    """A shared team that you own, with a first project."""
    user = request.auth.user
    return Status(201, _detail(user, actions.create_team(user, body.name, now=clock.now(), slug=body.slug)))


@router.post("/join", response=TeamDetail, auth=allow(Scope.TEAM), summary="Join a team by an invitation")
def join(request: ApiRequest, body: Joining) -> TeamDetail:
    """Use up an invitation link."""
    user = request.auth.user
    team = actions.accept_invitation(user, body.invitation.rstrip("/").rsplit("/", 1)[-1], now=clock.now())
    return _detail(user, team or actions.give_personal_team(user, now=clock.now()))


@router.get("/{slug}", response=TeamDetail, auth=allow(Scope.READ), summary="One team")
def team(request: ApiRequest, slug: str) -> TeamDetail:
    """A team you belong to."""
    return _detail(request.auth.user, team_for(request.auth.user, slug))


@router.get("/{slug}/members", response=list[Member], auth=allow(Scope.READ), summary="Members and roles")
def members(request: ApiRequest, slug: str) -> list[Member]:
    """Everybody in the team, by name."""
    found = team_for(request.auth.user, slug)
    return [
        Member.of(row)
        for row in Membership.objects.filter(team=found).select_related("user").order_by("user__username")
    ]


@router.put("/{slug}/members/{username}", response=Member, auth=allow(Scope.TEAM), summary="Change a role")
def role(request: ApiRequest, slug: str, username: str, body: NewRole) -> Member:
    """Give a member another role. The last owner stays owner."""
    user = request.auth.user
    found = team_for(user, slug, Role.ADMIN)
    member = _member(found, username)
    actions.set_role(user, found, member.user, body.role, now=clock.now())
    return Member.of(_member(found, username))


@router.delete("/{slug}/members/{username}", response={204: None}, auth=allow(Scope.TEAM), summary="Remove a member")
def remove(request: ApiRequest, slug: str, username: str) -> Status[None]:
    """Remove a member; for yourself this is leaving."""
    user = request.auth.user
    found = team_for(user, slug)
    if username != user.username:
        found = team_for(user, slug, Role.ADMIN)
    actions.remove_member(user, found, _member(found, username).user, now=clock.now())
    return Status(204, None)


def _member(team: Team, username: str) -> Membership:
    row = Membership.objects.filter(team=team, user__username=username).select_related("user").first()
    if row is None:
        raise NotFound("member.unknown", f"{username} is not a member of {team.slug}.", "Invite them.")
    return row


@router.post("/{slug}/leave", response={204: None}, auth=allow(Scope.TEAM), summary="Leave a team")
def leave(request: ApiRequest, slug: str) -> Status[None]:
    """Leave. The last owner stays until somebody else is owner."""
    user = request.auth.user
    actions.remove_member(user, team_for(user, slug), user, now=clock.now())
    return Status(204, None)


@router.get("/{slug}/invitations", response=list[InvitationShape], auth=allow(Scope.TEAM), summary="Open invitations")
def invitations(request: ApiRequest, slug: str) -> list[InvitationShape]:
    """Links that nobody has used yet, for the team's admins."""
    found = team_for(request.auth.user, slug, Role.ADMIN)
    rows = Invitation.objects.filter(team=found, used_at=None, revoked_at=None, expires_at__gt=clock.now())
    return [InvitationShape.of(row) for row in rows.select_related("created_by").order_by("-created_at")]


@router.post(
    "/{slug}/invitations", response={201: InvitationShape}, auth=allow(Scope.TEAM), summary="Invite somebody by a link"
)
def invite(request: ApiRequest, slug: str, body: NewInvitation) -> Status[InvitationShape]:
    """A link that works once, for seven days. It is shown only in this answer."""
    user = request.auth.user
    found = team_for(user, slug, Role.ADMIN)
    row, secret = actions.invite(user, found, body.role, now=clock.now(), email=body.email)
    return Status(201, InvitationShape.of(row, addresses.invitation(secret)))


@router.delete(
    "/{slug}/invitations/{invitation_id}",
    response={204: None},
    auth=allow(Scope.TEAM),
    summary="Withdraw an invitation",
)
def withdraw(request: ApiRequest, slug: str, invitation_id: int) -> Status[None]:
    """The link stops working."""
    user = request.auth.user
    found = team_for(user, slug, Role.ADMIN)
    row = Invitation.objects.filter(pk=invitation_id, team=found).first()
    if row is None:
        raise NotFound(
            "invite.gone", "There is no such invitation.", f"`studium teams show {slug}` lists the open ones."
        )
    actions.revoke_invitation(user, row, now=clock.now())
    return Status(204, None)


@router.get("/{slug}/projects", response=list[ProjectShape], auth=allow(Scope.READ), summary="Projects")
def projects(request: ApiRequest, slug: str) -> list[ProjectShape]:
    """The team's projects with the number of notebooks you may read."""
    user = request.auth.user
    found = team_for(user, slug)
    readable = Q(notebooks__in=mine(user).values("pk"))
    rows = Project.objects.filter(team=found, deleted_at=None).annotate(readable=Count("notebooks", filter=readable))
    return [ProjectShape.of(row, row.readable) for row in rows.order_by("slug")]


@router.post("/{slug}/projects", response={201: ProjectShape}, auth=allow(Scope.TEAM), summary="Make a project")
def new_project(request: ApiRequest, slug: str, body: NewProject) -> Status[ProjectShape]:
    """A folder of work. The plan may limit how many there are."""
    user, now = request.auth.user, clock.now()
    found = team_for(user, slug, Role.MEMBER)
    limit = plans.standing(found, now=now).rules.projects
    return Status(201, ProjectShape.of(actions.create_project(user, found, body.name, now=now, limit=limit), 0))
