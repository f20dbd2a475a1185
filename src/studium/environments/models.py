"""Environments: what software a run sees."""

from django.db import models


class Environment(models.Model):
    """A locked set of packages, built once and shown read-only to every run that uses it."""

    slug = models.SlugField(primary_key=True, max_length=60)
    name = models.CharField(max_length=120)
    lock_digest = models.CharField(max_length=64)
    path = models.CharField(max_length=300)
    packages = models.JSONField(default=list)
    size_bytes = models.BigIntegerField(default=0)
    built_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug
