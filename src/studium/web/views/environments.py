"""Environments on the pages of teams and notebooks: make, build anew, read, choose, delete."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts.access import role_in, team_for
from studium.accounts.models import Team
from studium.accounts.states import Role, covers
from studium.environments import actions, queries
from studium.environments.access import environment_for
from studium.environments.errors import unknown_build
from studium.environments.models import Build, Environment
from studium.environments.states import BuildState, SourceKind
from studium.errors import StudiumError
from studium.lib import clock
from studium.notebooks import actions as notebooks
from studium.notebooks.access import notebook_for
from studium.storage import actions as storage
from studium.web.forms.environments import ChooseEnvironment, NewEnvironment, WhatToBuild
from studium.web.requests import UserRequest, signed_in
from studium.web.views.notebooks import address, notebook_page

_MOST_BUILDS = 50


def place(environment: Environment, rest: str = "") -> str:
    team = environment.team.slug if environment.team else ""
    return f"/environments/{team}/{environment.slug}/{rest}" if team else f"/environments/{rest}"


@signed_in
@require_GET
def default(request: UserRequest) -> HttpResponse:
    """The one that comes with the platform."""
    return _page(request, environment_for(request.user, queries.DEFAULT))


@signed_in
@require_http_methods(["GET", "POST"])
def of_team(request: UserRequest, slug: str) -> HttpResponse:
    """Those of a team, and making one."""
    team = team_for(request.user, slug, Role.MEMBER if request.method == "POST" else Role.READER)
    form = NewEnvironment(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            data = form.cleaned_data
            try:
                made = actions.create_environment(
                    request.user, team, data["name"], SourceKind(data["kind"]), data["source"], now=clock.now()
                )
                return redirect(place(made))
            except StudiumError as error:
                form.add_error(None, f"{error.message} {error.next_step}")
                status = error.status
        else:
            status = 400
    return _listing(request, team, form, status)


def _listing(request: UserRequest, team: Team, form: NewEnvironment, status: int) -> HttpResponse:
    found = list(queries.of_team(team))
    rows = [(each, queries.current_build(each), queries.builds_of(each).first()) for each in found]
    context = {
        "now": clock.now(),
        "team": team,
        "rows": rows,
        "form": form,
        "able": covers(role_in(request.user, team) or Role.READER, Role.MEMBER),
    }
    return render(request, "environments/list.html", context, status=status)


@signed_in
@require_GET
def show(request: UserRequest, team: str, slug: str) -> HttpResponse:
    return _page(request, environment_for(request.user, f"{team}/{slug}"))


def _page(
    request: UserRequest, environment: Environment, form: WhatToBuild | None = None, status: int = 200
) -> HttpResponse:
    return render(request, "environments/show.html", _context(request, environment, form), status=status)


def _context(request: UserRequest, environment: Environment, form: WhatToBuild | None = None) -> dict[str, object]:
    """The page of the build that the address names, the present one if it names none."""
    builds = list(queries.builds_of(environment)[:_MOST_BUILDS])
    named = request.GET.get("build", "")
    shown = queries.build_of(environment, int(named)) if named.isdigit() and len(named) < 9 else None
    shown = shown or queries.current_build(environment) or (builds[0] if builds else None)
    team = environment.team
    role = role_in(request.user, team) if team else None
    return {
        "now": clock.now(),
        "environment": environment,
        "here": place(environment),
        "builds": builds,
        "shown": shown,
        "twin": queries.twin_of(shown) if shown else None,
        "latest": builds[0] if builds else None,
        "waits": any(each.state == BuildState.BUILDING for each in builds),
        "able": role is not None and covers(role, Role.MEMBER),
        "form": form or WhatToBuild(initial={"kind": builds[0].kind, "source": builds[0].source} if builds else None),
    }


@signed_in
@require_GET
def body(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part of the page that changes while something is built; the whole page once nothing is any more."""
    context = _context(request, environment_for(request.user, f"{team}/{slug}"))
    if not context["waits"]:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "environments/body.html", context)


@signed_in
@require_POST
def build(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Build it anew."""
    environment = environment_for(request.user, f"{team}/{slug}", change=True)
    form = WhatToBuild(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, environment, form, 400)
    data = form.cleaned_data
    try:
        actions.build_anew(request.user, environment, SourceKind(data["kind"]), data["source"], now=clock.now())
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _page(request, environment, form, error.status)
    return redirect(place(environment))


@signed_in
@require_POST
def rename(request: UserRequest, team: str, slug: str) -> HttpResponse:
    environment = environment_for(request.user, f"{team}/{slug}", change=True)
    actions.rename(request.user, environment, request.POST.get("name", ""), now=clock.now())
    return redirect(place(environment))


@signed_in
@require_POST
def delete(request: UserRequest, team: str, slug: str) -> HttpResponse:
    environment = environment_for(request.user, f"{team}/{slug}", change=True)
    actions.delete_environment(request.user, environment, now=clock.now())
    messages.success(request, f"{environment.name} is deleted.")
    return redirect(f"/teams/{team}/environments/")


@signed_in
@require_GET
def lock(request: UserRequest, team: str, slug: str, number: int) -> HttpResponse:
    """The lock as a file."""
    environment = environment_for(request.user, f"{team}/{slug}")
    return _lock(queries.build_of(environment, number))


def _lock(found: Build) -> HttpResponse:
    environment = found.environment
    if not found.lock:
        raise unknown_build(environment.full_name, found.number)
    name = f"{environment.slug}-{found.number}-requirements.txt"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(storage.get(found.lock), content_type="text/plain; charset=utf-8", headers=headers)


@signed_in
@require_POST
def choose(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """What a notebook runs in from the next start on."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    form = ChooseEnvironment(request.user, notebook, request.POST)
    if not form.is_valid():
        return notebook_page(request, notebook, status=400, environment=form)
    name, number = form.cleaned_data["environment"] or queries.DEFAULT, form.cleaned_data["build"]
    kept = notebook.environment if notebook.environment and notebook.environment.pk == name else None
    try:
        chosen = kept or environment_for(request.user, name)
        notebooks.choose_environment(request.user, notebook, chosen, now=clock.now(), number=number)
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return notebook_page(request, notebook, status=error.status, environment=form)
    messages.success(request, "It counts from the next start on.")
    return redirect(address(notebook, "#environment"))
