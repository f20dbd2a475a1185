"""Teams: the listing, one team with members, links, projects and plan, and what its admins do."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts import actions, queries
from studium.accounts.access import role_in, team_for
from studium.accounts.models import Invitation, Team, User
from studium.accounts.states import ROLE_WORDS, Role, covers
from studium.config.options import options
from studium.environments import queries as environments
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.plans.queries import standing
from studium.secrets import queries as secrets
from studium.storage.providers import queries as providers
from studium.web.forms.secrets import SetTeamSecret
from studium.web.forms.teams import Invite, NewProject, NewTeam
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.meters import allowance_meters
from studium.web.shown.plans import rules_in_words


@signed_in
@require_http_methods(["GET", "POST"])
def listing(request: UserRequest) -> HttpResponse:
    form = NewTeam(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            team = actions.create_team(
                request.user, form.cleaned_data["name"], slug=form.cleaned_data["slug"], now=clock.now()
            )
            return redirect(f"/teams/{team.slug}/")
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
    if request.method == "POST":
        status = 400
    return render(
        request,
        "teams/list.html",
        {"memberships": list(queries.memberships_of(request.user)), "form": form},
        status=status,
    )


@signed_in
@require_GET
def show(request: UserRequest, slug: str) -> HttpResponse:
    return team_page(request, team_for(request.user, slug))


def team_page(
    request: UserRequest,
    team: Team,
    *,
    link: str = "",
    invite: Invite | None = None,
    project: NewProject | None = None,
    secret: SetTeamSecret | None = None,
    status: int = 200,
) -> HttpResponse:
    """The team's page, with a form that was refused in place of a fresh one."""
    now = clock.now()
    role = role_in(request.user, team) or Role.READER
    allowance = standing(team, now=now)
    admin, member = covers(role, Role.ADMIN), covers(role, Role.MEMBER)
    projects = list(queries.projects_of(team))
    context = {
        "now": now,
        "team": team,
        "role": role,
        "admin": admin,
        "member": member,
        "personal": team.personal_of_id is not None,
        "members": list(queries.members_of(team)),
        "projects": projects,
        "environments": environments.of_team(team).count(),
        "providers": providers.of_team(team).count() if member else 0,
        "secrets": secrets.of_team(team) if member else [],
        "secret_form": secret or SetTeamSecret(projects),
        "roles": list(ROLE_WORDS.items()),
        "invitations": list(queries.open_invitations(team, now=now)) if admin else [],
        "link": link,
        "plan": allowance.plan,
        "rules": rules_in_words(allowance.rules),
        "meters": allowance_meters(allowance),
        "invite_form": invite or Invite(),
        "project_form": project or NewProject(),
    }
    return render(request, "teams/show.html", context, status=status)


@signed_in
@require_POST
def invite(request: UserRequest, slug: str) -> HttpResponse:
    """Make a link and show it, this once."""
    team = team_for(request.user, slug, Role.ADMIN)
    form = Invite(request.POST)
    if not form.is_valid():
        return team_page(request, team, invite=form, status=400)
    data = form.cleaned_data
    _, secret = actions.invite(request.user, team, Role(data["role"]), email=data["email"], now=clock.now())
    return team_page(request, team, link=f"{options().platform_url}/join/{secret}/")


@signed_in
@require_POST
def revoke(request: UserRequest, slug: str, invitation: int) -> HttpResponse:
    team = team_for(request.user, slug, Role.ADMIN)
    actions.revoke_invitation(request.user, get_object_or_404(Invitation, pk=invitation, team=team), now=clock.now())
    messages.success(request, "The link no longer works.")
    return redirect(f"/teams/{team.slug}/")


@signed_in
@require_POST
def set_role(request: UserRequest, slug: str, username: str) -> HttpResponse:
    team = team_for(request.user, slug, Role.ADMIN)
    wanted = request.POST.get("role", "")
    if wanted not in {role.value for role in Role}:
        raise BadInput(
            "team.role_unknown", f"There is no role {wanted!r}.", "Choose one of owner, admin, member, reader."
        )
    actions.set_role(request.user, team, _person(team, username), Role(wanted), now=clock.now())
    messages.success(request, f"{username} is now {wanted}.")
    return redirect(f"/teams/{team.slug}/")


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: UserRequest, slug: str, username: str) -> HttpResponse:
    """Remove a member, or leave; asks first."""
    team = team_for(request.user, slug)
    person = _person(team, username)
    own = person.pk == request.user.pk
    if not own:
        team = team_for(request.user, slug, Role.ADMIN)
    if request.method == "GET":
        return render(request, "teams/remove.html", {"team": team, "person": person, "own": own})
    actions.remove_member(request.user, team, person, now=clock.now())
    messages.success(request, f"You left {team.name}." if own else f"{username} is no longer a member.")
    return redirect("/teams/" if own else f"/teams/{team.slug}/")


def _person(team: Team, username: str) -> User:
    return get_object_or_404(User, username=username, memberships__team=team)


@signed_in
@require_POST
def add_project(request: UserRequest, slug: str) -> HttpResponse:
    team = team_for(request.user, slug, Role.MEMBER)
    form = NewProject(request.POST)
    now = clock.now()
    if form.is_valid():
        try:
            actions.create_project(
                request.user, team, form.cleaned_data["name"], now=now, limit=standing(team, now=now).rules.projects
            )
            messages.success(request, "The project is made.")
            return redirect(f"/teams/{team.slug}/")
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
    return team_page(request, team, project=form, status=400)
