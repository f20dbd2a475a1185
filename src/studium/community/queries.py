"""Reads of what people say and do. Counts are counted: no row keeps one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    Window,
)  # fmt: skip
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, RowNumber

from studium.accounts.models import User
from studium.community.access import COMMENT, Subject
from studium.community.errors import unknown_comment
from studium.community.models import Bookmark, Comment, Profile, Vote
from studium.community.states import MAILED_AT_FIRST, REPLIES_SHOWN, Told
from studium.errors import NotFound

Sort = Literal["new", "top"]
SHOWN = Q(deleted_at=None, hidden_at=None)
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Of one subject: how many voted and commented, and what the one who asks has done."""

    votes: int = 0
    comments: int = 0
    voted: bool = False
    bookmarked: bool = False


def tallies(user: User, kind: str, ids: Iterable[str]) -> dict[str, Tally]:
    """The tally of each of these; four queries however many there are."""
    wanted = list(ids)
    if not wanted:
        return {}
    counts = favour(kind, wanted)
    voted, marked = (
        set(rows.filter(user=user, subject_kind=kind, subject_id__in=wanted).values_list("subject_id", flat=True))
        for rows in (Vote.objects, Bookmark.objects)
    )
    return {
        key: Tally(votes=votes, comments=comments, voted=key in voted, bookmarked=key in marked)
        for key, (votes, comments) in counts.items()
    }


def favour(kind: str, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many voted for each of these, and commented; two queries."""
    wanted = list(ids)
    votes, comments = _counted(Vote.objects.all(), kind, wanted), _counted(Comment.objects.filter(SHOWN), kind, wanted)
    return {key: (votes.get(key, 0), comments.get(key, 0)) for key in wanted}


def comment_votes(user: User, rows: Iterable[Comment]) -> dict[int, tuple[int, bool]]:
    """Of each comment how many voted for it, and whether this person did; two queries."""
    keys = [str(row.pk) for row in rows]
    counts = _counted(Vote.objects.all(), COMMENT, keys)
    mine = Vote.objects.filter(user=user, subject_kind=COMMENT, subject_id__in=keys).values_list(
        "subject_id", flat=True
    )
    voted = set(mine)
    return {int(key): (counts.get(key, 0), key in voted) for key in keys}


def tally(user: User, subject: Subject) -> Tally:
    return tallies(user, subject.kind, [subject.id])[subject.id]


def _counted(rows: "QuerySet[Vote] | QuerySet[Comment]", kind: str, ids: list[str]) -> dict[str, int]:
    found = rows.filter(subject_kind=kind, subject_id__in=ids).order_by().values("subject_id").annotate(n=Count("pk"))
    return dict(found.values_list("subject_id", "n"))


def vote_count(kind: str, key: str | Combinable = "pk") -> Coalesce:
    """The votes for each row of another table, to order by; `key` is what names the subject there."""
    return _count_beside(Vote.objects.all(), kind, key)


def comment_count(kind: str, key: str | Combinable = "pk") -> Coalesce:
    """As `vote_count`, the comments that are shown."""
    return _count_beside(Comment.objects.filter(SHOWN), kind, key)


def _count_beside(rows: "QuerySet[Vote] | QuerySet[Comment]", kind: str, key: str | Combinable) -> Coalesce:
    beside = rows.filter(subject_kind=kind, subject_id=OuterRef(key) if isinstance(key, str) else key).order_by()
    counted = beside.values("subject_kind").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def comment_of(subject: Subject, comment_id: int) -> Comment:
    """One comment of the subject, deleted and hidden ones too. Raises NotFound."""
    rows = Comment.objects.filter(subject_kind=subject.kind, subject_id=subject.id).select_related(
        "author", "hidden_by"
    )
    found = rows.filter(pk=comment_id).first() if 0 < comment_id <= _LARGEST_ID else None
    if found is None:
        raise unknown_comment()
    return found


def comments_of(subject: Subject) -> QuerySet[Comment]:
    """All comments of the subject that are not deleted, to be ordered by the caller."""
    rows = Comment.objects.filter(subject_kind=subject.kind, subject_id=subject.id, deleted_at=None)
    return rows.select_related("author", "hidden_by")


def threads_of(subject: Subject) -> QuerySet[Comment]:
    """The first comments of the subject's threads, to be ordered by the caller; `votes` is what each has.

    A deleted one is among them while it has an answer that is not.
    """
    answered = Exists(Comment.objects.filter(root=OuterRef("pk"), deleted_at=None))
    rows = Comment.objects.filter(subject_kind=subject.kind, subject_id=subject.id, root=None)
    rows = rows.filter(Q(deleted_at=None) | answered).select_related("author", "hidden_by")
    return rows.annotate(votes=vote_count(COMMENT, Cast(OuterRef("pk"), CharField())))


def replies_to(threads: Iterable[Comment], *, most: int = REPLIES_SHOWN) -> list[Comment]:
    """The first `most` replies of each thread, deleted ones among them, in the order they were made; one query."""
    nth = Window(RowNumber(), partition_by=F("root_id"), order_by=F("pk").asc())
    rows = Comment.objects.filter(root__in=[row.pk for row in threads]).annotate(nth=nth).filter(nth__lte=most)
    return list(rows.select_related("author", "hidden_by").order_by("pk"))


def reply_counts(threads: Iterable[Comment]) -> dict[int, int]:
    """How many replies each thread has that are not deleted."""
    rows = Comment.objects.filter(root__in=[row.pk for row in threads], deleted_at=None).order_by()
    return dict(rows.values("root_id").annotate(n=Count("pk")).values_list("root_id", "n"))


def people_named(names: Iterable[str]) -> frozenset[str]:
    """Which of these names are people's that have a page."""
    wanted = set(names)
    if not wanted:
        return frozenset()
    return frozenset(User.objects.filter(username__in=wanted, is_active=True).values_list("username", flat=True))


def person_named(name: str) -> User:
    """Whose page is asked for. Raises NotFound, also for those who are deactivated."""
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise NotFound("person.unknown", f"There is nobody called {name!r} here.", "Check the name.")
    return found


def profile_of(person: User) -> Profile:
    """What they say of themselves; where they never saved it, what that means."""
    return Profile.objects.filter(user=person).first() or Profile(user=person, mailed=sorted(MAILED_AT_FIRST))


def mailed(person: User) -> frozenset[Told]:
    """The kinds of notification that they are sent e-mail of."""
    return frozenset(Told(kind) for kind in profile_of(person).mailed if kind in set(Told))


def bookmarks_of(person: User, *kinds: str) -> QuerySet[Bookmark]:
    """What of these kinds they marked, to be ordered by the caller, also what they may no longer read."""
    return Bookmark.objects.filter(user=person, subject_kind__in=kinds)


def latest_by(person: User, kind: str, subject_ids: QuerySet[Any, Any], *, most: int) -> list[Comment]:
    """Their newest comments on these subjects, none that is deleted or hidden."""
    rows = Comment.objects.filter(SHOWN, author=person, subject_kind=kind, subject_id__in=subject_ids)
    return list(rows.order_by("-pk")[:most])


def comment_total(person: User, kind: str, subject_ids: QuerySet[Any, Any]) -> int:
    """How many of their comments on these subjects are shown."""
    return Comment.objects.filter(SHOWN, author=person, subject_kind=kind, subject_id__in=subject_ids).count()
