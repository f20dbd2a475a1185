"""Every change people make to webhooks. The caller fetched the schedule's notebook as the actor with `change=True`."""

from datetime import datetime, timedelta

from django.db import transaction

from studium.accounts.models import User
from studium.errors import BadInput, NotYet
from studium.events.actions import hint, record
from studium.lib.ids import new_secret
from studium.notebooks.models import Notebook, Schedule
from studium.notebooks.states import Notify
from studium.notebooks.webhooks.message import body_of
from studium.notebooks.webhooks.models import Delivery, Webhook, new_delivery_id
from studium.notebooks.webhooks.states import DeliveryState
from studium.outbound.fence import check_url
from studium.secrets.actions import forget_holder
from studium.secrets.kept import keep_value

SECRET_NAME = "SIGNING_KEY"  # noqa: S105 (a name)
SHORTEST_SECRET, LONGEST_SECRET = 16, 200
MOST_TESTS, TESTS_WITHIN = 5, timedelta(minutes=1)


def holder_of(webhook: Webhook) -> str:
    return f"webhook:{webhook.pk}"


def set_webhook(
    actor: User, schedule: Schedule, url: str, *, now: datetime, secret: str = "", notify: Notify = Notify.FAILURE
) -> tuple[Webhook, str]:
    """Give the schedule a webhook, or change it, and switch it on. The key that was made is given back, this once.

    Without a secret the key stays, or one is made. Raises BadInput and Refused for the address, BadInput for the rest.
    """
    target = check_url(url)
    if notify == Notify.NEVER:
        raise BadInput(
            "webhook.never", "A webhook is called on failure or always.", "Remove it to have it never called."
        )
    _check_secret(secret)
    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=schedule.pk)
        webhook = Webhook.objects.filter(schedule=schedule).first()
        made = "" if webhook or secret else new_secret()
        if webhook is None:
            webhook = Webhook(schedule=schedule, enabled_at=now)
        elif webhook.disabled_at:
            webhook.enabled_at = now
        webhook.url, webhook.notify, webhook.disabled_at, webhook.trouble = target.url, notify, None, ""
        webhook.changed_by, webhook.changed_at = actor, now
        webhook.save()
        if secret or made:
            team = schedule.notebook.team
            keep_value(actor, team, holder_of(webhook), SECRET_NAME, secret or made, now=now)
        _recorded("webhook.set", actor, schedule, now=now, host=target.host)
    return webhook, made


def _check_secret(secret: str) -> None:
    if secret and not (SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET and secret.isascii() and secret.isprintable()):
        raise BadInput(
            "webhook.secret",
            f"The key for signatures has {SHORTEST_SECRET} to {LONGEST_SECRET} printable ASCII characters.",
            "Leave it out to have one made.",
        )


def remove_webhook(actor: User, webhook: Webhook, *, now: datetime) -> None:
    """Remove it with its messages and its key."""
    with transaction.atomic():
        _recorded("webhook.removed", actor, webhook.schedule, now=now)
        forget(webhook)


def forget(webhook: Webhook) -> None:
    """Delete it with its messages and its key, in the caller's transaction."""
    forget_holder(holder_of(webhook))
    Webhook.objects.filter(pk=webhook.pk).delete()


def forget_of_notebook(notebook: Notebook) -> None:
    """Delete those of a notebook that is deleted."""
    for webhook in Webhook.objects.filter(schedule__notebook=notebook):
        forget(webhook)


def send_test(actor: User, webhook: Webhook, *, now: datetime) -> Delivery:
    """Have a test message sent, once. Raises NotYet for too many, or for one that is off."""
    if webhook.disabled_at:
        raise NotYet("webhook.disabled", "The webhook is switched off.", "Save it again to switch it on, then test it.")
    with transaction.atomic():
        Webhook.objects.select_for_update().get(pk=webhook.pk)
        if webhook.deliveries.filter(turn=None, created_at__gt=now - TESTS_WITHIN).count() >= MOST_TESTS:
            raise NotYet("webhook.tests", f"{MOST_TESTS} tests were sent within a minute.", "Wait a minute.")
        name = new_delivery_id()
        delivery = Delivery.objects.create(
            id=name,
            webhook=webhook,
            event="webhook.test",
            body=body_of("webhook.test", name, webhook.schedule, None, now=now),
            state=DeliveryState.DUE,
            try_at=now,
            created_at=now,
        )
        _recorded("webhook.tested", actor, webhook.schedule, now=now)
        hint([f"notebook:{webhook.schedule.notebook_id}"])
    return delivery


def _recorded(name: str, actor: User, schedule: Schedule, *, now: datetime, **data: object) -> None:
    notebook = schedule.notebook
    data = {"schedule": schedule.pk, **data}
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
