"""What a message says and how it is signed. The shape is documented in docs/members/webhooks.md; fields are only added."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from studium import __version__
from studium.config.options import options
from studium.notebooks.models import Schedule, Turn

SIGNATURE, TIMESTAMP, EVENT, DELIVERY = "Studium-Signature", "Studium-Timestamp", "Studium-Event", "Studium-Delivery"


def body_of(event: str, delivery: str, schedule: Schedule, turn: Turn | None, *, now: datetime) -> str:
    """The JSON text. `schedule.notebook.team` and `turn.version.run` are read."""
    notebook = schedule.notebook
    page = f"{options().platform_url}/notebooks/{notebook.team.slug}/{notebook.slug}/"
    version = turn.version if turn else None
    run = version.run if version else None
    said: dict[str, Any] = {
        "id": delivery,
        "event": event,
        "created_at": _time(now),
        "notebook": {
            "id": notebook.pk,
            "name": f"{notebook.team.slug}/{notebook.slug}",
            "title": notebook.title,
            "url": page,
        },
        "schedule": {"id": schedule.pk, "cron": schedule.cron, "zone": schedule.zone},
        "turn": turn
        and {
            "due_at": _time(turn.due_at),
            "state": turn.state,
            "tries": turn.tries,
            "message": turn.message,
            "ended_at": turn.ended_at and _time(turn.ended_at),
        },
        "version": version and {"number": version.number, "url": f"{page}versions/{version.number}/"},
        "run": run and {"id": run.pk, "reason": run.reason, "machine_type": run.machine_type_id},
    }
    return json.dumps(said, ensure_ascii=True, separators=(",", ":"))


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and the hexadecimal HMAC-SHA256 of the timestamp, a full stop and the body."""
    return "v1=" + hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()


def headers(event: str, delivery: str, secret: str, body: bytes, *, now: datetime) -> dict[str, str]:
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Studium/{__version__}",
        EVENT: event,
        DELIVERY: delivery,
        TIMESTAMP: str(timestamp),
        SIGNATURE: signature(secret, timestamp, body),
    }
