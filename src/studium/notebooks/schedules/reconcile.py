"""The passes of schedules: note what is due, start it, see it to its end, tell of it, keep the last ones.

A time is noted once, by its row; each step after that is a compare-and-set of that row. So several controllers may work at
once, and a crash between two steps means that the next look takes the second.
"""

from datetime import datetime, timedelta

import structlog
from django.core.mail import send_mail
from django.db import transaction

from studium.compute.actions import stop_run
from studium.compute.queries import manifests_shown
from studium.compute.states import ENDINGS, Outcome, Reason, State
from studium.config.options import options
from studium.errors import StudiumError
from studium.events.actions import record
from studium.notebooks.access import may_change
from studium.notebooks.inputs.queries import kept_for_others
from studium.notebooks.models import Schedule, Turn, Version
from studium.notebooks.schedules.times import upcoming
from studium.notebooks.states import TURN_LIVE, TURN_MOVES, Missed, Notify, Overlap, TurnState
from studium.notebooks.subjects import tell_of_run
from studium.notebooks.versions import actions as versions
from studium.notebooks.versions.queries import how_it_ended

log = structlog.get_logger(__name__)
# A controller that was away for less has missed nothing: it is only late.
LATE = timedelta(minutes=5)
MOST_MADE_UP = 24
RETRY_AFTER = timedelta(minutes=1)


def note_due(now: datetime) -> int:
    """Make a row of every time that has come and move the schedules on; returns how many rows."""
    due = Schedule.objects.filter(next_at__lte=now, paused=False, deleted_at=None, notebook__deleted_at=None)
    made = 0
    for schedule in due.select_related("notebook").order_by("next_at")[:100]:
        times = _times(schedule, now)
        following = next(iter(upcoming(schedule.cron, schedule.zone, now=now, count=1)), None)
        with transaction.atomic():
            if not Schedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at).update(next_at=following):
                continue  # another controller was first
            for time in times:
                Turn.objects.get_or_create(schedule=schedule, due_at=time, defaults={"try_at": now})
        made += len(times)
    return made


def _times(schedule: Schedule, now: datetime) -> list[datetime]:
    """The times from `next_at` until now that are to be run, by the policy for missed ones."""
    assert schedule.next_at is not None
    passed = [schedule.next_at]
    while len(passed) < 1000 and (more := upcoming(schedule.cron, schedule.zone, now=passed[-1], count=1)):
        if more[0] > now:
            break
        passed.append(more[0])
    on_time = [time for time in passed if now - time <= LATE]
    if on_time:
        return passed[-MOST_MADE_UP:] if schedule.missed == Missed.ALL else on_time[-1:]
    if schedule.missed == Missed.SKIP:
        return []
    return passed[-1:] if schedule.missed == Missed.ONCE else passed[-MOST_MADE_UP:]


def start_due(now: datetime) -> int:
    """Queue a version for what is due, as its schedule says; returns how many."""
    rows = Turn.objects.filter(state=TurnState.DUE, try_at__lte=now).order_by("due_at")
    done = 0
    for turn in rows.select_related("schedule__notebook__team", "schedule__created_by")[:50]:
        try:
            done += _start(turn, now)
        except Exception as error:  # one that cannot be started keeps no other waiting
            log.exception("schedule_failed", turn=turn.pk)
            Turn.objects.filter(pk=turn.pk, state=TurnState.DUE).update(
                try_at=now + RETRY_AFTER, message=str(error)[:300]
            )
    return done


def _start(turn: Turn, now: datetime) -> bool:
    schedule, notebook = turn.schedule, turn.schedule.notebook
    if schedule.deleted_at or notebook.deleted_at or schedule.paused:
        return _move(turn, TurnState.SKIPPED, now=now, message="The schedule was paused or removed.")
    if not schedule.created_by.is_active or not may_change(schedule.created_by, notebook):
        words = f"{schedule.created_by.username} may no longer run this notebook."
        Schedule.objects.filter(pk=schedule.pk).update(paused=True, next_at=None, trouble=words)
        return _move(turn, TurnState.FAILED, now=now, message=words)
    before = Turn.objects.filter(schedule=schedule, state__in=TURN_LIVE, due_at__lt=turn.due_at).order_by("due_at")
    if (earlier := before.select_related("version__run").first()) is not None:
        return _overlapping(turn, earlier, now)
    try:
        with transaction.atomic():
            note = f"Scheduled for {turn.due_at:%Y-%m-%d %H:%M} UTC" + (f", try {turn.tries + 1}" if turn.tries else "")
            version = versions.run_document(
                schedule.created_by, notebook, schedule.machine_type, notebook.document,
                now=now, note=note, options=schedule.options,
            )  # fmt: skip
            if not _move(turn, TurnState.RUNNING, now=now, version=version, tries=turn.tries + 1):
                transaction.set_rollback(True)  # another controller was first; its version is the one
                return False
    except StudiumError as error:
        return _refused(turn, error, now)
    return True


def _overlapping(turn: Turn, earlier: Turn, now: datetime) -> bool:
    if turn.schedule.overlap == Overlap.SKIP:
        return _move(turn, TurnState.SKIPPED, now=now, message="The run before it was still going on.")
    if turn.schedule.overlap == Overlap.REPLACE:
        if earlier.version and earlier.version.run:
            stop_run(None, earlier.version.run, now=now, message="Replaced by the next run of its schedule.")
        else:
            _move(earlier, TurnState.SKIPPED, now=now, message="Replaced by the next run of its schedule.")
    return False


