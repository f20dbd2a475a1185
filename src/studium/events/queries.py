"""Reads of the record."""

from django.db.models import QuerySet

from studium.events.models import Event


def about(kind: str, subject_id: str | int) -> QuerySet[Event]:
    """What happened to one subject, oldest first."""
    return Event.objects.filter(subject_kind=kind, subject_id=str(subject_id)).order_by("id")


def latest(limit: int = 200) -> QuerySet[Event]:
    """The newest events of the whole installation, for operators."""
    return Event.objects.order_by("-id")[:limit]
