"""The webhook of a schedule and the messages to it."""

from django.db import models

from studium.accounts.models import User
from studium.lib.ids import new_id
from studium.notebooks.states import Notify
from studium.notebooks.webhooks.states import DeliveryState


def new_delivery_id() -> str:
    return new_id(20)


class Webhook(models.Model):
    """Where a schedule's messages go. The key they are signed with is a kept secret of the holder `webhook:<id>`.

    `enabled_at` moves when it is switched on: what ended or failed before does not count. `trouble` says why it is off.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    schedule = models.OneToOneField("notebooks.Schedule", on_delete=models.CASCADE, related_name="webhook")
    url = models.CharField(max_length=2000)
    notify = models.CharField(max_length=10, choices=[(n.value, n.value) for n in Notify])
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    enabled_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)


class Delivery(models.Model):
    """One message. `body` is sent as it stands, each time under the same id. Without a turn it is a test."""

    id = models.CharField(primary_key=True, max_length=20, default=new_delivery_id, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    turn = models.ForeignKey("notebooks.Turn", null=True, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30)
    body = models.TextField()
    state = models.CharField(
        max_length=10, choices=[(d.value, d.value) for d in DeliveryState], default=DeliveryState.DUE
    )
    tries = models.PositiveIntegerField(default=0)
    try_at = models.DateTimeField()
    status = models.PositiveIntegerField(null=True)
    message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    lease = models.CharField(max_length=24, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "turn"], name="one_delivery_a_turn")]
        indexes = [models.Index(fields=["state", "try_at"])]