def _refused(turn: Turn, error: StudiumError, now: datetime) -> bool:
    """The plan or the queue said no: tried again as often as the schedule allows, then given up with the reason."""
    if turn.tries < turn.schedule.retries:
        return bool(
            Turn.objects.filter(pk=turn.pk, state=TurnState.DUE, tries=turn.tries).update(
                tries=turn.tries + 1, try_at=now + RETRY_AFTER * 2**turn.tries, message=error.message[:300]
            )
        )
    return _move(turn, TurnState.FAILED, now=now, message=f"{error.message} {error.next_step}"[:300])


def _move(turn: Turn, to: TurnState, *, now: datetime, message: str = "", **changes: object) -> bool:
    """Move a row by compare-and-set, with an event; False when somebody else did."""
    state = TurnState(turn.state)
    assert to in TURN_MOVES[state], (state, to)
    if to not in TURN_LIVE:
        changes["ended_at"] = now
    with transaction.atomic():
        if not Turn.objects.filter(pk=turn.pk, state=state, tries=turn.tries).update(
            state=to, message=message[:300], **changes
        ):
            return False
        notebook = turn.schedule.notebook
        record(
            f"schedule.{to}", subject=("notebook", notebook.pk), team_id=notebook.team_id, now=now,
            data={"schedule": turn.schedule_id, "due": turn.due_at.isoformat()},
        )  # fmt: skip
        if to == TurnState.FAILED:
            tell_of_run(turn.schedule.created_by, notebook, _page_of(turn), message, now=now)
    return True


def _page_of(turn: Turn) -> str:
    """Where the run of a turn is to be looked at, from the notebook's page on."""
    return f"versions/{turn.version.number}/" if turn.version else "schedules/"


def see_ended(now: datetime) -> int:
    """Take note of runs that have ended: done, failed, or to be tried again; returns how many."""
    rows = Turn.objects.filter(state=TurnState.RUNNING).exclude(version__settled_at=None, version__isnull=False)
    done = 0
    for turn in rows.select_related("schedule__notebook", "version__run")[:100]:
        run = turn.version.run if turn.version else None
        if run is not None and run.state != State.ENDED:
            continue
        ending = ENDINGS[Reason(run.reason)] if run else None
        if ending and ending.outcome == Outcome.GOOD:
            done += _move(turn, TurnState.DONE, now=now)
        elif run and ending and ending.outcome == Outcome.BAD and turn.tries <= turn.schedule.retries:
            wait = RETRY_AFTER * 2 ** (turn.tries - 1)
            done += _move(turn, TurnState.DUE, now=now, message=how_it_ended(run), try_at=now + wait)
        else:
            words = how_it_ended(run) if run else "Its version is gone."
            done += _move(turn, TurnState.FAILED, now=now, message=words)
    return done


def tell(now: datetime) -> int:
    """Send the e-mails that are due; returns how many. A mail that cannot be sent is tried again for a day."""
    rows = Turn.objects.filter(told_at=None, ended_at__gt=now - timedelta(days=1)).exclude(state__in=TURN_LIVE)
    sent = 0
    for turn in rows.select_related("schedule__notebook__team", "schedule__created_by", "version")[:50]:
        notify = Notify(turn.schedule.notify)
        wanted = notify == Notify.ALWAYS or (notify == Notify.FAILURE and turn.state == TurnState.FAILED)
        # Marked first: a crash after it loses a mail, one before it would send it again and again.
        if not Turn.objects.filter(pk=turn.pk, told_at=None).update(told_at=now) or not wanted:
            continue
        try:
            _mail(turn)
            sent += 1
        except OSError as error:
            log.warning("schedule_mail_failed", turn=turn.pk, error=str(error))
            Turn.objects.filter(pk=turn.pk).update(told_at=None)
    return sent


def _mail(turn: Turn) -> None:
    notebook, person = turn.schedule.notebook, turn.schedule.created_by
    went = {TurnState.DONE: "finished", TurnState.FAILED: "failed"}.get(TurnState(turn.state), "was skipped")
    page = f"{options().platform_url}/notebooks/{notebook.team.slug}/{notebook.slug}/{_page_of(turn)}"
    body = f"The scheduled run of {notebook.title}, due {turn.due_at:%Y-%m-%d %H:%M} UTC, {went}.\n{turn.message}\n\n{page}\n"
    send_mail(f"{notebook.title}: scheduled run {went}", body, None, [person.email])


def keep_last(now: datetime) -> int:
    """Delete the older versions that a schedule made beyond those it is to keep; pinned ones stay. Returns how many."""
    done = 0
    shown = manifests_shown()
    for schedule in Schedule.objects.exclude(keep_last=None).filter(deleted_at=None).select_related("notebook"):
        made = Version.objects.filter(turns__schedule=schedule, pinned=False).exclude(settled_at=None)
        made = made.exclude(kept_for_others()).exclude(files__in=shown)
        for version in (
            made.exclude(volume_deleted_at=None).order_by("-number").distinct()[schedule.keep_last or 0 :][:50]
        ):
            versions.delete_version(None, version, now=now)
            done += 1
    return done
