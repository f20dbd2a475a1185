"""Report, dismiss, uphold. The actor comes first; what is taken down is the business of who owns the subject's table."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from studium.accounts.access import operator, role_in
from studium.accounts.models import User
from studium.community import errors
from studium.community.access import About, Subject
from studium.community.models import Report
from studium.community.notifications.actions import tell
from studium.community.states import (
    REASON_LENGTH,
    REPORT_LENGTH,
    REPORT_MOVES,
    REPORTS_A_DAY,
    WHY_WORDS,
    ReportState,
    Told,
    Why,
)
from studium.errors import BadInput, NotFound
from studium.events.actions import record

# Where administrators decide.
REPORTS = "/admin/reports/"


def report(actor: User, subject: Subject, why: Why, text: str, *, now: datetime) -> Report:
    """Tell the administrators, each by a notification, that something public should not be. Raises Refused, NotYet, BadInput."""
    if not subject.public:
        raise errors.not_public()
    if role_in(actor, subject.team) is not None:
        raise errors.own("report.own", "report what is your own team's")
    text = text.strip()
    if len(text) > REPORT_LENGTH:
        raise BadInput("report.too_long", f"A report has at most {REPORT_LENGTH:,} characters.", "Shorten it.")
    if why == Why.OTHER and not text:
        raise BadInput("report.no_reason", "Say what is wrong with it.", "Write a sentence or two.")
    about = subject.about()
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # what follows counts
        if Report.objects.filter(reporter=actor, created_at__gt=now - timedelta(days=1)).count() >= REPORTS_A_DAY:
            raise errors.too_fast("reports", REPORTS_A_DAY, "a day")
        fields = {"title": about.title, "path": about.path, "why": why, "text": text, "created_at": now}
        try:
            with transaction.atomic():
                made = Report.objects.create(subject_kind=about.kind, subject_id=about.id, reporter=actor, **fields)
        except IntegrityError:
            raise errors.reported_already() from None
        record(
            "report.made", subject=(about.kind, about.id), actor=actor, now=now, data={"report": made.pk, "why": why}
        )
        operators = User.objects.filter(is_staff=True, is_active=True)
        tell(operators, Told.REPORTED, replace(about, path=REPORTS), now=now, actor=actor, words=WHY_WORDS[why])
    return made


def dismiss(actor: User, report_id: str, answer: str, *, now: datetime) -> Report:
    """Leave the subject where it is; the reporter is told. Raises NotFound, Refused for one that is decided."""
    operator(actor)
    found = Report.objects.filter(pk=report_id).select_related("reporter", "decided_by").first()
    if found is None:
        raise NotFound("report.unknown", "There is no such report.", "`studium admin reports` lists them.")
    with transaction.atomic():
        move(found, ReportState.DISMISSED, actor=actor, answer=answer, now=now)
    return found


def decide_all(actor: User | None, kind: str, subject_id: str, to: ReportState, answer: str, *, now: datetime) -> int:
    """Decide all open reports of a subject alike, within the caller's transaction; returns how many."""
    rows = Report.objects.filter(subject_kind=kind, subject_id=subject_id, state=ReportState.OPEN)
    found = list(rows.select_related("reporter"))
    for each in found:
        move(each, to, actor=actor, answer=answer, now=now)
    return len(found)


def move(row: Report, to: ReportState, *, actor: User | None, answer: str, now: datetime) -> None:
    """Move a report by compare-and-set, with an event, and tell who made it. Raises Refused where there is no such move."""
    state = ReportState(row.state)
    answer = answer.strip()[:REASON_LENGTH]
    changes = {"state": to, "decided_at": now, "decided_by": actor, "answer": answer}
    if to not in REPORT_MOVES[state] or not Report.objects.filter(pk=row.pk, state=state).update(**changes):
        row.refresh_from_db()
        raise errors.decided_already(row.state)
    record(
        f"report.{to}", subject=(row.subject_kind, row.subject_id), actor=actor, now=now,
        data={"report": row.pk, "message": answer},
    )  # fmt: skip
    about = About(kind=row.subject_kind, id=row.subject_id, title=row.title, path=row.path)
    kind = Told.REPORT_UPHELD if to == ReportState.UPHELD else Told.REPORT_DISMISSED
    tell([row.reporter], kind, about, now=now, words=answer)
    row.refresh_from_db()
