"""Reads of webhooks."""

from django.db.models import QuerySet

from studium.errors import NotFound
from studium.notebooks.models import Schedule
from studium.notebooks.webhooks.models import Delivery, Webhook
from studium.outbound.spelling import understood


def webhook_of(schedule: Schedule) -> Webhook | None:
    found = Webhook.objects.filter(schedule=schedule).select_related("schedule__notebook__team", "changed_by")
    return found.first()


def require_webhook(schedule: Schedule) -> Webhook:
    """Raises NotFound."""
    found = webhook_of(schedule)
    if found is None:
        raise NotFound("webhook.none", "This schedule has no webhook.", "Give it one with an address.")
    return found


def shown_url(webhook: Webhook, *, able: bool) -> str:
    """The address for those who may change it; for others the host alone, as a path is often a key."""
    return webhook.url if able else f"{understood(webhook.url).origin}/..."


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """Its messages, newest first."""
    rows = Delivery.objects.filter(webhook=webhook).select_related("turn__version")
    return rows.order_by("-created_at", "-pk")
