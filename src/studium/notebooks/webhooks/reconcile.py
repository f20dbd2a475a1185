"""The passes of webhooks: write down what is to be told, tell it until it was heard, forget it after a while.

A message is written down in the transaction that marks its turn. It is sent under a lease, so that two controllers do not
send it at once; one that dies in between leaves a lease that runs out, and the message is sent again under the same id.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from studium.config.options import options
from studium.errors import StudiumError
from studium.events.actions import hint, record
from studium.lib.ids import new_id
from studium.notebooks.access import may_change
from studium.notebooks.models import Turn
from studium.notebooks.states import TURN_LIVE, Notify, TurnState
from studium.notebooks.webhooks.actions import SECRET_NAME, holder_of
from studium.notebooks.webhooks.message import body_of, headers
from studium.notebooks.webhooks.models import Delivery, Webhook, new_delivery_id
from studium.notebooks.webhooks.states import DELIVERY_MOVES, FAILURES_TO_DISABLE, RETRY_MINUTES, DeliveryState
from studium.outbound.calling import SECONDS, CallFailedError, post
from studium.secrets.kept import kept_value

log = structlog.get_logger(__name__)
TOLD_WITHIN = timedelta(days=1)
KEPT = timedelta(days=30)
AT_ONCE, THREADS = 16, 8
# Longer than all of a round can take: two calls each after the other, with their names resolved.
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of one try: the status of an answer, or why there was none."""

    status: int | None
    message: str = ""

    @property
    def fine(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def note_ended(now: datetime) -> int:
    """Write down the messages about turns that have ended; returns how many."""
    rows = Turn.objects.filter(
        hooked_at=None,
        ended_at__gt=now - TOLD_WITHIN,
        ended_at__gte=F("schedule__webhook__enabled_at"),
        schedule__webhook__disabled_at=None,
    ).exclude(state__in=TURN_LIVE)
    noted = 0
    for turn in rows.select_related("schedule__notebook__team", "schedule__webhook__changed_by", "version__run")[:100]:
        webhook = turn.schedule.webhook
        if not may_change(webhook.changed_by, turn.schedule.notebook):
            _switch_off(webhook, "who set it may no longer change the notebook.", now)
            continue
        wanted = webhook.notify == Notify.ALWAYS or turn.state == TurnState.FAILED
        with transaction.atomic():
            if not Turn.objects.filter(pk=turn.pk, hooked_at=None).update(hooked_at=now):
                continue  # another controller was first
            if wanted:
                _write_down(webhook, turn, now)
                noted += 1
    return noted


def _write_down(webhook: Webhook, turn: Turn, now: datetime) -> None:
    event, name = f"schedule.{turn.state}", new_delivery_id()
    Delivery.objects.create(
        id=name,
        webhook=webhook,
        turn=turn,
        event=event,
        body=body_of(event, name, turn.schedule, turn, now=now),
        try_at=now,
        created_at=now,
    )


def deliver(now: datetime) -> int:
    """Send what is due, one message a webhook at a time; returns how many were tried."""
    leased = _lease(now)
    if not leased:
        return 0
    keys = {delivery.pk: _key(delivery) for delivery in leased}
    with ThreadPoolExecutor(
        THREADS
    ) as pool:  # a slow one holds up few others; nothing in the threads is of the database
        heard = list(pool.map(lambda delivery: _send(delivery, keys[delivery.pk], now), leased))
    for delivery, answer in zip(leased, heard, strict=True):
        _apply(delivery, answer, now)
    return len(leased)


def _lease(now: datetime) -> list[Delivery]:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Delivery.objects.filter(free, state=DeliveryState.DUE, try_at__lte=now, webhook__disabled_at=None)
    # The oldest of each webhook: one with many that are slow keeps no other waiting.
    first = due.filter(webhook=OuterRef("webhook")).order_by("try_at", "pk").values("pk")[:1]
    token = new_id(20)
    found: list[Delivery] = []
    rows = due.filter(pk=Subquery(first)).select_related("webhook__schedule__notebook__team")
    for delivery in rows.order_by("try_at", "pk")[:AT_ONCE]:
        mine = Delivery.objects.filter(free, pk=delivery.pk, state=DeliveryState.DUE, tries=delivery.tries)
        if mine.update(lease=token, leased_until=now + LEASE):
            delivery.lease = token
            found.append(delivery)
    return found


def _key(delivery: Delivery) -> str | StudiumError:
    try:
        return kept_value(holder_of(delivery.webhook), SECRET_NAME) or ""
    except StudiumError as error:
        return error


def _send(delivery: Delivery, key: str | StudiumError, now: datetime) -> Heard:
    if isinstance(key, StudiumError):
        return Heard(status=None, message=key.message)
    body = delivery.body.encode()
    try:
        status = post(
            delivery.webhook.url, body, headers(delivery.event, delivery.pk, key, body, now=now), seconds=SECONDS
        )
    except CallFailedError as error:
        return Heard(status=None, message=str(error)[:300])
    except Exception as error:  # one that cannot be sent keeps no other waiting
        log.exception("webhook_failed", delivery=delivery.pk)
        return Heard(status=None, message=f"It could not be sent: {type(error).__name__}.")
    if 300 <= status < 400:
        return Heard(status=status, message=f"The answer was {status}, a redirect, which is not followed.")
    return Heard(status=status, message="" if 200 <= status < 300 else f"The answer was {status}.")


def _apply(delivery: Delivery, heard: Heard, now: datetime) -> None:
    tries = delivery.tries + 1
    final = delivery.turn_id is None or tries > len(RETRY_MINUTES)
    failed = DeliveryState.FAILED if final else DeliveryState.DUE
    state = DeliveryState.DELIVERED if heard.fine else failed
    changes: dict[str, object] = {"tries": tries, "status": heard.status, "message": heard.message}
    if state == DeliveryState.DUE:
        changes["try_at"] = now + timedelta(minutes=RETRY_MINUTES[tries - 1])
    else:
        changes["ended_at"] = now
    with transaction.atomic():
        if not move(delivery, state, **changes):
            return  # the lease ran out, and another controller sends it
        hint([f"notebook:{delivery.webhook.schedule.notebook_id}"], work=False)
    if state == DeliveryState.FAILED and delivery.turn_id is not None:
        _disable_when_in_vain(delivery.webhook, now)


def move(delivery: Delivery, to: DeliveryState, **changes: object) -> bool:
    """Move a leased message by compare-and-set and let go of it; False when somebody else has it."""
    assert to in DELIVERY_MOVES[DeliveryState(delivery.state)], (delivery.state, to)
    mine = Delivery.objects.filter(pk=delivery.pk, state=delivery.state, lease=delivery.lease, tries=delivery.tries)
    return bool(mine.update(state=to, lease="", leased_until=None, **changes))


def _disable_when_in_vain(webhook: Webhook, now: datetime) -> None:
    """Switch it off when nobody took the last ones, and say so to who set it."""
    ended = Delivery.objects.filter(webhook=webhook, ended_at__gte=webhook.enabled_at).exclude(turn=None)
    last = list(ended.exclude(state=DeliveryState.DUE).order_by("-ended_at")[:FAILURES_TO_DISABLE])
    if len(last) < FAILURES_TO_DISABLE or any(each.state != DeliveryState.FAILED for each in last):
        return
    why = f"{FAILURES_TO_DISABLE} messages in a row could not be delivered. The last: {last[0].message}"
    _switch_off(webhook, why, now)


def _switch_off(webhook: Webhook, why: str, now: datetime) -> None:
    """Call it no more, and say so to who set it."""
    words = f"Switched off: {why}"[:300]
    notebook = webhook.schedule.notebook
    with transaction.atomic():
        if not Webhook.objects.filter(pk=webhook.pk, disabled_at=None).update(disabled_at=now, trouble=words):
            return
        vain = Delivery.objects.filter(webhook=webhook, state=DeliveryState.DUE)
        vain.update(state=DeliveryState.FAILED, ended_at=now, message="The webhook was switched off.")
        record(
            "webhook.disabled", subject=("notebook", notebook.pk), team_id=notebook.team_id, now=now,
            data={"schedule": webhook.schedule_id},
        )  # fmt: skip
    page = f"{options().platform_url}/notebooks/{notebook.team.slug}/{notebook.slug}/schedules/{webhook.schedule_id}/webhook/"
    body = f"The webhook of a schedule of {notebook.title} is no longer called.\n{words}\n\nSave it to switch it on:\n{page}\n"
    try:
        send_mail(f"{notebook.title}: webhook switched off", body, None, [webhook.changed_by.email])
    except OSError as error:  # the page says it too
        log.warning("webhook_mail_failed", webhook=webhook.pk, error=str(error))


def forget_old(now: datetime) -> int:
    """Delete messages that ended long ago; returns how many."""
    old = Delivery.objects.filter(ended_at__lt=now - KEPT).values("pk")[:500]
    return Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]
