"""Reads of reports, for administrators."""

from django.db.models import QuerySet

from studium.community.models import Report
from studium.community.states import ReportState


def reports(*, only_open: bool) -> QuerySet[Report]:
    """The reports, to be ordered by the caller."""
    rows = Report.objects.select_related("reporter", "decided_by")
    return rows.filter(state=ReportState.OPEN) if only_open else rows


def open_reports() -> int:
    """How many wait for a decision."""
    return Report.objects.filter(state=ReportState.OPEN).count()
