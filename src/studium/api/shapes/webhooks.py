"""The webhook of a schedule and the messages to it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from studium.api.shapes.base import Asked, Shape, no_control
from studium.notebooks.states import Notify
from studium.notebooks.webhooks.models import Delivery, Webhook
from studium.notebooks.webhooks.queries import shown_url
from studium.notebooks.webhooks.states import DeliveryState

LongLine = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(no_control)]


class WebhookShape(Shape):
    """Where a schedule's messages go. `url` ends after the host for those who may not change it.

    `disabled_at` and `trouble` say that and why it was switched off. `secret`, the key of the signatures, stands only in the
    answer to the call that had it made; otherwise it is empty.
    """

    url: str
    notify: Notify
    changed_by: str
    changed_at: datetime
    disabled_at: datetime | None
    trouble: str
    secret: str

    @classmethod
    def of(cls, row: Webhook, *, able: bool, secret: str = "") -> "WebhookShape":
        return cls(
            url=shown_url(row, able=able),
            notify=Notify(row.notify),
            changed_by=row.changed_by.username,
            changed_at=row.changed_at,
            disabled_at=row.disabled_at,
            trouble=row.trouble,
            secret=secret,
        )


class NewWebhook(Asked):
    """Where to send messages. Without `secret` the one there is stays, or one is made and given back."""

    url: LongLine = Field(description="`https://` or `http://`, without a user or password, at a public address.")
    notify: Literal[Notify.FAILURE, Notify.ALWAYS] = Notify.FAILURE
    secret: str = Field("", max_length=200, description="16 to 200 printable ASCII characters.")


class DeliveryShape(Shape):
    """One message: `due` until it is `delivered` or has `failed`. `status` is that of the last answer, null when none came."""

    id: str
    event: str
    state: DeliveryState
    tries: int
    status: int | None
    message: str
    created_at: datetime
    ended_at: datetime | None
    next_try_at: datetime | None

    @classmethod
    def of(cls, row: Delivery) -> "DeliveryShape":
        return cls(
            id=row.pk,
            event=row.event,
            state=DeliveryState(row.state),
            tries=row.tries,
            status=row.status,
            message=row.message,
            created_at=row.created_at,
            ended_at=row.ended_at,
            next_try_at=row.try_at if row.state == DeliveryState.DUE else None,
        )
