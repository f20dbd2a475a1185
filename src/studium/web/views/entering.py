"""Ways in that are links: an invitation, and the one-time sign-in address. Looking at a link never uses it up."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from studium.accounts import actions
from studium.accounts.models import User
from studium.lib import clock
from studium.web.signing_in import INVITATION_KEY, settle_in


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """An invitation: joins whoever is signed in, on their word; others make an account or sign in first."""
    now = clock.now()
    invitation = actions.open_invitation(secret, now=now)
    if request.method == "POST" and isinstance(request.user, User):
        request.session[INVITATION_KEY] = secret
        settle_in(request, request.user)
        return redirect(f"/teams/{invitation.team.slug}/" if invitation.team else "/")
    if not request.user.is_authenticated:
        request.session[INVITATION_KEY] = secret
    return render(request, "entering/join.html", {"invitation": invitation, "now": now})


@require_http_methods(["GET", "POST"])
def login_link(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time address: a page with a button, because previews of links open them."""
    if request.method == "GET":
        return render(request, "entering/login_link.html")
    user = actions.use_login_link(secret, now=clock.now())
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    settle_in(request, user)
    return redirect("/" if user.has_usable_password() else "/accounts/password/set/")
