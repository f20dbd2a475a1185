"""Blobs: bytes named by their SHA-256. A blob lives as long as something holds it."""

from django.db import models


class Blob(models.Model):
    """One content. The bytes lie in the object store under the digest."""

    digest = models.CharField(primary_key=True, max_length=64)
    size = models.BigIntegerField()
    created_at = models.DateTimeField()
    # Set by the collector before it removes the bytes; from then on the row may not be held or reused.
    deleting = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.digest


class Hold(models.Model):
    """Somebody's need of a blob. `holder` is opaque, such as `notebook:abc:document`; it holds one blob."""

    holder = models.CharField(primary_key=True, max_length=100)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="holds")
