"""Collect blobs that nobody holds."""

from datetime import datetime, timedelta

from django.db import transaction

from studium.storage import stores
from studium.storage.models import Blob

GRACE = timedelta(hours=1)


def collect(now: datetime, limit: int = 100) -> int:
    """Delete unheld blobs older than the grace; returns how many. Each is marked, removed, then forgotten, so a
    collector that died half-way is finished by the next one and no writer reuses bytes that are going.
    """
    with transaction.atomic():
        old = Blob.objects.filter(holds=None, created_at__lt=now - GRACE, deleting=False).values_list(
            "digest", flat=True
        )
        Blob.objects.filter(digest__in=list(old[:limit]), holds=None, created_at__lt=now - GRACE).update(deleting=True)
    doomed = list(Blob.objects.filter(deleting=True).values_list("digest", flat=True)[:limit])
    for digest in doomed:
        stores.remove(digest)
        Blob.objects.filter(digest=digest, deleting=True, holds=None).delete()
    return len(doomed)
