"""When a schedule is due: cron text in a time zone, by the rules of Debian's cron where clocks are changed. Pure."""

from datetime import UTC, datetime, tzinfo
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from studium.errors import BadInput

# Many schedules of one minute would be a flood of runs that nobody reads.
SHORTEST_SECONDS = 300


def check_zone(name: str) -> str:
    """The name of a time zone there is. Raises BadInput."""
    if name not in available_timezones():
        raise BadInput(
            "schedule.zone", f"There is no time zone {name!r}.", "Write it as Europe/Berlin, America/New_York or UTC."
        )
    return name


def check_cron(cron: str, zone: str, *, now: datetime) -> str:
    """Five fields of cron, with single spaces. Raises BadInput for what is none, never comes or comes too often."""
    text = " ".join(cron.split())
    if len(text.split(" ")) != 5 or len(text) > 100:
        raise _bad(cron, "it needs five fields: minute, hour, day of month, month, day of week")
    try:
        times = upcoming(text, zone, now=now, count=50)
    except CronSimError as error:
        raise _bad(cron, str(error)) from None
    if not times:
        raise _bad(cron, "that day never comes")
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    if gaps and min(gaps) < SHORTEST_SECONDS:
        raise BadInput(
            "schedule.too_often",
            f"{text!r} would run every {int(min(gaps)) // 60} min; every {SHORTEST_SECONDS // 60} min is the most often.",
            "Choose a longer interval, such as */15 * * * *.",
        )
    return text


def _bad(cron: str, why: str) -> BadInput:
    return BadInput(
        "schedule.cron",
        f"{cron!r} is no cron text: {why}.",
        "Write five fields, such as 30 7 * * 1-5 for half past seven on working days.",
    )


def upcoming(cron: str, zone: str, *, now: datetime, count: int) -> list[datetime]:
    """The next times after `now`, in UTC; fewer where there are no more. Raises CronSimError."""
    where: tzinfo = ZoneInfo(zone)
    return [time.astimezone(UTC) for time in islice(CronSim(cron, now.astimezone(where)), count)]


def words(cron: str) -> str:
    """The cron text in English."""
    return CronSim(cron, datetime.now(UTC)).explain()
