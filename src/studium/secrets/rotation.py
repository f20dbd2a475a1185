"""Changing the key that secrets are sealed with, while everything runs.

Each step leaves everything readable: the new key's file is written before its row, rows are sealed anew a few at a time,
and a key is retired in a transaction that has locked it and found nothing sealed with it. So it may be killed anywhere
and run again, and any number may run at once.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from studium.events.actions import record
from studium.secrets import keys
from studium.secrets.models import SealingKey, Secret
from studium.secrets.sealing import make_key, newest_key, put_value, value_of

_AT_ONCE = 50


@dataclass(frozen=True)
class Rotated:
    """How a rotation went. `resumed`: it finished one that had been interrupted, with the key that one had made."""

    key: str
    secrets: int
    dropped: int
    resumed: bool


def rotate(*, now: datetime) -> Rotated:
    """Seal every secret with a fresh key and drop the keys that nothing uses. Raises Broken when one cannot be opened.

    Where an interrupted rotation left older keys in use, it is finished instead.
    """
    live = list(SealingKey.objects.filter(retired_at=None).order_by("-made_at", "-pk"))
    resumed = len(live) > 1
    target = live[0] if resumed else make_key(now)
    sealed = dropped = 0
    while count := _seal_some():  # until none is left, whatever is set meanwhile with a key that was the newest then
        sealed += count
        if count < _AT_ONCE:
            dropped += drop_unused(now=now)
    dropped += drop_unused(now=now)
    record("secret.rotated", subject=("key", target.pk), now=now, data={"secrets": sealed, "dropped": dropped})
    return Rotated(target.pk, sealed, dropped, resumed)


@transaction.atomic
def _seal_some() -> int:
    """Seal a few rows with the newest key; how many. The rows are locked, so no new value is overwritten by an old one."""
    key = newest_key()
    if key is None:
        return 0
    rows = list(Secret.objects.select_for_update().exclude(key=key).order_by("pk")[:_AT_ONCE])
    for row in rows:
        put_value(row, value_of(row), key)
        row.save(update_fields=["sealed", "key"])
    return len(rows)


def drop_unused(*, now: datetime) -> int:
    """Retire the keys that seal nothing and are not the newest, and delete their files; how many were retired."""
    retired = 0
    for old in SealingKey.objects.filter(retired_at=None):
        with transaction.atomic():
            newest = newest_key()
            # Locked, so that nobody seals with it between the look and the retiring.
            key = SealingKey.objects.select_for_update().get(pk=old.pk)
            used = Secret.objects.filter(key=key).exists()
            if key.retired_at is None and not used and newest is not None and newest.pk != key.pk:
                retired += SealingKey.objects.filter(pk=key.pk).update(retired_at=now)
    for key in SealingKey.objects.exclude(retired_at=None):  # those of a run that was killed here, too
        keys.drop(key.pk)
    return retired
