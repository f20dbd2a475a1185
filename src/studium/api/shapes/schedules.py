"""Schedules of notebooks: when they run, how, and what came of each time."""

from datetime import datetime
from typing import Any

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.api.shapes.running import CELL_SECONDS, KEEP_GOING, HowToRun
from studium.notebooks.models import Schedule, Turn
from studium.notebooks.schedules.actions import MOST_KEPT, MOST_RETRIES
from studium.notebooks.schedules.queries import next_times
from studium.notebooks.schedules.times import words
from studium.notebooks.states import Missed, Notify, Overlap, TurnState

_CRON = "Five fields: minute, hour, day of month, month, day of week."
_ZONE = "The time zone in which `cron` is read, such as `Europe/Berlin`."
_MACHINE = "A machine type's slug or label."
_RETRIES = f"How often a run that failed is tried again, 0 to {MOST_RETRIES}."
_KEEP = f"How many of the versions it makes are kept, 1 to {MOST_KEPT}; null keeps all. Pinned ones stay."


class ScheduleShape(Shape):
    """A schedule. `words` is `cron` in English, `next_times` the next five, in UTC; there are none while it is `paused`.

    It runs as `created_by`, who made or last changed it. `trouble` says why the platform paused it.
    """

    id: str
    cron: str
    words: str
    zone: str
    machine_type: str
    missed: Missed
    overlap: Overlap
    retries: int
    keep_last: int | None
    cell_seconds: int | None
    keep_going: bool
    notify: Notify
    paused: bool
    trouble: str
    next_times: list[datetime]
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, row: Schedule, *, now: datetime) -> "ScheduleShape":
        return cls(
            id=row.pk,
            cron=row.cron,
            words=words(row.cron),
            zone=row.zone,
            machine_type=row.machine_type,
            missed=Missed(row.missed),
            overlap=Overlap(row.overlap),
            retries=row.retries,
            keep_last=row.keep_last,
            cell_seconds=row.cell_seconds,
            keep_going=row.keep_going,
            notify=Notify(row.notify),
            paused=row.paused,
            trouble=row.trouble,
            next_times=next_times(row, now=now),
            created_by=row.created_by.username,
            created_at=row.created_at,
        )


class NewSchedule(HowToRun):
    """A schedule to make. Without `machine` it is the type that the notebook was started on last."""

    cron: Line = Field(description=_CRON)
    zone: Line = Field("UTC", description=_ZONE)
    machine: Line = Field("", description=_MACHINE)
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    retries: int = Field(0, description=_RETRIES)
    keep_last: int | None = Field(None, description=_KEEP)
    notify: Notify = Notify.FAILURE


class ScheduleChange(Asked):
    """What to change; what is left out stays. Whoever changes anything is who it runs as from then on."""

    cron: Line | None = Field(None, description=_CRON)
    zone: Line | None = Field(None, description=_ZONE)
    machine: Line | None = Field(None, description=_MACHINE)
    missed: Missed | None = None
    overlap: Overlap | None = None
    retries: int | None = Field(None, description=_RETRIES)
    keep_last: int | None = Field(None, description=_KEEP)
    cell_seconds: int | None = Field(None, description=CELL_SECONDS)
    keep_going: bool | None = Field(None, description=KEEP_GOING)
    notify: Notify | None = None

    def given(self) -> dict[str, Any]:
        """What was sent. Null is what was left out, but where it is a word of its own: for all versions, for no limit."""
        sent = self.model_dump(exclude_unset=True)
        return {
            name: value for name, value in sent.items() if value is not None or name in ("keep_last", "cell_seconds")
        }


class TurnShape(Shape):
    """One time of a schedule: `due` or `running`, then `done`, `failed` or `skipped`, which `message` explains.

    `version` is the number of the version that its latest try made, null where there is none or it was deleted.
    """

    due_at: datetime
    state: TurnState
    tries: int
    message: str
    ended_at: datetime | None
    version: int | None

    @classmethod
    def of(cls, row: Turn) -> "TurnShape":
        return cls(
            due_at=row.due_at,
            state=TurnState(row.state),
            tries=row.tries,
            message=row.message,
            ended_at=row.ended_at,
            version=row.version.number if row.version else None,
        )
