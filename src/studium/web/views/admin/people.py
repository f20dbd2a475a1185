"""Everybody with an account: finding, inviting, deactivating, making administrator."""

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.accounts import actions, queries
from studium.accounts.models import Invitation, User
from studium.accounts.states import Role
from studium.config.options import options
from studium.errors import BadInput
from studium.lib import clock
from studium.web.paging import page
from studium.web.requests import UserRequest
from studium.web.views.admin import operators


@operators
@require_GET
def listing(request: UserRequest) -> HttpResponse:
    return _page(request)


def _page(request: UserRequest, link: str = "") -> HttpResponse:
    now = clock.now()
    rows = queries.people()
    text = request.GET.get("q", "").strip()[:80]
    if text:
        rows = rows.filter(Q(username__icontains=text) | Q(email__icontains=text))
    if request.GET.get("show") == "admins":
        rows = rows.filter(is_staff=True)
    elif request.GET.get("show") == "inactive":
        rows = rows.filter(is_active=False)
    found = page(request, rows, "date_joined")
    context = {
        "now": now,
        "page": found,
        "text": text,
        "which": request.GET.get("show", ""),
        "link": link,
        "invitations": list(queries.open_invitations(None, now=now)[:50]),
    }
    return render(request, "admin/people.html", context)


@operators
@require_POST
def change(request: UserRequest, user_id: int) -> HttpResponse:
    """Deactivate, reactivate, make administrator or no longer."""
    person = get_object_or_404(User, pk=user_id)
    now, wanted = clock.now(), request.POST.get("do", "")
    if wanted in ("deactivate", "activate"):
        actions.set_active(request.user, person, wanted == "activate", now=now)
        said = (
            f"{person.username} may sign in again."
            if wanted == "activate"
            else f"{person.username} is deactivated; what they run is being stopped."
        )
    elif wanted in ("promote", "demote"):
        actions.set_operator(request.user, person, wanted == "promote", now=now)
        said = f"{person.username} is {'now' if wanted == 'promote' else 'no longer'} administrator."
    else:
        raise BadInput("user.change_unknown", "This change is not known.", "Use the buttons of the page.")
    messages.success(request, said)
    return redirect("/admin/users/")


@operators
@require_POST
def invite(request: UserRequest) -> HttpResponse:
    """A link for somebody without a team; they get their personal one."""
    _, secret = actions.invite(request.user, None, Role.MEMBER, now=clock.now())
    return _page(request, f"{options().platform_url}/join/{secret}/")


@operators
@require_POST
def revoke(request: UserRequest, invitation: int) -> HttpResponse:
    actions.revoke_invitation(request.user, get_object_or_404(Invitation, pk=invitation, team=None), now=clock.now())
    messages.success(request, "The link no longer works.")
    return redirect("/admin/users/")
