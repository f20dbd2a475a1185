"""A person's own settings: profile and personal tokens. Password, passkeys and the rest are allauth's pages."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.accounts import actions, queries
from studium.community.actions import save_profile
from studium.community.queries import profile_of
from studium.config.options import options
from studium.errors import StudiumError
from studium.lib import clock
from studium.web.forms.community import ProfileForm
from studium.web.forms.settings import NewToken
from studium.web.requests import UserRequest, signed_in


@signed_in
@require_GET
def profile(request: UserRequest) -> HttpResponse:
    return _profile(request)


@signed_in
@require_POST
def own_page(request: UserRequest) -> HttpResponse:
    """What the person's own page says of them."""
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            save_profile(request.user, bio=form.cleaned_data["bio"], link=form.cleaned_data["link"])
        except StudiumError as error:
            form.add_error(None, f"{error.message} {error.next_step}")
        else:
            messages.success(request, "Saved.")
            return redirect("/settings/")
    return _profile(request, form, 400)


def _profile(request: UserRequest, form: ProfileForm | None = None, status: int = 200) -> HttpResponse:
    from allauth.mfa.utils import is_mfa_enabled

    said = profile_of(request.user)
    context = {
        "now": clock.now(),
        "form": form or ProfileForm(initial={"bio": said.bio, "link": said.link}),
        "memberships": list(queries.memberships_of(request.user)),
        "two_factor": is_mfa_enabled(request.user),
        "has_password": request.user.has_usable_password(),
        "live_tokens": queries.tokens_of(request.user).count(),
    }
    return render(request, "settings/profile.html", context, status=status)


@signed_in
@require_http_methods(["GET", "POST"])
def tokens(request: UserRequest) -> HttpResponse:
    """The tokens, and making one; its secret is on the answer to that and nowhere else."""
    now, secret, status = clock.now(), "", 200
    form = NewToken(request.POST or None, operator=request.user.is_staff)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                _, secret = actions.create_token(
                    request.user, form.cleaned_data["name"], form.chosen(), now=now, expires_at=form.expires_at(now)
                )
                form, status = NewToken(operator=request.user.is_staff), 200
            except StudiumError as error:
                form.add_error(None, f"{error.message} {error.next_step}")
    context = {
        "now": now,
        "tokens": list(queries.tokens_of(request.user)),
        "form": form,
        "secret": secret,
        "platform": options().platform_url,
    }
    return render(request, "settings/tokens.html", context, status=status)


@signed_in
@require_POST
def revoke_token(request: UserRequest, token: int) -> HttpResponse:
    actions.revoke_token(request.user, token, now=clock.now())
    messages.success(request, "The token no longer works.")
    return redirect("/settings/tokens/")
