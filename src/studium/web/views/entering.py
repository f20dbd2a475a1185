"""Ways in that are links: an invitation, and the one-time sign-in address. Looking at a link never uses it up."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from studium.accounts import actions, queries
from studium.accounts.models import User
from studium.lib import clock
from studium.web.signing_in import INVITATION_KEY, pending_invitation, settle_in


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
    now = clock.now()
    if request.method == "GET":
        return render(request, "entering/login_link.html", {"person": queries.person_of_login_link(secret, now=now)})
    user = actions.use_login_link(secret, now=now)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    actions.give_personal_team(user, now=now)
    UserSession.objects.create_from_request(request)
    following = pending_invitation(request) or "/"
    if user.has_usable_password():
        return redirect(following)
    messages.info(request, "You are signed in. Set a password, or add a passkey, to sign in again without a link.")
    return redirect("/accounts/password/set/")
