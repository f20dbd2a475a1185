"""An administrator takes a public dataset down, and puts it back. Runs that read it go on to their end; none start with it
but those of who may still read it."""

from datetime import datetime

from django.db import transaction

from studium.accounts.access import operator
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.community.notifications.actions import tell
from studium.community.reports.actions import decide_all
from studium.community.states import REASON_LENGTH, ReportState, Told
from studium.datasets.models import Dataset
from studium.datasets.subjects import KIND, subject_of
from studium.errors import BadInput
from studium.events.actions import record


@transaction.atomic
def take_down(actor: User, dataset: Dataset, reason: str, *, now: datetime) -> Dataset:
    """Let only its team and those it is shared with read it from now on; they are told why, and open reports of it are upheld.
    Repeatable. Raises BadInput without a reason.
    """
    operator(actor)
    reason = " ".join(reason.split())[:REASON_LENGTH]
    if not reason:
        raise BadInput("takedown.no_reason", "Say why; its team is told.", "Write a sentence.")
    fields = {"taken_down_at": now, "taken_down_reason": reason}
    if Dataset.objects.filter(pk=dataset.pk, taken_down_at=None).update(**fields):
        _told(Told.TAKEN_DOWN, dataset, reason, now)
        _recorded("dataset.taken_down", actor, dataset, reason, now)
    decide_all(actor, KIND, dataset.pk, ReportState.UPHELD, reason, now=now)
    dataset.refresh_from_db()
    return dataset


@transaction.atomic
def put_back(actor: User, dataset: Dataset, *, now: datetime) -> Dataset:
    """Let its visibility count again. Repeatable."""
    operator(actor)
    rows = Dataset.objects.filter(pk=dataset.pk).exclude(taken_down_at=None)
    if rows.update(taken_down_at=None, taken_down_reason=""):
        _told(Told.PUT_BACK, dataset, "", now)
        _recorded("dataset.put_back", actor, dataset, "", now)
    dataset.refresh_from_db()
    return dataset


def _told(kind: Told, dataset: Dataset, reason: str, now: datetime) -> None:
    """Its maker and the owners and admins of its team; not by whom, for that is the installation's business."""
    subject = subject_of(dataset)
    leading = User.objects.filter(
        memberships__team=dataset.team, memberships__role__in=[Role.OWNER.value, Role.ADMIN.value]
    )
    people = {person.pk: person for person in [*leading, dataset.created_by]}
    tell([p for p in people.values() if subject.readable_by(p)], kind, subject.about(), now=now, words=reason)


def _recorded(kind: str, actor: User, dataset: Dataset, reason: str, now: datetime) -> None:
    data = {"title": dataset.title, "message": reason}
    record(kind, subject=(KIND, dataset.pk), actor=actor, team_id=dataset.team_id, now=now, data=data)
