"""What is seen of runs over their life: what they used, and where a text is in what they printed."""

from datetime import datetime
from typing import Literal

from studium.api.shapes.base import Shape
from studium.compute.logsearch import Found
from studium.compute.series import UseSeries


class LogHit(Shape):
    """A line of the log that has the text, counted from 1, its byte offset, and the lines around it. Long lines are cut."""

    line: int
    offset: int
    text: str
    before: list[str]
    after: list[str]


class LogHits(Shape):
    """Hits in the order of the log. With `more` there are others: ask again with `after`, the last hit's line."""

    hits: list[LogHit]
    more: bool

    @classmethod
    def of(cls, found: Found) -> "LogHits":
        hits = [
            LogHit(line=hit.line, offset=hit.offset, text=hit.text, before=hit.before, after=hit.after)
            for hit in found.hits
        ]
        return cls(hits=hits, more=found.more)


class UseLine(Shape):
    """One figure over time. `device` is an accelerator's id, empty for what is the run's as a whole.

    Of `cpu_cores` and `utilisation` (0 to 1) a value is the mean of its step, of bytes the most; null where nothing was told.
    """

    what: Literal["cpu_cores", "memory_bytes", "disk_bytes", "utilisation", "memory_used_bytes"]
    device: str
    mean: float | None
    peak: float | None
    values: list[float | None]


class UseOverTime(Shape):
    """What a run used over its life, in at most 720 steps of `step_seconds` since `started_at`; steps grow with the run.

    `lines` is empty where there is nothing yet. `simulated` devices compute on the CPU and tell no figures of their own.
    """

    run: str
    started_at: datetime | None
    step_seconds: float
    simulated: bool
    lines: list[UseLine]

    @classmethod
    def of(cls, run_id: str, found: UseSeries | None, *, simulated: bool) -> "UseOverTime":
        lines = found.lines if found else []
        return cls(
            run=run_id,
            started_at=found.started if found else None,
            step_seconds=found.step if found else 0,
            simulated=simulated,
            lines=[UseLine.model_validate(vars(line)) for line in lines],
        )
