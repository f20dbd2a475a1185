"""Tell people, within the transaction of what they are told of; and what they do with it. The person comes first."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from studium.accounts.models import User
from studium.community.access import About
from studium.community.models import Notification, Profile, Vote
from studium.community.states import MAILED_AT_FIRST, Told
from studium.errors import NotFound

# What is read on the page meanwhile is not mailed, and votes come together.
MAIL_AFTER = timedelta(minutes=2)
VOTES_AGAIN = timedelta(days=1)


def tell(
    people: Iterable[User], kind: Told, about: About, *, now: datetime, actor: User | None = None, words: str = ""
) -> None:
    """One notification for each of the people but the actor and those who are deactivated. The caller knows that they
    may read what it is about, and has opened the transaction.
    """
    told = {p.pk: p for p in people if p.is_active and (actor is None or p.pk != actor.pk)}
    mailed = _who_is_mailed(told, kind)
    Notification.objects.bulk_create(
        Notification(
            user=person,
            kind=kind,
            subject_kind=about.kind,
            subject_id=about.id,
            title=about.title,
            path=about.path,
            words=words[:300],
            actor=actor,
            since=now,
            at=now,
            mail_at=now + MAIL_AFTER if pk in mailed else None,
        )
        for pk, person in told.items()
    )


def _who_is_mailed(people: Iterable[int], kind: Told) -> set[int]:
    chosen = dict(Profile.objects.filter(user__in=list(people)).values_list("user_id", "mailed"))
    return {pk for pk in people if kind in chosen.get(pk, MAILED_AT_FIRST)}


def tell_of_vote(person: User, about: About, *, actor: User, now: datetime) -> None:
    """Tell of a vote, in the row of the votes before it while that is unread. One voter is told of once a day."""
    if not person.is_active or person.pk == actor.pk:
        return
    mine = Notification.objects.filter(user=person, kind=Told.VOTE, subject_kind=about.kind, subject_id=about.id)
    if mine.filter(actor=actor, at__gt=now - VOTES_AGAIN, read_at__isnull=False).exists():
        return
    if mine.filter(read_at=None).update(actor=actor, at=now):
        return
    try:
        with transaction.atomic():
            tell([person], Told.VOTE, about, now=now, actor=actor)
    except IntegrityError:  # another vote came at the same moment
        mine.filter(read_at=None).update(actor=actor, at=now)


def untell_of_votes(person: User, about: About) -> None:
    """Take back what was not read yet when the last of its votes is withdrawn."""
    rows = Notification.objects.filter(user=person, kind=Told.VOTE, subject_kind=about.kind, subject_id=about.id)
    for row in rows.filter(read_at=None):
        since = Vote.objects.filter(subject_kind=about.kind, subject_id=about.id, created_at__gte=row.since)
        if not since.exists():
            row.delete()


def read(person: User, notification_id: int, *, now: datetime) -> Notification:
    """Mark one of the person's own as read. Repeatable. Raises NotFound."""
    found = Notification.objects.filter(pk=notification_id, user=person).first()
    if found is None:
        raise NotFound("notification.unknown", "There is no such notification of yours.", "See your notifications.")
    Notification.objects.filter(pk=found.pk, read_at=None).update(read_at=now, mail_at=None)
    found.refresh_from_db()
    return found


def read_all(person: User, *, now: datetime) -> int:
    """Mark all of the person's as read that were there by now; returns how many."""
    return Notification.objects.filter(user=person, read_at=None, at__lte=now).update(read_at=now, mail_at=None)
