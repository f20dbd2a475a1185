"""Providers. Credentials are names of the team's secrets; no value of one stands here."""

from django.db import models

from studium.accounts.models import Team, User
from studium.lib.ids import new_id
from studium.storage.providers.states import Kind


class Provider(models.Model):
    """A place of a team's outside of the platform.

    `bucket` is the bucket or container, `account` that of Azure, `endpoint` the server's address: empty for the cloud's own,
    the base address for an HTTP server. `key_id_secret` (S3 alone) and `key_secret` name secrets of the team; empty where
    the place is public.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="providers")
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in Kind])
    bucket = models.CharField(max_length=255, blank=True)
    prefix = models.CharField(max_length=500, blank=True)
    region = models.CharField(max_length=60, blank=True)
    account = models.CharField(max_length=60, blank=True)
    endpoint = models.CharField(max_length=1000, blank=True)
    key_id_secret = models.CharField(max_length=64, blank=True)
    key_secret = models.CharField(max_length=64, blank=True)
    writable = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()
    # How its last test went; `test_code` is empty where all was well. A change makes it untested.
    tested_at = models.DateTimeField(null=True)
    test_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_provider_of_a_name")]

    def __str__(self) -> str:
        return self.name
