"""Personal tokens."""

from datetime import datetime, timedelta

from ninja import Router, Status

from studium.accounts import actions
from studium.accounts.models import ApiToken
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, Caller, allow
from studium.api.shapes.people import NewToken, Token
from studium.errors import Forbidden
from studium.lib import clock

router = Router(tags=["tokens"])


@router.get("", response=list[Token], auth=allow(Scope.TEAM), summary="Your tokens")
def tokens(request: ApiRequest) -> list[Token]:
    """Your live tokens, newest first. Secrets are not among what is shown."""
    return [Token.of(row) for row in ApiToken.objects.filter(user=request.auth.user, revoked_at=None).order_by("-id")]


@router.post("", response={201: Token}, auth=allow(Scope.TEAM), summary="Make a token")
def create(request: ApiRequest, body: NewToken) -> Status[Token]:
    """A token for yourself; its secret is shown only in this answer. A token makes none that may do more than it."""
    now = clock.now()
    expires_at = None if body.expires_in_days is None else now + timedelta(days=body.expires_in_days)
    _no_wider(request.auth, body.scopes, expires_at)
    row, secret = actions.create_token(request.auth.user, body.name, body.scopes, now=now, expires_at=expires_at)
    return Status(201, Token.of(row, secret))


def _no_wider(caller: Caller, scopes: list[Scope], expires_at: datetime | None) -> None:
    if caller.token is None:
        return
    extra = sorted(str(scope) for scope in set(scopes) - caller.scopes - {Scope.READ})
    if extra:
        raise Forbidden(
            "token.wider",
            f"This token lacks the scope {', '.join(extra)} itself.",
            "Make the token on your settings page.",
            {"extra": extra},
        )
    if caller.expires_at is not None and (expires_at is None or expires_at > caller.expires_at):
        raise Forbidden(
            "token.longer",
            f"This token itself ends on {caller.expires_at:%Y-%m-%d}.",
            "Ask for a token that ends before, or make it on your settings page.",
        )


@router.delete("/{token_id}", response={204: None}, auth=allow(Scope.TEAM), summary="Revoke a token")
def revoke(request: ApiRequest, token_id: int) -> Status[None]:
    """End one of your tokens at once. Repeatable."""
    actions.revoke_token(request.auth.user, token_id, now=clock.now())
    return Status(204, None)
