"""Finding datasets: what may be asked for, in which order, and what counts as a download."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from studium.accounts.models import Team, User
from studium.community.queries import vote_count
from studium.datasets.models import Dataset, DatasetDownload, DatasetVersion
from studium.datasets.queries import listed
from studium.datasets.subjects import KIND


class Order(StrEnum):
    """What comes first. `trending`: most votes, downloads and uses lately."""

    CHANGED = "changed"
    NEW = "new"
    TRENDING = "trending"
    VOTES = "votes"
    DOWNLOADS = "downloads"
    SIZE = "size"


FIELDS = {
    Order.CHANGED: "changed_at",
    Order.NEW: "created_at",
    Order.TRENDING: "trend_cache",
    Order.VOTES: "votes",
    Order.DOWNLOADS: "downloads",
    Order.SIZE: "size_or_nothing",
}
"""By which field of what `found` gives the rows are put in order, the largest first."""


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What a dataset is to be like; what is empty asks for nothing. Sizes are bytes of the newest version, `days` since a
    change, `ending` that of a file's name."""

    words: str = ""
    tag: str = ""
    licence: str = ""
    ending: str = ""
    smallest: int | None = None
    largest: int | None = None
    days: int | None = None
    votes: int | None = None
    by: str = ""


def found(user: User, view: str, sought: Sought, *, now: datetime, team: Team | None = None) -> QuerySet[Dataset]:
    """Datasets the user may read, as `listed` has them, each with `votes` and `downloads`; to be ordered by the caller."""
    rows = listed(user, view, search=sought.words, tag=sought.tag, team=team)
    last = DatasetVersion.objects.filter(dataset=OuterRef("pk"), deleted_at=None).order_by("-number")
    rows = rows.annotate(votes=vote_count(KIND), downloads=_downloads(), size_or_nothing=Coalesce("bytes", Value(0)))
    if sought.licence:
        rows = rows.filter(licence__iexact=sought.licence)
    if sought.ending:
        ending = sought.ending.strip().lower().removeprefix("*").removeprefix(".")
        rows = rows.alias(endings=Subquery(last.values("endings")[:1])).filter(endings__contains=f" {ending} ")
    if sought.smallest is not None:
        rows = rows.filter(size_or_nothing__gte=sought.smallest)
    if sought.largest is not None:
        rows = rows.filter(Exists(last), size_or_nothing__lte=sought.largest)
    if sought.days is not None:
        rows = rows.filter(changed_at__gte=now - timedelta(days=sought.days))
    if sought.votes is not None:
        rows = rows.filter(votes__gte=sought.votes)
    if sought.by:
        rows = rows.filter(created_by__username=sought.by)
    return rows


def _downloads() -> Coalesce:
    beside = DatasetDownload.objects.filter(dataset=OuterRef("pk")).order_by().values("dataset")
    counted = beside.annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def downloads(datasets: Iterable[Dataset]) -> dict[str, int]:
    """How often each was downloaded, by its id: by each person once a day; one query."""
    rows = DatasetDownload.objects.filter(dataset__in=[each.pk for each in datasets]).order_by()
    return dict(rows.values("dataset").annotate(n=Count("pk")).values_list("dataset", "n"))


def note_download(user: User, dataset: Dataset, *, now: datetime) -> None:
    """The user takes files of it. However many files and parts of them, a person counts once a day (UTC)."""
    row = {"dataset": dataset, "user": user, "day": now.date()}
    if not DatasetDownload.objects.filter(**row).exists():
        DatasetDownload.objects.bulk_create([DatasetDownload(**row)], ignore_conflicts=True)


def begins_a_download(method: str | None, said: str, size: int) -> bool:
    """Whether a request takes a file from its beginning to its end; `said` is its Range. Looking into it is none, nor is going on.

    A tool that takes parts side by side begins with one that has no end.
    """
    if method != "GET":
        return False
    first, _, last = said.strip().removeprefix("bytes=").partition("-")
    return not said or (first == "0" and (not last or (last.isdigit() and int(last) >= size - 1)))
