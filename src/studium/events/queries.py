"""Reads of the record."""

from django.db.models import QuerySet

from studium.events.models import Event


def about(kind: str, subject_id: str | int) -> QuerySet[Event]:
    """What happened to one subject, oldest first."""
    return Event.objects.filter(subject_kind=kind, subject_id=str(subject_id)).order_by("id")


def latest(limit: int = 200) -> QuerySet[Event]:
    """The newest events of the whole installation, for operators."""
    return Event.objects.order_by("-id")[:limit]


def filtered(*, kind: str = "", actor: str = "", subject: str = "") -> QuerySet[Event]:
    """Events by the beginning of their kind, the name of who did it, and the subject as `run:abc` or just `run`."""
    rows = Event.objects.all()
    if kind:
        rows = rows.filter(kind__startswith=kind)
    if actor:
        rows = rows.filter(actor_name=actor)
    if subject:
        noun, _, key = subject.partition(":")
        rows = rows.filter(subject_kind=noun, **({"subject_id": key} if key else {}))
    return rows
