"""Inputs in a section of a notebook's page, and of the editor's panel: add, follow or stay, remove.

Each form works by itself; in a page with script only the section comes back.
"""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from studium.accounts.models import User
from studium.datasets.access import dataset_for
from studium.datasets.models import Dataset
from studium.errors import BadInput, NotFound, StudiumError
from studium.lib import clock
from studium.notebooks.access import may_change, notebook_for
from studium.notebooks.inputs import actions, live, providers
from studium.notebooks.inputs.naming import no_versions
from studium.notebooks.models import Notebook
from studium.notebooks.versions.queries import number_in
from studium.web.forms.inputs import AddInput
from studium.web.requests import UserRequest, signed_in
from studium.web.views.notebooks import address, notebook_page


@signed_in
@require_http_methods(["GET", "POST"])
def inputs(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The section alone; a POST adds one."""
    if request.method == "GET":
        return _section(request, notebook_for(request.user, f"{team}/{slug}"))
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    form = AddInput(request.POST, user=request.user, notebook=notebook)
    if not form.is_valid():
        return _refused(request, notebook, form, 400)
    data = form.cleaned_data
    try:
        kind, name = data["source"]
        if kind == "providers":
            return _added_provider(request, notebook, name, data)
        source = _source(request.user, kind, name if "/" in name else f"{team}/{name}")
        made = actions.add_input(
            request.user, notebook, source, now=clock.now(), number=data["version"], name=data["name"]
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _refused(request, notebook, form, error.status)
    return _done(
        request,
        notebook,
        f"It is /datasets/{made.name} in the session, and in runs that start from now on.",
    )


def _added_provider(request: UserRequest, notebook: Notebook, name: str, data: dict[str, Any]) -> HttpResponse:
    if data["version"]:
        raise no_versions(name)
    made = providers.add_provider(request.user, notebook, name, now=clock.now(), called=data["name"])
    return _done(request, notebook, f"It is /providers/{made.name} in runs that start from now on.")


def _source(user: User, kind: str, name: str) -> Notebook | Dataset:
    """What is meant; where it is not said of which kind, a dataset before a notebook of the same name."""
    if kind == "datasets":
        return dataset_for(user, name)
    if not kind:
        with suppress(NotFound):
            return dataset_for(user, name)
    return notebook_for(user, name)


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """`do` says what: follow, stay (with `version`), or remove."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    name, now = request.POST.get("name", ""), clock.now()
    match request.POST.get("do", ""):
        case "follow":
            actions.change_input(request.user, notebook, name, None, now=now)
            return _done(request, notebook, f"{name} follows the newest version.")
        case "stay":
            number = number_in(request.POST.get("version", ""))
            actions.change_input(request.user, notebook, name, number, now=now)
            return _done(request, notebook, f"{name} stays with version {number}.")
        case "remove":
            actions.remove_input(request.user, notebook, name, now=now)
            return _done(request, notebook, f"{name} is no input any more.")
    raise BadInput("input.do_unknown", "The form does not say what to do.", "Go back and choose.")


def _section(
    request: UserRequest, notebook: Notebook, *, form: AddInput | None = None, status: int = 200, said: str = ""
) -> HttpResponse:
    able = may_change(request.user, notebook)
    context: dict[str, object] = {
        "notebook": notebook,
        "url": address(notebook),
        "inputs": live.shown(request.user, notebook),
        "providers": providers.shown_providers(request.user, notebook),
        "able": able,
        "said": said,
    }
    if able:
        context["input_form"] = form or AddInput(user=request.user, notebook=notebook)
    return render(request, "inputs/section.html", context, status=status)


def _refused(request: UserRequest, notebook: Notebook, form: AddInput, status: int) -> HttpResponse:
    if request.htmx:
        return _section(request, notebook, form=form, status=status)
    return notebook_page(request, notebook, status=status, reads=form)


def _done(request: UserRequest, notebook: Notebook, said: str) -> HttpResponse:
    if request.htmx:
        return _section(request, notebook, said=said)
    messages.success(request, said)
    return redirect(address(notebook, "#inputs"))
