"""Every change people make to comments, votes, bookmarks and their own page. The actor comes first.

The caller fetched the subject as the actor: who may read it may write under it.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction

from studium.accounts.models import User
from studium.community import errors
from studium.community.access import COMMENT, About, Subject, require_moderator
from studium.community.models import Bookmark, Comment, Notification, Profile, Vote
from studium.community.notifications.actions import tell, tell_of_vote, untell_of_votes
from studium.community.queries import comment_of
from studium.community.reports.actions import decide_all
from studium.community.states import (
    BIO_LENGTH,
    COMMENT_LENGTH,
    COMMENTS_A_DAY,
    COMMENTS_A_MINUTE,
    LINK_LENGTH,
    MAILED_AT_FIRST,
    MOST_MENTIONS,
    REASON_LENGTH,
    ReportState,
    Told,
)
from studium.community.writing import mentioned
from studium.errors import BadInput
from studium.events.actions import record


def comment(actor: User, subject: Subject, text: str, *, now: datetime, parent: int | None = None) -> Comment:
    """Say something under the subject, or answer a comment of it. Raises BadInput, NotFound, Refused, NotYet."""
    text = _text(text)
    with transaction.atomic():
        _not_too_fast(actor, now)
        before = comment_of(subject, parent) if parent is not None else None
        if before is not None and before.deleted_at:
            raise errors.unknown_comment()
        if before is not None and before.hidden_at:
            raise errors.is_hidden()
        made = Comment.objects.create(
            subject_kind=subject.kind,
            subject_id=subject.id,
            root_id=(before.root_id or before.pk) if before else None,
            parent=before,
            author=actor,
            text=text,
            created_at=now,
        )
        _tell_of_comment(made, subject, before, now)
        _recorded("comment.made", actor, subject, made, now)
    return made


def _not_too_fast(actor: User, now: datetime) -> None:
    # Without the key: what others write at this moment refers to this row.
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    mine = Comment.objects.filter(author=actor)
    if mine.filter(created_at__gt=now - timedelta(minutes=1)).count() >= COMMENTS_A_MINUTE:
        raise errors.too_fast("comments", COMMENTS_A_MINUTE, "a minute")
    if mine.filter(created_at__gt=now - timedelta(days=1)).count() >= COMMENTS_A_DAY:
        raise errors.too_fast("comments", COMMENTS_A_DAY, "a day")


def _text(text: str) -> str:
    """What is kept of what was typed. Raises BadInput."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise errors.no_text()
    if len(text) > COMMENT_LENGTH:
        raise errors.too_long(len(text))
    return checked(text)


def checked(text: str) -> str:
    """The text. Raises BadInput for characters that no text has: they could write anything anywhere on a terminal."""
    if any(ord(char) < 32 and char not in "\n\t" for char in text) or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise BadInput("text.control", "The text holds control characters.", "Type it, or paste it as plain text.")
    return text


def _tell_of_comment(made: Comment, subject: Subject, before: Comment | None, now: datetime) -> None:
    """Each person once: as who is answered, else as who is mentioned, else as whose subject it is."""
    told = {made.author_id}
    people = [(Told.REPLY, [before.author] if before else []), (Told.MENTION, _mentioned(made.text, subject, ""))]
    for kind, whom in [*people, (Told.COMMENT, [subject.owner])]:
        fresh = [person for person in whom if person.pk not in told and subject.readable_by(person)]
        told |= {person.pk for person in fresh}
        tell(fresh, kind, subject.about(below(made)), now=now, actor=made.author)


def _mentioned(text: str, subject: Subject, earlier: str) -> list[User]:
    """Whom the text mentions and the earlier one did not, so many at most, of those who may read it."""
    names = [name for name in mentioned(text) if name not in mentioned(earlier)][:MOST_MENTIONS]
    return [user for user in User.objects.filter(username__in=names, is_active=True) if subject.readable_by(user)]


def below(row: Comment) -> str:
    """Where a comment is, from its subject's page on."""
    return f"comments/{row.pk}/#c-{row.pk}"


def edit(actor: User, subject: Subject, comment_id: int, text: str, *, now: datetime) -> Comment:
    """Say it otherwise; people it did not mention before are told. Raises Forbidden for others than its author."""
    text, row = _text(text), _mine(actor, subject, comment_id)
    if row.hidden_at:
        raise errors.is_hidden()
    with transaction.atomic():
        if not Comment.objects.filter(pk=row.pk, deleted_at=None, hidden_at=None).update(text=text, edited_at=now):
            raise errors.unknown_comment()
        fresh = _mentioned(text, subject, row.text)
        tell(fresh, Told.MENTION, subject.about(below(row)), now=now, actor=actor)
        _recorded("comment.edited", actor, subject, row, now)
    row.refresh_from_db()
    return row


def _mine(actor: User, subject: Subject, comment_id: int) -> Comment:
    row = comment_of(subject, comment_id)
    if row.author_id != actor.pk:
        raise errors.not_author()
    if row.deleted_at:
        raise errors.unknown_comment()
    return row


@transaction.atomic
def delete(actor: User, subject: Subject, comment_id: int, *, now: datetime) -> None:
    """Take one's own words back; where they were answered, that they were is all that stays."""
    row = _mine(actor, subject, comment_id)
    Comment.objects.filter(pk=row.pk, deleted_at=None).update(text="", deleted_at=now)
    Vote.objects.filter(subject_kind=COMMENT, subject_id=str(row.pk)).delete()
    about = subject.about(below(row))
    Notification.objects.filter(
        subject_kind=subject.kind, subject_id=subject.id, path=about.path, read_at=None
    ).delete()
    _recorded("comment.deleted", actor, subject, row, now)


