"""Which key seals, and what a value is bound to. Everything that reads or writes a sealed value goes through here."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from studium.lib.ids import new_id
from studium.secrets import keys
from studium.secrets.errors import key_missing, unreadable
from studium.secrets.models import SealingKey, Secret


def newest_key() -> SealingKey | None:
    """The key that seals, locked until the transaction ends, so that it is not retired meanwhile."""
    live = SealingKey.objects.select_for_update().filter(retired_at=None)
    return live.order_by("-made_at", "-pk").first()


def make_key(now: datetime) -> SealingKey:
    """A fresh key that seals from now on, its file first: a row never names a key that was not written yet."""
    name = new_id(10)
    keys.make(name)
    latest: datetime | None = SealingKey.objects.aggregate(latest=Max("made_at"))["latest"]
    # Later than any other even where the clock went back: the newest key is the one that seals.
    made_at = now if latest is None else max(now, latest + timedelta(microseconds=1))
    return SealingKey.objects.create(pk=name, made_at=made_at)


def ensure_key(now: datetime) -> None:
    """See that there is a key to seal with. Two that come first at once make two: the newer seals, rotation drops the other.

    Where the newest one's file was lost, what it sealed is too, but new values can be set.
    """
    newest = SealingKey.objects.filter(retired_at=None).order_by("-made_at", "-pk").first()
    if newest is None or not keys.path_of(newest.pk).exists():
        make_key(now)


def put_value(secret: Secret, value: str, key: SealingKey | None = None) -> None:
    """Seal a value into an unsaved row, in the transaction that saves it. `ensure_key` was called before.

    `key` is one that this transaction got from `newest_key`. Whoever holds rows must not ask for a key again: another may
    be the newest by now, held by somebody who waits for those rows.
    """
    assert transaction.get_connection().in_atomic_block
    key = key or newest_key()
    assert key is not None
    try:
        secret.sealed = keys.seal(key.pk, value, _bound_to(secret))
    except keys.NoSuchKeyError:
        raise key_missing(key.pk) from None
    secret.key = key


def value_of(secret: Secret) -> str:
    """The value. Raises Broken when its key is missing or does not fit."""
    try:
        return keys.unseal(str(secret.key_id), bytes(secret.sealed), _bound_to(secret))
    except keys.NoSuchKeyError:
        raise key_missing(str(secret.key_id)) from None
    except keys.WrongKeyError:
        raise unreadable(secret.name) from None


def _bound_to(secret: Secret) -> str:
    """A sealed value that is moved to another row, scope or name does not open there."""
    return "\n".join((secret.pk, str(secret.team_id), secret.project_id or "", secret.holder, secret.name))
