"""Inputs on a notebook's page: add, follow or stay, remove."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.inputs import actions
from studium.notebooks.versions.queries import number_in
from studium.web.forms.inputs import AddInput
from studium.web.requests import UserRequest, signed_in
from studium.web.views.notebooks import address, notebook_page


@signed_in
@require_POST
def add(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    form = AddInput(request.POST, user=request.user)
    if not form.is_valid():
        return notebook_page(request, notebook, status=400, reads=form)
    data = form.cleaned_data
    try:
        name = data["source"] if "/" in data["source"] else f"{team}/{data['source']}"
        source = notebook_for(request.user, name)
        made = actions.add_input(
            request.user, notebook, source, now=clock.now(), number=data["version"], name=data["name"]
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return notebook_page(request, notebook, status=error.status, reads=form)
    messages.success(request, f"Runs that start from now on find it as /datasets/{made.name}.")
    return redirect(address(notebook, "#inputs"))


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """`do` says what: follow, stay (with `version`), or remove."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    name, now = request.POST.get("name", ""), clock.now()
    match request.POST.get("do", ""):
        case "follow":
            actions.change_input(request.user, notebook, name, None, now=now)
            messages.success(request, f"{name} follows the newest version, from the next start on.")
        case "stay":
            number = number_in(request.POST.get("version", ""))
            actions.change_input(request.user, notebook, name, number, now=now)
            messages.success(request, f"{name} stays with version {number}, from the next start on.")
        case "remove":
            actions.remove_input(request.user, notebook, name, now=now)
            messages.success(request, f"{name} is no input any more.")
        case _:
            raise BadInput("input.do", "Nothing was chosen.", "Press one of the buttons.")
    return redirect(address(notebook, "#inputs"))
