"""Who calls: a personal token in the `Authorization` header, or the browser's session with its CSRF token.

A token may do what its scopes say and never more than its person may. Without the scope `admin` an administrator's
token sees the platform as an ordinary member does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.security.apikey import APIKeyCookie
from ninja.utils import check_csrf

from studium.accounts.actions import use_token
from studium.accounts.models import ApiToken, User
from studium.accounts.states import Scope
from studium.errors import Forbidden, Refused
from studium.lib import clock


class NotSignedIn(Refused):
    """The caller is nobody we know."""

    status: ClassVar[int] = 401


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The person behind a request and how far the request may go. `token` is None for the browser's session."""

    user: User
    kind: Literal["token", "session"]
    scopes: frozenset[Scope]
    token: ApiToken | None = None

    @property
    def expires_at(self) -> datetime | None:
        return self.token.expires_at if self.token else None


class ApiRequest(HttpRequest):
    """A request whose caller is known."""

    auth: Caller


def not_signed_in(message: str = "This needs a sign-in.") -> NotSignedIn:
    return NotSignedIn(
        "auth.not_signed_in",
        message,
        "Send a token of your settings page as `Authorization: Bearer studium_...`, or use `studium login`.",
    )


def _check_scope(caller: Caller, need: Scope) -> Caller:
    # Every token may read: one that starts a run has to see how it goes.
    if need != Scope.READ and need not in caller.scopes:
        raise Forbidden(
            "auth.scope_missing",
            f"This token lacks the scope {need}.",
            f"Make a token with the scope {need} on your settings page.",
            {"needed": str(need), "scopes": sorted(str(s) for s in caller.scopes)},
        )
    return caller


class Bearer(HttpBearer):
    """A personal token with the scope an operation needs."""

    def __init__(self, need: Scope) -> None:
        super().__init__()
        self._need = need

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        found = use_token(token.strip(), now=clock.now())
        if found is None:
            raise not_signed_in("This token is unknown, expired or revoked.")
        scopes = frozenset(Scope(name) for name in found.scopes if name in set(Scope))
        user = found.user
        if Scope.ADMIN not in scopes:
            # Only this copy of the row, which is never saved: rules below see an ordinary member.
            user.is_staff = user.is_superuser = False
        return _check_scope(Caller(user=user, kind="token", scopes=scopes, token=found), self._need)


class BrowserSession(APIKeyCookie):
    """The cookie of somebody signed in on the pages; changes also need the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Caller | None:
        user = request.user
        if not isinstance(user, User):
            return None
        if check_csrf(request) is not None:
            raise Forbidden(
                "auth.csrf",
                "The request carries no valid CSRF token.",
                "Send the cookie's token as X-CSRFToken, or use a personal token.",
            )
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        user = request.user
        return Caller(user=user, kind="session", scopes=frozenset(Scope)) if isinstance(user, User) else None


def allow(need: Scope) -> list[HttpBearer | APIKeyCookie]:
    """What an operation puts as `auth`: a token with this scope, or a session."""
    return [Bearer(need), BrowserSession()]
