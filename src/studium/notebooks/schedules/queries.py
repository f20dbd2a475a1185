"""Reads of schedules."""

from datetime import datetime

from django.db.models import QuerySet

from studium.errors import NotFound
from studium.notebooks.models import Notebook, Schedule, Turn
from studium.notebooks.schedules.times import upcoming


def schedules_of(notebook: Notebook) -> QuerySet[Schedule]:
    rows = Schedule.objects.filter(notebook=notebook, deleted_at=None).order_by("created_at", "pk")
    return rows.select_related("created_by", "notebook__team", "webhook")


def schedule_of(notebook: Notebook, name: str) -> Schedule:
    """One schedule by its id. The caller fetched the notebook as the user. Raises NotFound."""
    found = schedules_of(notebook).filter(pk=name).first()
    if found is None:
        raise NotFound(
            "schedule.unknown", f"{notebook.title} has no schedule {name!r}.", "The notebook's page lists those it has."
        )
    return found


def next_times(schedule: Schedule, *, now: datetime, count: int = 5) -> list[datetime]:
    """When it is due next, in UTC; none while it is paused."""
    return [] if schedule.paused else upcoming(schedule.cron, schedule.zone, now=now, count=count)


def turns_of(schedule: Schedule) -> QuerySet[Turn]:
    """What came of its times, newest first."""
    return Turn.objects.filter(schedule=schedule).select_related("version__run").order_by("-due_at")
