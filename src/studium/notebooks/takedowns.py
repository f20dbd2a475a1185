"""An administrator takes a public notebook down, and puts it back. Copies that others made of it are not touched."""

from datetime import datetime

from django.db import transaction

from studium.accounts.access import operator
from studium.accounts.models import User
from studium.accounts.states import Role
from studium.community.notifications.actions import tell
from studium.community.reports.actions import decide_all
from studium.community.states import REASON_LENGTH, ReportState, Told
from studium.errors import BadInput
from studium.events.actions import record
from studium.notebooks.models import Notebook
from studium.notebooks.subjects import KIND, subject_of


@transaction.atomic
def take_down(actor: User, notebook: Notebook, reason: str, *, now: datetime) -> Notebook:
    """Let only its team read it from now on; they are told why, and open reports of it are upheld. Repeatable.

    Raises BadInput without a reason.
    """
    operator(actor)
    reason = " ".join(reason.split())[:REASON_LENGTH]
    if not reason:
        raise BadInput("takedown.no_reason", "Say why; its team is told.", "Write a sentence.")
    fields = {"taken_down_at": now, "taken_down_reason": reason}
    if Notebook.objects.filter(pk=notebook.pk, taken_down_at=None).update(**fields):
        _told(Told.TAKEN_DOWN, notebook, reason, now)
        _recorded("notebook.taken_down", actor, notebook, reason, now)
    decide_all(actor, KIND, notebook.pk, ReportState.UPHELD, reason, now=now)
    notebook.refresh_from_db()
    return notebook


@transaction.atomic
def put_back(actor: User, notebook: Notebook, *, now: datetime) -> Notebook:
    """Let its visibility count again. Repeatable."""
    operator(actor)
    rows = Notebook.objects.filter(pk=notebook.pk).exclude(taken_down_at=None)
    if rows.update(taken_down_at=None, taken_down_reason=""):
        _told(Told.PUT_BACK, notebook, "", now)
        _recorded("notebook.put_back", actor, notebook, "", now)
    notebook.refresh_from_db()
    return notebook


def _told(kind: Told, notebook: Notebook, reason: str, now: datetime) -> None:
    """Its maker and the owners and admins of its team; not by whom, for that is the installation's business."""
    subject = subject_of(notebook)
    leading = User.objects.filter(
        memberships__team=notebook.team, memberships__role__in=[Role.OWNER.value, Role.ADMIN.value]
    )
    people = {person.pk: person for person in [*leading, notebook.created_by]}
    tell([p for p in people.values() if subject.readable_by(p)], kind, subject.about(), now=now, words=reason)


def _recorded(kind: str, actor: User, notebook: Notebook, reason: str, now: datetime) -> None:
    data = {"title": notebook.title, "message": reason}
    record(kind, subject=(KIND, notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
