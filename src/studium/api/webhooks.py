"""The webhook of a schedule: set, test, remove, and what became of its messages."""

from ninja import Router, Status

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.paging import Cursor, Limit, page
from studium.api.schedules import ONE, seen, to_change
from studium.api.shapes.base import Page
from studium.api.shapes.webhooks import DeliveryShape, NewWebhook, WebhookShape
from studium.lib import clock
from studium.notebooks.access import may_change
from studium.notebooks.schedules.queries import schedule_of
from studium.notebooks.webhooks import actions, queries

router = Router(tags=["schedules"])
_WEBHOOK = ONE + "/webhook"


@router.get(_WEBHOOK, response=WebhookShape, auth=allow(Scope.READ), summary="The webhook of a schedule")
def webhook(request: ApiRequest, notebook_id: str, schedule_id: str) -> WebhookShape:
    """Where its messages go; 404 when it has none."""
    notebook = seen(request.auth.user, notebook_id)
    found = queries.require_webhook(schedule_of(notebook, schedule_id))
    return WebhookShape.of(found, able=may_change(request.auth.user, notebook))


@router.put(_WEBHOOK, response=WebhookShape, auth=allow(Scope.WRITE), summary="Set the webhook of a schedule")
def set_webhook(request: ApiRequest, notebook_id: str, schedule_id: str, body: NewWebhook) -> WebhookShape:
    """Have messages sent to this address when a scheduled run has ended; also switches it on again."""
    schedule = to_change(request.auth.user, notebook_id, schedule_id)
    made, secret = actions.set_webhook(
        request.auth.user, schedule, body.url, now=clock.now(), secret=body.secret, notify=body.notify
    )
    return WebhookShape.of(made, able=True, secret=secret)


@router.delete(_WEBHOOK, response={204: None}, auth=allow(Scope.WRITE), summary="Remove the webhook of a schedule")
def remove(request: ApiRequest, notebook_id: str, schedule_id: str) -> Status[None]:
    """Send no more messages, and forget those that were sent and the key."""
    found = queries.require_webhook(to_change(request.auth.user, notebook_id, schedule_id))
    actions.remove_webhook(request.auth.user, found, now=clock.now())
    return Status(204, None)


@router.post(_WEBHOOK + "/test", response={201: DeliveryShape}, auth=allow(Scope.WRITE), summary="Send a test message")
def send_test(request: ApiRequest, notebook_id: str, schedule_id: str) -> Status[DeliveryShape]:
    """Have a message of the event `webhook.test` sent, once. Its delivery says how it went."""
    found = queries.require_webhook(to_change(request.auth.user, notebook_id, schedule_id))
    return Status(201, DeliveryShape.of(actions.send_test(request.auth.user, found, now=clock.now())))


@router.get(
    _WEBHOOK + "/deliveries", response=Page[DeliveryShape], auth=allow(Scope.READ), summary="Messages of a webhook"
)
def deliveries(
    request: ApiRequest, notebook_id: str, schedule_id: str, cursor: Cursor = "", limit: Limit = 50
) -> Page[DeliveryShape]:
    """What became of its messages, newest first. They are kept for 30 days."""
    found = queries.require_webhook(schedule_of(seen(request.auth.user, notebook_id), schedule_id))
    rows, following = page(queries.deliveries_of(found), cursor, limit, "created_at", lambda row: row.created_at)
    return Page(items=[DeliveryShape.of(row) for row in rows], next_cursor=following)