@transaction.atomic
def hide(actor: User, subject: Subject, comment_id: int, reason: str, *, now: datetime) -> Comment:
    """Show the comment to its author and to moderators alone; the author is told why. Repeatable."""
    require_moderator(actor, subject)
    row, reason = comment_of(subject, comment_id), checked(" ".join(reason.split())[:REASON_LENGTH])
    if row.deleted_at:
        raise errors.unknown_comment()
    fields = {"hidden_at": now, "hidden_by": actor, "hidden_reason": reason}
    if Comment.objects.filter(pk=row.pk, hidden_at=None).update(**fields):
        if subject.readable_by(row.author):
            tell([row.author], Told.HIDDEN, subject.about(below(row)), now=now, actor=actor, words=reason)
        _recorded("comment.hidden", actor, subject, row, now, reason)
    row.refresh_from_db()
    return row


@transaction.atomic
def unhide(actor: User, subject: Subject, comment_id: int, *, now: datetime) -> Comment:
    """Show it to everybody again. Repeatable."""
    require_moderator(actor, subject)
    row = comment_of(subject, comment_id)
    fields = {"hidden_at": None, "hidden_by": None, "hidden_reason": ""}
    if Comment.objects.filter(pk=row.pk).exclude(hidden_at=None).update(**fields):
        _recorded("comment.shown", actor, subject, row, now)
    row.refresh_from_db()
    return row


def vote(actor: User, subject: Subject, *, now: datetime, comment_id: int | None = None) -> None:
    """Vote for the subject, or for a comment of it. Repeatable. Raises Refused for one's own."""
    row = comment_of(subject, comment_id) if comment_id is not None else None
    if row is not None and (row.deleted_at or row.hidden_at):
        raise errors.unknown_comment()
    owner = row.author if row else subject.owner
    if owner.pk == actor.pk:
        raise errors.own("vote.own", "vote for what is your own")
    kind, key = (COMMENT, str(row.pk)) if row else (subject.kind, subject.id)
    with transaction.atomic():
        _, made = Vote.objects.get_or_create(
            user=actor, subject_kind=kind, subject_id=key, defaults={"created_at": now}
        )
        if made and subject.readable_by(owner):
            tell_of_vote(owner, _voted(subject, row), actor=actor, now=now)


def unvote(actor: User, subject: Subject, *, comment_id: int | None = None) -> None:
    """Take the vote back. Repeatable."""
    row = comment_of(subject, comment_id) if comment_id is not None else None
    about = _voted(subject, row)
    with transaction.atomic():
        if Vote.objects.filter(user=actor, subject_kind=about.kind, subject_id=about.id).delete()[0]:
            untell_of_votes(row.author if row else subject.owner, about)


def _voted(subject: Subject, row: Comment | None) -> About:
    about = subject.about(below(row) if row else "")
    return replace(about, kind=COMMENT, id=str(row.pk)) if row else about


def bookmark(actor: User, subject: Subject, *, now: datetime) -> None:
    """Remember the subject. Repeatable."""
    Bookmark.objects.get_or_create(
        user=actor, subject_kind=subject.kind, subject_id=subject.id, defaults={"created_at": now}
    )


def unbookmark(actor: User, kind: str, subject_id: str) -> None:
    """Remember it no more, whether or not it may still be read. Repeatable."""
    Bookmark.objects.filter(user=actor, subject_kind=kind, subject_id=subject_id).delete()


def save_profile(
    actor: User, *, bio: str | None = None, link: str | None = None, mailed: Iterable[Told] | None = None
) -> Profile:
    """Change what is given of the person's own page, or of what they want e-mail. Raises BadInput."""
    changes: dict[str, object] = {}
    if bio is not None:
        changes["bio"] = _bio(bio)
    if link is not None:
        changes["link"] = _link(link)
    if mailed is not None:
        changes["mailed"] = sorted({str(kind) for kind in mailed})
    first = {"mailed": sorted(MAILED_AT_FIRST)}
    return Profile.objects.update_or_create(user=actor, defaults=changes, create_defaults=first | changes)[0]


def _bio(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > BIO_LENGTH:
        raise BadInput("profile.bio", f"At most {BIO_LENGTH:,} characters about yourself.", "Shorten it.")
    return checked(text)


def _link(link: str) -> str:
    link = link.strip()
    try:
        parts = urlsplit(checked(link))
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in link)
    except ValueError:
        good = False
    if link and not (good and len(link) <= LINK_LENGTH):
        raise errors.bad_link()
    return link


@transaction.atomic
def forget(kind: str, subject_id: str, *, now: datetime) -> None:
    """Delete what was said and done about a subject that is deleted itself. What was reported is left as it is."""
    said = Comment.objects.filter(subject_kind=kind, subject_id=subject_id)
    keys = [str(pk) for pk in said.values_list("pk", flat=True)]
    for rows in (Vote.objects, Notification.objects):
        rows.filter(subject_kind=kind, subject_id=subject_id).delete()
        for first in range(0, len(keys), 500):
            rows.filter(subject_kind=COMMENT, subject_id__in=keys[first : first + 500]).delete()
    Bookmark.objects.filter(subject_kind=kind, subject_id=subject_id).delete()
    said.delete()
    decide_all(None, kind, subject_id, ReportState.DISMISSED, "It was deleted.", now=now)


def _recorded(kind: str, actor: User, subject: Subject, row: Comment, now: datetime, message: str = "") -> None:
    data: dict[str, object] = {"comment": row.pk} | ({"message": message} if message else {})
    record(kind, subject=(subject.kind, subject.id), actor=actor, team_id=subject.team.pk, now=now, data=data)
