"""Sharing a notebook: people and links in a section of its page, and the page a link leads to. Also its tags.

Each form works by itself; in a page with script only the section comes back.
"""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from studium.api import addresses
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.models import Notebook
from studium.notebooks.sharing import actions, queries
from studium.notebooks.states import SHARED_ROLE_WORDS, SharedRole
from studium.notebooks.tags.actions import set_tags
from studium.web.forms.sharing import MakeLink
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.sharing import fresh_share_form, sharing
from studium.web.views.notebooks import address, notebook_page


def _answer(
    request: UserRequest, notebook: Notebook, *, status: int = 200, said: str = "", **more: object
) -> HttpResponse:
    """The section alone, or the page it is on. What was made and is shown only once comes in the answer itself."""
    now = clock.now()
    context = sharing(request.user, notebook, now=now, said=said, **more)  # type: ignore[arg-type]
    if request.htmx:
        context |= {"now": now, "notebook": notebook, "url": address(notebook)}
        return render(request, "sharing/section.html", context, status=status)
    if status == 200 and not more:
        messages.success(request, said)
        return redirect(address(notebook, "#sharing"))
    return notebook_page(request, notebook, status=status, shared=context)


@signed_in
@require_POST
def add(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Share with somebody by name."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    form = fresh_share_form(request.POST)
    if not form.is_valid():
        return _answer(request, notebook, status=400, share_form=form)
    role = SharedRole(form.cleaned_data["role"])
    try:
        person = queries.person_called(request.user, form.cleaned_data["who"])
        actions.share(request.user, notebook, person, role, now=clock.now())
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _answer(request, notebook, status=error.status, share_form=form)
    return _answer(request, notebook, said=f"{person.username} is {role} of this notebook.")


@signed_in
@require_POST
def change(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Give a collaborator another role, or remove them: `do` says which."""
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    person = queries.collaborator(notebook, request.POST.get("username", ""))
    match request.POST.get("do", ""):
        case "remove":
            actions.remove(request.user, notebook, person, now=clock.now())
            return _answer(request, notebook, said=f"This notebook is no longer shared with {person.username}.")
        case "reader" | "editor" as role:
            actions.share(request.user, notebook, person, SharedRole(role), now=clock.now())
            return _answer(request, notebook, said=f"{person.username} is {role} of this notebook.")
    raise BadInput("share.do_unknown", "The form does not say what to do.", "Go back and choose.")


@signed_in
@require_POST
def leave(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """Be a collaborator no more."""
    notebook = notebook_for(request.user, f"{team}/{slug}")
    actions.remove(request.user, notebook, request.user, now=clock.now())
    messages.success(request, f"{notebook.title} is no longer shared with you.")
    return redirect("/notebooks/?show=shared")


@signed_in
@sensitive_variables("secret")
@require_POST
def make_link(request: UserRequest, team: str, slug: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    form = MakeLink(request.POST)
    if not form.is_valid():
        return _answer(request, notebook, status=400, link_form=form)
    data = form.cleaned_data
    try:
        _, secret = actions.make_link(
            request.user,
            notebook,
            SharedRole(data["role"]),
            now=clock.now(),
            days=form.chosen_days(),
            most_uses=data["most_uses"],
        )
    except StudiumError as error:
        form.add_error(None, f"{error.message} {error.next_step}")
        return _answer(request, notebook, status=error.status, link_form=form)
    return _answer(request, notebook, made_link=addresses.shared(secret))


@signed_in
@require_POST
def revoke_link(request: UserRequest, team: str, slug: str, link: str) -> HttpResponse:
    notebook = notebook_for(request.user, f"{team}/{slug}", manage=True)
    actions.revoke_link(request.user, notebook, link, now=clock.now())
    return _answer(request, notebook, said="The link lets nobody in any more. Who came by it stays until removed.")


@signed_in
@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
def come(request: UserRequest, secret: str) -> HttpResponse:
    """What a link leads to: asks first, because previews of links open them; then the notebook."""
    now = clock.now()
    if request.method == "POST":
        notebook = actions.accept_link(request.user, secret, now=now)
        return redirect(address(notebook))
    link = queries.link_for(request.user, secret, now=now)
    role = SharedRole(link.role)
    if not queries.gains(request.user, link.notebook, role):
        return redirect(address(link.notebook))
    context = {
        "now": now,
        "link": link,
        "notebook": link.notebook,
        "words": SHARED_ROLE_WORDS[role],
    }
    return render(request, "sharing/come.html", context)


@signed_in
@require_POST
def change_tags(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The tags as they are to be, with commas or spaces between."""
    notebook = notebook_for(request.user, f"{team}/{slug}", change=True)
    typed = request.POST.get("tags", "")[:1000].replace(",", " ").split()
    set_tags(request.user, notebook, typed, now=clock.now())
    messages.success(request, "The tags are saved.")
    return redirect(address(notebook))
