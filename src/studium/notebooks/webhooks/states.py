"""The life of a delivery. Pure."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """`due` until the other side has said that it has it, or it was tried often enough."""

    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"


DELIVERY_MOVES: dict[DeliveryState, frozenset[DeliveryState]] = {
    # A try that failed leaves it due, for later.
    DeliveryState.DUE: frozenset({DeliveryState.DUE, DeliveryState.DELIVERED, DeliveryState.FAILED}),
    DeliveryState.DELIVERED: frozenset(),
    DeliveryState.FAILED: frozenset(),
}
# Minutes after each try that failed; when they are used up, it has failed.
RETRY_MINUTES = (1, 5, 30, 120, 360)
# So many messages in a row that nobody took, and the webhook is switched off.
FAILURES_TO_DISABLE = 5
EVENTS = ("schedule.done", "schedule.failed", "schedule.skipped", "webhook.test")
