"""Values that the platform itself uses for a holder, such as the key its messages are signed with: sealed like all others.

No run is given them, and nobody can read them back.
"""

from datetime import datetime

from django.db import transaction

from studium.accounts.models import Team, User
from studium.secrets.models import Secret
from studium.secrets.sealing import ensure_key, put_value, value_of


def keep_value(actor: User, team: Team, holder: str, name: str, value: str, *, now: datetime) -> None:
    """Keep a value under a name of the holder's, in place of the one before."""
    ensure_key(now)
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        secret = Secret.objects.filter(team=team, holder=holder, name=name).first()
        fresh = secret is None
        if secret is None:
            secret = Secret(team=team, holder=holder, name=name, created_by=actor, created_at=now)
        secret.changed_by, secret.changed_at = actor, now
        put_value(secret, value)
        secret.save(force_insert=fresh)


def kept_value(holder: str, name: str) -> str | None:
    """The value, None where there is none. Raises Broken when it cannot be opened."""
    secret = Secret.objects.filter(holder=holder, name=name).first()
    return None if secret is None else value_of(secret)
