"""Every change people make to schedules. The caller fetched the notebook as the actor with `change=True`."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from studium.accounts.models import User
from studium.compute import actions as compute
from studium.errors import BadInput
from studium.events.actions import record
from studium.notebooks.launching import check_options
from studium.notebooks.models import Notebook, Schedule
from studium.notebooks.schedules.times import check_cron, check_zone, upcoming
from studium.notebooks.states import LaunchKind, Missed, Notify, Overlap, RunOptions
from studium.notebooks.webhooks import actions as webhooks
from studium.notebooks.webhooks.models import Webhook
from studium.plans import checks
from studium.plans import queries as plans

MOST_OF_A_NOTEBOOK, MOST_RETRIES, MOST_KEPT = 10, 5, 1000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a schedule is to be. `keep_last` None keeps every version it makes."""

    cron: str
    zone: str = "UTC"
    machine: str = ""
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    retries: int = 0
    keep_last: int | None = None
    notify: Notify = Notify.FAILURE
    cell_seconds: int | None = None
    keep_going: bool = False

    @property
    def options(self) -> RunOptions:
        return RunOptions(cell_seconds=self.cell_seconds, keep_going=self.keep_going)


def create_schedule(actor: User, notebook: Notebook, wanted: Wanted, *, now: datetime) -> Schedule:
    """Schedule the notebook. Raises BadInput for times that are none, Refused for a machine the plan does not include."""
    fields = _checked(notebook, wanted, now=now)
    with transaction.atomic():
        Notebook.objects.select_for_update().get(pk=notebook.pk)
        if notebook.schedules.filter(deleted_at=None).count() >= MOST_OF_A_NOTEBOOK:
            raise BadInput(
                "schedule.too_many",
                f"A notebook has at most {MOST_OF_A_NOTEBOOK} schedules.",
                "Remove one that is no longer needed.",
            )
        made = Schedule.objects.create(notebook=notebook, created_by=actor, created_at=now, **fields)
        _recorded("schedule.created", actor, made, now=now)
    return made


def change_schedule(actor: User, schedule: Schedule, wanted: Wanted, *, now: datetime) -> Schedule:
    """Make it something else; the actor is who it runs as from now on. A paused one stays paused."""
    fields = _checked(schedule.notebook, wanted, now=now)
    if schedule.paused:
        fields["next_at"] = None
    with transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(**fields, created_by=actor)
        _recorded("schedule.changed", actor, schedule, now=now)
    schedule.refresh_from_db()
    return schedule


def pause(actor: User, schedule: Schedule, *, paused: bool, now: datetime) -> Schedule:
    """Pause, or go on with the next time from now: what passed meanwhile was not missed. It goes on as the actor's."""
    following = None if paused else _next(schedule.cron, schedule.zone, now=now)
    with transaction.atomic():
        maker = schedule.created_by if paused else actor
        Schedule.objects.filter(pk=schedule.pk).update(paused=paused, next_at=following, trouble="", created_by=maker)
        _recorded("schedule.paused" if paused else "schedule.resumed", actor, schedule, now=now)
    schedule.refresh_from_db()
    return schedule


def delete_schedule(actor: User, schedule: Schedule, *, now: datetime) -> None:
    """Remove it with its webhook. Versions it made stay; a run that goes on goes on."""
    with transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk, deleted_at=None).update(deleted_at=now, next_at=None)
        for webhook in Webhook.objects.filter(schedule=schedule):
            webhooks.forget(webhook)
        _recorded("schedule.deleted", actor, schedule, now=now)


def _checked(notebook: Notebook, wanted: Wanted, *, now: datetime) -> dict[str, object]:
    zone = check_zone(wanted.zone)
    cron = check_cron(wanted.cron, zone, now=now)
    machine = compute.find_machine_type(wanted.machine or notebook.machine_type or "cpu-small")
    checks.check_machine(plans.standing(notebook.team, now=now).plan, machine.as_spec())
    if not 0 <= wanted.retries <= MOST_RETRIES:
        raise BadInput("schedule.retries", f"Retries go from 0 to {MOST_RETRIES}.", "Choose a number in that range.")
    if wanted.keep_last is not None and not 1 <= wanted.keep_last <= MOST_KEPT:
        raise BadInput(
            "schedule.keep_last", f"The versions to keep go from 1 to {MOST_KEPT}.", "Leave it empty to keep all."
        )
    return {
        "cron": cron,
        "zone": zone,
        "machine_type": machine.slug,
        "missed": wanted.missed,
        "overlap": wanted.overlap,
        "retries": wanted.retries,
        "keep_last": wanted.keep_last,
        "notify": wanted.notify,
        **asdict(check_options(LaunchKind.VERSION, wanted.options)),
        "next_at": _next(cron, zone, now=now),
    }


def _next(cron: str, zone: str, *, now: datetime) -> datetime | None:
    return next(iter(upcoming(cron, zone, now=now, count=1)), None)


def _recorded(name: str, actor: User | None, schedule: Schedule, *, now: datetime) -> None:
    notebook = schedule.notebook
    data = {"schedule": schedule.pk, "cron": schedule.cron}
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
