"""Who may make an account, and what everybody gets who signs in: a team of their own, and the way to what invited them.

Sign-up is closed unless the installation is open or the visitor came by an invitation link that is still good.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib import messages
from django.http import HttpRequest

from studium.accounts import actions
from studium.accounts.models import User
from studium.compute.queries import isolation_is_full
from studium.config.options import options
from studium.errors import NotFound
from studium.lib import clock

INVITATION_KEY = "studium-invitation"


def open_to_strangers() -> bool:
    """Whether anybody may sign up: asked for in the settings, and runs are isolated well enough for it."""
    return options().open_signup and isolation_is_full()


def may_sign_up(request: HttpRequest) -> bool:
    """Whether this visitor may make an account now."""
    if open_to_strangers():
        return True
    secret = request.session.get(INVITATION_KEY, "")
    if not secret:
        return False
    try:
        actions.open_invitation(secret, now=clock.now())
    except NotFound:
        return False
    return True


def settle_in(request: HttpRequest, user: User) -> None:
    """Give the user their personal team, and use up the invitation they came with. Repeatable."""
    now = clock.now()
    actions.give_personal_team(user, now=now)
    secret = request.session.pop(INVITATION_KEY, "")
    if not secret:
        return
    try:
        team = actions.accept_invitation(user, secret, now=now)
    except NotFound as gone:
        messages.warning(request, f"{gone.message} {gone.next_step}")
        return
    if team is not None:
        messages.success(request, f"You are now a member of {team.name}.")


def pending_invitation(request: HttpRequest) -> str:
    """Where somebody goes on to who followed an invitation before they signed in, or nothing.

    They are asked there: whoever opened the link in their browser may have been somebody else.
    """
    secret = request.session.pop(INVITATION_KEY, "")
    try:
        return f"/join/{secret}/" if secret and actions.open_invitation(secret, now=clock.now()) else ""
    except NotFound:
        return ""


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts with a password or a passkey."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return may_sign_up(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Home, where the words that it is done stand: the same form again looks like a failure."""
        return "/"

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        if kwargs.get("signup"):
            settle_in(request, user)
        else:
            actions.give_personal_team(user, now=clock.now())
            kwargs["redirect_url"] = pending_invitation(request) or kwargs.get("redirect_url")
        return super().post_login(request, user, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The visitor's address, by which attempts are counted: the edge says it, and only the edge reaches us."""
        address: str = request.headers.get("X-Forwarded-For", "") or super().get_client_ip(request)
        return address

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """The page that follows shows that one is signed in; only what went wrong needs saying."""
        if level >= messages.WARNING:
            super().add_message(request, level, *args, **kwargs)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts of an OpenID Connect provider that the operator has set up: its people are not strangers."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        actions.give_personal_team(user, now=clock.now())
        return user
