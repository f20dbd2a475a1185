"""Secrets on the pages of teams and notebooks: set, remove, and which of them a notebook uses."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from studium.accounts.queries import projects_of
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.launching import place_of
from studium.notebooks.models import Notebook
from studium.secrets import actions
from studium.secrets.access import Place, project_place, team_place
from studium.web.forms.secrets import SetSecret, SetTeamSecret
from studium.web.requests import UserRequest, signed_in
from studium.web.views import notebooks, teams


def _keep(request: UserRequest, place: Place, form: SetSecret) -> bool:
    """Set what the form says. False, with the reason on the form, where that is refused."""
    if not form.is_valid():
        return False
    try:
        actions.set_secret(
            request.user, place, form.cleaned_data["name"].strip(), form.cleaned_data["value"], now=clock.now()
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return False
    return True


@signed_in
@sensitive_post_parameters("value")
@require_POST
def set_of_team(request: UserRequest, slug: str) -> HttpResponse:
    """Set one of the team, or of the project that the form names."""
    place = team_place(request.user, slug)
    form = SetTeamSecret(list(projects_of(place.team)), request.POST)
    if form.is_valid() and form.cleaned_data["project"]:
        place = project_place(request.user, slug, form.cleaned_data["project"])
    if not _keep(request, place, form):
        return teams.team_page(request, place.team, secret=form, status=400)
    messages.success(request, f"{form.cleaned_data['name']} is set.")
    return redirect(f"/teams/{slug}/#secrets")


@signed_in
@require_POST
def remove_of_team(request: UserRequest, slug: str) -> HttpResponse:
    project, name = request.POST.get("project", ""), request.POST.get("name", "")
    place = project_place(request.user, slug, project) if project else team_place(request.user, slug)
    actions.delete_secret(request.user, place, name, now=clock.now())
    messages.success(request, f"{name} is removed.")
    return redirect(f"/teams/{slug}/#secrets")


@signed_in
@sensitive_post_parameters("value")
@require_http_methods(["GET", "POST"])
def of_notebook(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The section alone; a POST sets one of the notebook's own."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    if request.method == "GET":
        return _section(request, notebook)
    form = SetSecret(request.POST)
    if not _keep(request, place_of(notebook), form):
        if request.htmx:
            return _section(request, notebook, form=form, status=400)
        return notebooks.notebook_page(request, notebook, secret=form, status=400)
    name = form.cleaned_data["name"]
    return _done(
        request, notebook, f"{name} is set. Sessions and runs of this notebook that start from now on have it."
    )


@signed_in
@require_POST
def change_of_notebook(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Use one, use it no longer, or remove one of the notebook's own: `do` says which."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    name, place, now = request.POST.get("name", ""), place_of(notebook), clock.now()
    match request.POST.get("do", ""):
        case "use":
            actions.attach(request.user, place, name, now=now)
            return _done(request, notebook, f"This notebook gets {name} from the next start on.")
        case "leave":
            actions.detach(request.user, place, name, now=now)
            return _done(request, notebook, f"This notebook no longer gets {name} from the next start on.")
        case "remove":
            actions.delete_secret(request.user, place, name, now=now)
            return _done(request, notebook, f"{name} is removed.")
    raise BadInput("secret.do_unknown", "The form does not say what to do.", "Go back and choose.")


def _section(
    request: UserRequest, notebook: Notebook, *, form: SetSecret | None = None, status: int = 200, said: str = ""
) -> HttpResponse:
    """The section of a notebook's page, which the editor's panel shows too."""
    context = notebooks.secrets_of(notebook, form) | {"notebook": notebook, "url": notebooks.address(notebook)}
    return render(request, "secrets/notebook.html", context | {"said": said, "now": clock.now()}, status=status)


def _done(request: UserRequest, notebook: Notebook, said: str) -> HttpResponse:
    if request.htmx:
        return _section(request, notebook, said=said)
    messages.success(request, said)
    return redirect(notebooks.address(notebook, "#secrets"))
