"""Webhooks of schedules: told at least once under one id, signed, tried again, switched off, never a way inside."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from factories.accounts import NOW, Cast
from functional.notebooks.receiver import Receiver
from studium.errors import BadInput, NotFound, NotYet, Refused
from studium.notebooks.actions import delete_notebook
from studium.notebooks.models import Notebook, Schedule, Turn
from studium.notebooks.schedules import actions as schedules
from studium.notebooks.schedules.actions import Wanted
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import Notify, SharedRole, TurnState
from studium.notebooks.webhooks import actions, queries, reconcile
from studium.notebooks.webhooks.models import Delivery, Webhook
from studium.notebooks.webhooks.states import DELIVERY_MOVES, EVENTS, RETRY_MINUTES, DeliveryState
from studium.outbound import calling, fence
from studium.secrets.models import Secret

pytestmark = pytest.mark.django_db
SECRET = "a key of thirty letters or so ..."


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    for module in (fence, calling):
        monkeypatch.setattr(module, "allowed", lambda: (made.entry,))
    yield made
    made.close()


@pytest.fixture
def schedule(cast: Cast, notebook: Notebook) -> Schedule:
    return schedules.create_schedule(cast.owner, notebook, Wanted(cron="0 * * * *", machine="cpu-small"), now=NOW)


def hook(cast: Cast, schedule: Schedule, url: str, **more: Any) -> Webhook:
    return actions.set_webhook(cast.owner, schedule, url, now=NOW, **{"secret": SECRET, **more})[0]


def ended(schedule: Schedule, n: int = 1, state: TurnState = TurnState.FAILED) -> Turn:
    at = NOW + timedelta(minutes=n)
    return Turn.objects.create(
        schedule=schedule, due_at=at, try_at=at, ended_at=at, state=state, message="why", tries=1
    )


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_a_failure_is_told_once_signed_and_in_the_documented_shape(
    cast: Cast, notebook: Notebook, schedule: Schedule, receiver: Receiver
) -> None:
    webhook = hook(cast, schedule, receiver.url)
    turn = ended(schedule)
    assert (reconcile.note_ended(at(2)), reconcile.note_ended(at(2))) == (1, 0)
    assert (reconcile.deliver(at(2)), reconcile.deliver(at(2))) == (1, 0)
    ((headers, body),) = receiver.heard
    said = json.loads(body)
    delivery = webhook.deliveries.get()
    assert set(said) == {"id", "event", "created_at", "notebook", "schedule", "turn", "version", "run"}
    assert (said["id"], headers["Studium-Delivery"]) == (delivery.pk, delivery.pk)
    assert (said["event"], headers["Studium-Event"]) == ("schedule.failed", "schedule.failed")
    assert said["notebook"]["name"] == f"{notebook.team.slug}/{notebook.slug}"
    assert said["turn"] == {
        "due_at": "2026-03-04T12:01:00Z", "state": "failed", "tries": 1, "message": "why", "ended_at": "2026-03-04T12:01:00Z",
    }  # fmt: skip
    signed = headers["Studium-Timestamp"].encode() + b"." + body
    assert headers["Studium-Signature"] == "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert int(headers["Studium-Timestamp"]) == int(at(2).timestamp())
    assert (delivery.state, delivery.status, delivery.tries, delivery.turn) == (DeliveryState.DELIVERED, 204, 1, turn)


@pytest.mark.parametrize("notify", [Notify.FAILURE, Notify.ALWAYS])
def test_what_is_told_is_as_chosen(cast: Cast, schedule: Schedule, receiver: Receiver, notify: Notify) -> None:
    hook(cast, schedule, receiver.url, notify=notify)
    for n, state in enumerate(TurnState, start=1):
        turn = ended(schedule, n, state)
        if state in (TurnState.DUE, TurnState.RUNNING):
            Turn.objects.filter(pk=turn.pk).update(ended_at=None)
    reconcile.note_ended(at(9))
    events = set(Delivery.objects.values_list("event", flat=True))
    every = {"schedule.done", "schedule.failed", "schedule.skipped"}
    assert events == (every if notify == Notify.ALWAYS else {"schedule.failed"})
    assert events <= set(EVENTS)


def test_what_ended_before_it_was_there_is_not_told(cast: Cast, schedule: Schedule, receiver: Receiver) -> None:
    ended(schedule, -1)
    hook(cast, schedule, receiver.url)
    assert reconcile.note_ended(at(1)) == 0


def test_a_try_that_fails_is_made_again_later_and_later_with_the_same_body(
    cast: Cast, schedule: Schedule, receiver: Receiver
) -> None:
    webhook = hook(cast, schedule, receiver.url)
    ended(schedule)
    reconcile.note_ended(at(2))
    receiver.status = 503
    when = at(2)
    for tries, minutes in enumerate(RETRY_MINUTES, start=1):
        assert reconcile.deliver(when) == 1
        delivery = webhook.deliveries.get()
        assert (delivery.tries, delivery.status, delivery.state) == (tries, 503, DeliveryState.DUE)
        assert delivery.try_at == when + timedelta(minutes=minutes)
        assert reconcile.deliver(delivery.try_at - timedelta(seconds=1)) == 0
        when = delivery.try_at
    assert reconcile.deliver(when) == 1
    delivery = webhook.deliveries.get()
    assert (delivery.state, delivery.message, delivery.ended_at) == (DeliveryState.FAILED, "The answer was 503.", when)
    assert len({body for _, body in receiver.heard}) == 1
    assert len({headers["Studium-Signature"] for headers, _ in receiver.heard}) == len(receiver.heard) == 6
    assert reconcile.deliver(when + timedelta(days=1)) == 0


def test_redirects_and_refusals_are_failures_with_words(cast: Cast, schedule: Schedule, receiver: Receiver) -> None:
    webhook = hook(cast, schedule, receiver.url)
    receiver.status = 302
    actions.send_test(cast.owner, webhook, now=NOW)
    reconcile.deliver(NOW)
    Webhook.objects.update(url="http://169.254.169.254/latest/meta-data")
    actions.send_test(cast.owner, webhook, now=at(2))
    reconcile.deliver(at(2))
    words = [d.message for d in webhook.deliveries.order_by("created_at")]
    assert words[0] == "The answer was 302, a redirect, which is not followed."
    assert "private network" in words[1]
    assert len(receiver.heard) == 1
    assert {d.state for d in webhook.deliveries.all()} == {DeliveryState.FAILED}, "tests are sent once"


def test_a_crash_after_sending_sends_again_under_the_same_id(
    cast: Cast, schedule: Schedule, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As `kill -9` between two lines."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    hook(cast, schedule, receiver.url)
    ended(schedule)
    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_write_down", dies)
        with pytest.raises(Killed):
            reconcile.note_ended(at(2))
    assert reconcile.note_ended(at(2)) == 1, "marking and writing down are one"
    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_apply", dies)
        with pytest.raises(Killed):
            reconcile.deliver(at(2))
    assert reconcile.deliver(at(3)) == 0, "its lease still holds"
    assert reconcile.deliver(at(2) + reconcile.LEASE + timedelta(seconds=1)) == 1
    assert len({headers["Studium-Delivery"] for headers, _ in receiver.heard}) == 1
    assert len(receiver.heard) == 2


def test_two_controllers_send_it_once(cast: Cast, schedule: Schedule, receiver: Receiver) -> None:
    hook(cast, schedule, receiver.url)
    ended(schedule)
    reconcile.note_ended(at(2))
    first = reconcile._lease(at(2))
    assert (len(first), reconcile._lease(at(2))) == (1, [])
    later = at(2) + reconcile.LEASE + timedelta(seconds=1)
    (second,) = reconcile._lease(later)
    reconcile._apply(first[0], reconcile.Heard(status=500), later)
    assert Delivery.objects.get().tries == 0, "whose lease ran out writes nothing"
    reconcile._apply(second, reconcile.Heard(status=200), later)
    assert Delivery.objects.get().state == DeliveryState.DELIVERED


@pytest.mark.parametrize("state", list(DeliveryState))
@pytest.mark.parametrize("to", list(DeliveryState))
def test_every_pair_of_states(
    cast: Cast, schedule: Schedule, receiver: Receiver, state: DeliveryState, to: DeliveryState
) -> None:
    delivery = actions.send_test(cast.owner, hook(cast, schedule, receiver.url), now=NOW)
    Delivery.objects.update(state=state)
    delivery.refresh_from_db()
    if to not in DELIVERY_MOVES[state]:
        with pytest.raises(AssertionError):
            reconcile.move(delivery, to)
        return
    assert reconcile.move(delivery, to, tries=1)
    assert not reconcile.move(delivery, to), "a second controller finds it moved"


def test_after_many_failures_it_is_switched_off_with_a_notice_and_saving_it_switches_it_on(
    cast: Cast, schedule: Schedule, receiver: Receiver
) -> None:
    webhook = hook(cast, schedule, receiver.url)
    receiver.status = 500
    for n in range(1, 7):
        ended(schedule, n)
    reconcile.note_ended(at(7))
    Delivery.objects.update(tries=len(RETRY_MINUTES))  # the last try of each
    for n in range(5):
        assert reconcile.deliver(at(8 + n)) == 1, "one message of a webhook at a time"
    webhook.refresh_from_db()
    assert webhook.disabled_at == at(12)
    assert "The last: The answer was 500." in webhook.trouble
    assert [(m.subject, m.to) for m in mail.outbox] == [("A notebook: webhook switched off", [cast.owner.email])]
    assert not webhook.deliveries.filter(state=DeliveryState.DUE).exists()
    ended(schedule, 20)
    assert (reconcile.note_ended(at(21)), reconcile.deliver(at(21))) == (0, 0)
    with pytest.raises(NotYet):
        actions.send_test(cast.owner, webhook, now=at(21))
    actions.set_webhook(cast.owner, schedule, receiver.url, now=at(30))
    webhook.refresh_from_db()
    assert (webhook.disabled_at, webhook.trouble) == (None, "")
    ended(schedule, 31)
    assert reconcile.note_ended(at(32)) == 1, "what ended while it was off stays untold"
    Delivery.objects.filter(state=DeliveryState.DUE).update(tries=len(RETRY_MINUTES))
    reconcile.deliver(at(33))
    webhook.refresh_from_db()
    assert webhook.disabled_at is None, "counted anew"


def test_its_key_is_made_shown_once_and_kept_sealed(cast: Cast, schedule: Schedule, receiver: Receiver) -> None:
    webhook, made = actions.set_webhook(cast.owner, schedule, receiver.url, now=NOW)
    assert len(made) > 40
    again, none = actions.set_webhook(cast.owner, schedule, receiver.url, now=NOW, notify=Notify.ALWAYS)
    assert (again.pk, none) == (webhook.pk, "")
    (kept,) = Secret.objects.filter(holder=actions.holder_of(webhook))
    assert made.encode() not in bytes(kept.sealed)
    actions.send_test(cast.owner, webhook, now=NOW)
    reconcile.deliver(NOW)
    headers, body = receiver.heard[0]
    signed = headers["Studium-Timestamp"].encode() + b"." + body
    assert headers["Studium-Signature"] == "v1=" + hmac.new(made.encode(), signed, hashlib.sha256).hexdigest()
    assert json.loads(body)["event"] == "webhook.test"


def test_removing_leaves_nothing(cast: Cast, notebook: Notebook, schedule: Schedule, receiver: Receiver) -> None:
    for remove in (
        lambda webhook: actions.remove_webhook(cast.owner, webhook, now=NOW),
        lambda webhook: schedules.delete_schedule(cast.owner, schedule, now=NOW),
        lambda webhook: delete_notebook(cast.owner, notebook, now=NOW),
    ):
        webhook = hook(cast, schedule, receiver.url)
        actions.send_test(cast.owner, webhook, now=NOW)
        remove(webhook)
        assert not Webhook.objects.exists()
        assert not Delivery.objects.exists()
        assert not Secret.objects.exists()
    with pytest.raises(NotFound):
        queries.require_webhook(schedule)


def test_bad_ones_are_refused_and_nothing_is_made(cast: Cast, schedule: Schedule) -> None:
    bad: list[tuple[dict[str, Any], str, type[Exception]]] = [
        ({"url": "ftp://h.example/"}, "outbound.scheme", BadInput),
        ({"url": "https://u:p@h.example/"}, "outbound.credentials", BadInput),
        ({"url": "http://127.0.0.1:8000/admin/"}, "outbound.closed", Refused),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "outbound.closed", Refused),
        ({"url": "https://h.example:25/"}, "outbound.port", Refused),
        ({"url": "https://h.example/", "secret": "short"}, "webhook.secret", BadInput),
        ({"url": "https://h.example/", "secret": "x" * 201}, "webhook.secret", BadInput),
        ({"url": "https://h.example/", "secret": "line\nbreak" * 3}, "webhook.secret", BadInput),
        ({"url": "https://h.example/", "notify": Notify.NEVER}, "webhook.never", BadInput),
    ]
    for fields, code, kind in bad:
        with pytest.raises(kind) as caught:
            actions.set_webhook(cast.owner, schedule, now=NOW, **fields)
        assert caught.value.code == code  # type: ignore[attr-defined]
    assert not Webhook.objects.exists()


def test_tests_are_bounded_and_old_messages_forgotten(cast: Cast, schedule: Schedule, receiver: Receiver) -> None:
    webhook = hook(cast, schedule, receiver.url)
    for _ in range(actions.MOST_TESTS):
        actions.send_test(cast.owner, webhook, now=NOW)
    with pytest.raises(NotYet):
        actions.send_test(cast.owner, webhook, now=NOW)
    reconcile.deliver(NOW)
    assert reconcile.forget_old(NOW + timedelta(days=29)) == 0
    assert reconcile.forget_old(NOW + timedelta(days=31)) == 1
    assert webhook.deliveries.count() == actions.MOST_TESTS - 1


def test_a_lost_key_is_said_and_keeps_no_other_waiting(
    cast: Cast, schedule: Schedule, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = hook(cast, schedule, receiver.url)
    actions.send_test(cast.owner, webhook, now=NOW)
    Secret.objects.update(sealed=b"\x01nothing that opens")
    assert reconcile.deliver(NOW) == 1
    assert "cannot be opened" in webhook.deliveries.get().message
    assert receiver.heard == []


def test_who_may_no_longer_change_the_notebook_is_told_no_more(
    cast: Cast, notebook: Notebook, schedule: Schedule, receiver: Receiver
) -> None:
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=NOW)
    webhook, _ = actions.set_webhook(cast.stranger, schedule, receiver.url, now=NOW, secret=SECRET)
    sharing.remove(cast.owner, notebook, cast.stranger, now=NOW)
    ended(schedule)
    assert (reconcile.note_ended(at(2)), reconcile.deliver(at(2))) == (0, 0)
    webhook.refresh_from_db()
    assert (webhook.disabled_at, receiver.heard) == (at(2), [])
    assert "may no longer change" in webhook.trouble


def test_one_with_many_that_wait_keeps_no_other_waiting(
    cast: Cast, notebook: Notebook, schedule: Schedule, receiver: Receiver
) -> None:
    hook(cast, schedule, receiver.url, notify=Notify.ALWAYS)
    for n in range(70):
        ended(schedule, n + 1)
    other = schedules.create_schedule(cast.owner, notebook, Wanted(cron="30 * * * *", machine="cpu-small"), now=NOW)
    hook(cast, other, receiver.url)
    ended(other, 75)
    assert reconcile.note_ended(at(90)) == 71
    leased = reconcile._lease(at(90))
    assert sorted(delivery.webhook.schedule_id for delivery in leased) == sorted([schedule.pk, other.pk])
