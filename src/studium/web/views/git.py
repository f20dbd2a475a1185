"""Notebooks from git: making one, and what is done with its repository."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts.models import Project
from studium.errors import BadInput, Forbidden, StudiumError
from studium.lib import clock
from studium.notebooks.access import may_manage, may_see_runs, notebook_for
from studium.notebooks.git import actions
from studium.notebooks.git.queries import require_repository
from studium.secrets.queries import of_team
from studium.web.forms.git import CredentialsForm, NewGitNotebook, PushForm, RepositoryForm
from studium.web.forms.notebooks import projects_to_write
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.git import forms_of, shown_git
from studium.web.views.notebooks import address


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: UserRequest) -> HttpResponse:
    projects = projects_to_write(request.user)
    if request.method == "GET":
        initial = {"project": request.GET.get("project", ""), "url": request.GET.get("url", "")[:1000]}
        return _form(request, NewGitNotebook(projects=projects, initial=initial), projects)
    form = NewGitNotebook(request.POST, projects=projects)
    if not form.is_valid():
        return _form(request, form, projects, 400)
    try:
        made = actions.create_from_git(
            request.user,
            form.chosen_project,
            form.wanted(),
            now=clock.now(),
            title=form.cleaned_data["title"],
            visibility=form.chosen_visibility,
            internet=form.cleaned_data["internet"],
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _form(request, form, projects, error.status)
    return redirect(address(made))


def _form(request: UserRequest, form: NewGitNotebook, projects: list[Project], status: int = 200) -> HttpResponse:
    names = {shown.name for team in {p.team_id: p.team for p in projects}.values() for shown in of_team(team)}
    return render(request, "git/new.html", {"form": form, "secret_names": sorted(names)}, status=status)


@signed_in
@require_GET
def card(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The part of the notebook's page that tells of git, while it changes; then the whole page loads again."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    if not may_see_runs(request.user, notebook):
        raise Forbidden("git.of_team", "Where a notebook comes from is for its team to see.", "Read it, or copy it.")
    require_repository(notebook)
    shown = shown_git(notebook)
    if shown is None or not shown.moving:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    manages = may_manage(request.user, notebook)
    context = {
        "notebook": notebook,
        "url": address(notebook),
        "git": shown,
        "manages": manages,
        "now": clock.now(),
        **forms_of(shown),
    }
    return render(request, "git/card.html", context)


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """`do` says what: check, pull, push, clone, choose, blank or credentials."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    repository, user, now = require_repository(notebook), request.user, clock.now()
    match request.POST.get("do", ""):
        case "check":
            actions.check_remote(user, repository, now=now)
        case "pull":
            actions.pull(user, repository, now=now, keep=request.POST.get("keep") == "1")
        case "push":
            push = PushForm(request.POST)
            _require(push)
            actions.push(user, repository, push.cleaned_data["message"], now=now, branch=push.cleaned_data["branch"])
        case "clone":
            again = RepositoryForm(request.POST)
            _require(again)
            actions.clone_again(user, repository, again.wanted(), now=now)
        case "choose":
            actions.choose(user, repository, request.POST.get("path", ""), now=now)
        case "blank":
            actions.begin_blank(user, repository, now=now)
        case "credentials":
            form = CredentialsForm(request.POST)
            _require(form)
            actions.change_credentials(
                user, repository, form.cleaned_data["secret"], form.cleaned_data["username"], now=now
            )
            messages.success(request, "Saved.")
        case _:
            raise BadInput("git.do_unknown", "The form does not say what to do.", "Go back and choose.")
    return redirect(address(notebook) + "#git")


def _require(form: PushForm | RepositoryForm | CredentialsForm) -> None:
    """Raises BadInput with what the form says."""
    if not form.is_valid():
        words = " ".join(
            f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
        )
        raise BadInput("git.form", words, "Go back and mend it.")
