"""The routes of webhooks: set, shown to those who may, tested, removed."""

from typing import Any

import pytest
from rest_world import World

from studium.notebooks.webhooks import reconcile
from studium.notebooks.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/path?key=k1"


def schedule(world: World) -> str:
    notebook = world.notebook()
    made = world.json(
        world.cast.owner, "POST", f"/notebooks/{notebook.pk}/schedules", {"cron": "0 7 * * *"}, status=201
    )
    return f"/notebooks/{notebook.pk}/schedules/{made['id']}/webhook"


def test_a_webhook_is_set_and_its_key_told_once(world: World) -> None:
    path = schedule(world)
    assert world.json(world.cast.owner, "GET", path, status=404)["code"] == "webhook.none"
    made = world.json(world.cast.owner, "PUT", path, {"url": URL})
    assert len(made["secret"]) > 40
    assert (made["url"], made["notify"], made["disabled_at"]) == (URL, "failure", None)
    again = world.json(world.cast.teammate, "PUT", path, {"url": URL, "notify": "always"})
    assert (again["secret"], again["changed_by"]) == ("", world.cast.teammate.username)
    assert world.json(world.cast.owner, "GET", path)["secret"] == ""
    assert world.json(world.cast.reader, "GET", path)["url"] == "https://hooks.example.org/..."
    assert world.call(world.cast.owner, "DELETE", path).status_code == 204
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "http://127.0.0.1:8000/"}, 422, "outbound.closed"),
        ({"url": "file:///etc/passwd"}, 400, "outbound.scheme"),
        ({"url": "https://u:p@h.example/"}, 400, "outbound.credentials"),
        ({"url": URL, "secret": "short"}, 400, "webhook.secret"),
        ({"url": URL, "notify": "never"}, 400, "input.invalid"),
        ({"url": "x" * 2001}, 400, "input.invalid"),
    ],
)
def test_what_is_refused_is_said(world: World, body: dict[str, Any], status: int, code: str) -> None:
    answer = world.json(world.cast.owner, "PUT", schedule(world), body, status=status)
    assert answer["code"] == code


def test_a_test_is_sent_and_its_delivery_says_how_it_went(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = schedule(world)
    world.json(world.cast.owner, "PUT", path, {"url": URL})
    sent = world.json(world.cast.owner, "POST", f"{path}/test", {}, status=201)
    assert (sent["event"], sent["state"], sent["tries"]) == ("webhook.test", "due", 0)
    assert sent["next_try_at"] is not None
    monkeypatch.setattr(reconcile, "post", lambda *_, **__: 404)
    reconcile.deliver(Delivery.objects.get().try_at)
    (row,) = world.json(world.cast.reader, "GET", f"{path}/deliveries")["items"]
    assert (row["id"], row["state"], row["status"], row["message"]) == (
        sent["id"],
        "failed",
        404,
        "The answer was 404.",
    )
    assert row["next_try_at"] is None
