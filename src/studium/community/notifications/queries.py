"""Reads of what people are told."""

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from studium.accounts.models import User
from studium.community.models import Notification, Vote
from studium.community.states import MOST_UNREAD_SHOWN


def unread(person: User) -> int:
    """How many the person has not read, one more than `MOST_UNREAD_SHOWN` at most: a page asks each time it is shown."""
    return Notification.objects.filter(user_id=person.pk, read_at=None)[: MOST_UNREAD_SHOWN + 1].count()


def notifications_of(person: User, *, only_unread: bool = False) -> QuerySet[Notification]:
    """The person's own, to be ordered by the caller; `people` is how many votes one tells of that still stand."""
    votes = Vote.objects.filter(
        subject_kind=OuterRef("subject_kind"), subject_id=OuterRef("subject_id"), created_at__gte=OuterRef("since"),
        created_at__lte=OuterRef("at"),
    )  # fmt: skip
    counted = votes.order_by().values("subject_kind").annotate(n=Count("pk")).values("n")
    rows = Notification.objects.filter(user=person).select_related("actor")
    rows = rows.annotate(people=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
    return rows.filter(read_at=None) if only_unread else rows
