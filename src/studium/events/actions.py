"""Record what happened and, once it is committed, hint to the processes that may want to look."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from django.db import transaction

from studium.config.options import options
from studium.events.models import Event
from studium.lib import hints


class Actor(Protocol):
    """Whoever did it: a user row, as far as events need to know."""

    pk: Any

    def get_username(self) -> str: ...


def record(
    kind: str,
    *,
    subject: tuple[str, str | int],
    now: datetime,
    actor: Actor | None = None,
    team_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one event. Call it inside the transaction of the change it tells of."""
    Event.objects.create(
        at=now,
        kind=kind,
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "",
        team_id=team_id,
        subject_kind=subject[0],
        subject_id=str(subject[1]),
        data=data or {},
    )
    topics = [f"{subject[0]}:{subject[1]}", subject[0] + "s"]
    if team_id is not None:
        topics.append(f"team:{team_id}")
    hint(topics)


def hint(topics: Iterable[str], *, work: bool = True) -> None:
    """After commit, tell the edge which pages may have changed and, if there may be `work`, the controller."""
    told = tuple(topics)

    def send() -> None:
        hints.send(options().edge_hints, told)
        if work:
            hints.send(options().controller_hints, told)

    transaction.on_commit(send)
