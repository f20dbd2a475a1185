"""Comments and votes: who is told of what, what stays of deleted and hidden ones, and how much of it one person may do."""

from datetime import timedelta

import pytest

from factories.accounts import NOW, Cast
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.community import actions, queries
from studium.community.access import Subject
from studium.community.models import Bookmark, Comment, Notification, Vote
from studium.community.states import COMMENT_LENGTH, COMMENTS_A_DAY, COMMENTS_A_MINUTE, Told
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.events.models import Event
from studium.notebooks.actions import delete_notebook
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.notebooks.subjects import subject_of


def told(person: User) -> list[tuple[str, str]]:
    """What the person was told, oldest first: kind, and by whom."""
    rows = Notification.objects.filter(user=person).order_by("pk")
    return [(row.kind, row.actor.username if row.actor else "") for row in rows]


def test_each_person_is_told_once_and_of_what_matters_most(cast: Cast, subject: Subject) -> None:
    first = actions.comment(cast.stranger, subject, f"Nice, @{cast.teammate.username}!", now=NOW)
    assert told(cast.owner) == [("comment", cast.stranger.username)]
    assert told(cast.teammate) == [("mention", cast.stranger.username)]
    text = f"Thanks @{cast.stranger.username}, and @{cast.owner.username}."
    answer = actions.comment(cast.teammate, subject, text, now=NOW, parent=first.pk)
    assert (answer.root_id, answer.parent_id) == (first.pk, first.pk)
    assert told(cast.stranger) == [("reply", cast.teammate.username)]
    assert told(cast.owner)[1:] == [("mention", cast.teammate.username)]
    deeper = actions.comment(cast.owner, subject, "Yes.", now=NOW, parent=answer.pk)
    assert (deeper.root_id, deeper.parent_id) == (first.pk, answer.pk)
    assert told(cast.owner)[2:] == [], "nobody is told of their own"
    assert Notification.objects.get(user=cast.stranger).path == f"{subject.path}comments/{answer.pk}/#c-{answer.pk}"
    assert Event.objects.filter(kind="comment.made", subject_id=subject.id).count() == 3


def test_nobody_is_told_of_what_they_may_not_read(cast: Cast) -> None:
    notebook = make_notebook(cast.owner, cast.team, "Inside", visibility=Visibility.TEAM)
    text = f"@{cast.stranger.username} @{cast.reader.username} @{cast.owner.username} @nobody"
    actions.comment(cast.teammate, subject_of(notebook), text, now=NOW)
    assert told(cast.stranger) == []
    assert told(cast.reader) == [("mention", cast.teammate.username)]
    User.objects.filter(pk=cast.reader.pk).update(is_active=False)
    actions.comment(cast.teammate, subject_of(notebook), text, now=NOW)
    assert len(told(cast.reader)) == 1


def test_who_has_left_is_told_nothing_more(cast: Cast) -> None:
    subject = subject_of(make_notebook(cast.teammate, cast.team, "Inside", visibility=Visibility.TEAM))
    first = actions.comment(cast.reader, subject, "Hello", now=NOW)
    cast.team.memberships.filter(user__in=[cast.reader, cast.teammate]).delete()
    Notification.objects.all().delete()
    actions.comment(cast.owner, subject, "Gone?", now=NOW, parent=first.pk)
    actions.vote(cast.owner, subject, now=NOW)
    actions.hide(cast.owner, subject, first.pk, "", now=NOW)
    assert not Notification.objects.exists()


def test_an_edit_tells_only_who_was_not_mentioned_before(cast: Cast, subject: Subject) -> None:
    row = actions.comment(cast.stranger, subject, f"@{cast.teammate.username}", now=NOW)
    actions.edit(cast.stranger, subject, row.pk, f"@{cast.teammate.username} @{cast.reader.username}", now=NOW)
    assert (len(told(cast.teammate)), len(told(cast.reader))) == (1, 1)
    assert Comment.objects.get().edited_at == NOW
    for who, error in ((cast.owner, Forbidden), (cast.teammate, Forbidden)):
        with pytest.raises(error):
            actions.edit(who, subject, row.pk, "Other words", now=NOW)
        with pytest.raises(error):
            actions.delete(who, subject, row.pk, now=NOW)


def test_what_is_deleted_has_lost_its_text_and_its_notification(cast: Cast, subject: Subject) -> None:
    row = actions.comment(cast.stranger, subject, "Too quick", now=NOW)
    answer = actions.comment(cast.teammate, subject, "Why?", now=NOW, parent=row.pk)
    actions.vote(cast.teammate, subject, now=NOW, comment_id=row.pk)
    actions.delete(cast.stranger, subject, row.pk, now=NOW)
    row.refresh_from_db()
    assert (row.text, row.deleted_at) == ("", NOW)
    assert not Vote.objects.exists()
    assert [kind for kind, _ in told(cast.owner)] == ["comment"], "that of the answer stays"
    assert [thread.pk for thread in queries.threads_of(subject)] == [row.pk], "answered, so that it was stays"
    for refused in (
        lambda: actions.comment(cast.owner, subject, "Hm", now=NOW, parent=row.pk),
        lambda: actions.delete(cast.stranger, subject, row.pk, now=NOW),
        lambda: actions.edit(cast.stranger, subject, row.pk, "Again", now=NOW),
        lambda: actions.vote(cast.owner, subject, now=NOW, comment_id=row.pk),
        lambda: actions.hide(cast.owner, subject, row.pk, "", now=NOW),
    ):
        with pytest.raises(NotFound):
            refused()
    actions.delete(cast.teammate, subject, answer.pk, now=NOW)
    assert not queries.threads_of(subject).exists()
    assert queries.tally(cast.owner, subject).comments == 0


def test_who_hides_and_what_that_does(cast: Cast, public: Notebook, subject: Subject) -> None:
    row = actions.comment(cast.stranger, subject, "Buy now", now=NOW)
    for who in (cast.teammate, cast.reader, cast.stranger):
        with pytest.raises(Forbidden):
            actions.hide(who, subject, row.pk, "spam", now=NOW)
        with pytest.raises(Forbidden):
            actions.unhide(who, subject, row.pk, now=NOW)
    for who in (cast.owner, cast.operator):
        hidden = actions.hide(who, subject, row.pk, "spam", now=NOW)
        assert (hidden.hidden_at, hidden.hidden_by, hidden.hidden_reason) == (NOW, who, "spam")
        assert queries.tally(cast.owner, subject).comments == 0
        with pytest.raises(Refused):
            actions.comment(cast.teammate, subject, "Hm", now=NOW, parent=row.pk)
        with pytest.raises(Refused):
            actions.edit(cast.stranger, subject, row.pk, "Better", now=NOW)
        actions.hide(who, subject, row.pk, "again", now=NOW)
        assert actions.unhide(who, subject, row.pk, now=NOW).hidden_at is None
    assert told(cast.stranger) == [("hidden", cast.owner.username), ("hidden", cast.operator.username)]
    assert queries.tally(cast.owner, subject).comments == 1


def test_a_member_hides_what_is_said_about_their_own_notebook(cast: Cast) -> None:
    subject = subject_of(make_notebook(cast.teammate, cast.team, "Mine", visibility=Visibility.PUBLIC))
    row = actions.comment(cast.stranger, subject, "Buy now", now=NOW)
    assert actions.hide(cast.teammate, subject, row.pk, "", now=NOW).hidden_by == cast.teammate
    cast.team.memberships.filter(user=cast.teammate).delete()
    with pytest.raises(Forbidden):
        actions.unhide(cast.teammate, subject, row.pk, now=NOW)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \n ", "comment.empty"),
        ("x" * (COMMENT_LENGTH + 1), "comment.too_long"),
        ("a\0b", "text.control"),
        ("a\x1b[2Jb", "text.control"),
        ("a\ud800b", "text.control"),
    ],
)
def test_what_is_no_comment(cast: Cast, subject: Subject, text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        actions.comment(cast.stranger, subject, text, now=NOW)
    assert caught.value.code == code
    row = actions.comment(cast.stranger, subject, "Good", now=NOW)
    with pytest.raises(BadInput):
        actions.edit(cast.stranger, subject, row.pk, text, now=NOW)


def test_one_person_writes_so_many_a_minute_and_a_day(cast: Cast, subject: Subject) -> None:
    for _ in range(COMMENTS_A_MINUTE):
        actions.comment(cast.stranger, subject, "More", now=NOW)
    with pytest.raises(NotYet) as caught:
        actions.comment(cast.stranger, subject, "More", now=NOW + timedelta(seconds=59))
    assert caught.value.facts == {"most": COMMENTS_A_MINUTE, "span": "a minute"}
    actions.comment(cast.teammate, subject, "Others may", now=NOW)
    actions.comment(cast.stranger, subject, "More", now=NOW + timedelta(seconds=60))
    made = [
        Comment(subject_kind="x", subject_id="y", author=cast.stranger, text="z", created_at=NOW + timedelta(hours=1))
        for _ in range(COMMENTS_A_DAY - COMMENTS_A_MINUTE - 1)
    ]
    Comment.objects.bulk_create(made)
    with pytest.raises(NotYet):
        actions.comment(cast.stranger, subject, "More", now=NOW + timedelta(hours=2))
    actions.comment(cast.stranger, subject, "More", now=NOW + timedelta(hours=25, minutes=1))


def test_a_comment_belongs_to_its_subject(cast: Cast, subject: Subject) -> None:
    other = subject_of(make_notebook(cast.owner, cast.team, "Other", visibility=Visibility.PUBLIC))
    row = actions.comment(cast.owner, other, "There", now=NOW)
    for wrong in (row.pk, 10**30, -1, 0):
        with pytest.raises(NotFound):
            actions.comment(cast.owner, subject, "Here", now=NOW, parent=wrong)
        with pytest.raises(NotFound):
            actions.delete(cast.owner, subject, wrong, now=NOW)
        with pytest.raises(NotFound):
            actions.vote(cast.stranger, subject, now=NOW, comment_id=wrong)


def test_votes_count_once_and_come_in_one_notification(cast: Cast, subject: Subject) -> None:
    actions.vote(cast.stranger, subject, now=NOW)
    actions.vote(cast.stranger, subject, now=NOW)
    actions.vote(cast.teammate, subject, now=NOW + timedelta(minutes=1))
    row = queries_of(cast.owner)[0]
    assert (row.kind, row.actor, row.people) == ("vote", cast.teammate, 2)
    assert queries.tally(cast.stranger, subject) == queries.Tally(votes=2, voted=True)
    assert queries.tally(cast.owner, subject) == queries.Tally(votes=2)
    with pytest.raises(Refused):
        actions.vote(cast.owner, subject, now=NOW)
    actions.unvote(cast.teammate, subject)
    actions.unvote(cast.teammate, subject)
    assert queries.tally(cast.owner, subject).votes == 1
    actions.unvote(cast.stranger, subject)
    assert queries_of(cast.owner) == [], "nothing is left to tell of"


def queries_of(person: User) -> list[Notification]:
    from studium.community.notifications.queries import notifications_of

    return list(notifications_of(person).order_by("-at", "-pk"))


def test_who_votes_again_and_again_is_told_of_once_a_day(cast: Cast, subject: Subject) -> None:
    from studium.community.notifications.actions import read_all

    for hours, rows in ((0, 1), (1, 1), (30, 2)):
        now = NOW + timedelta(hours=hours)
        actions.vote(cast.stranger, subject, now=now)
        assert len(queries_of(cast.owner)) == rows
        read_all(cast.owner, now=now)
        actions.unvote(cast.stranger, subject)


def test_votes_of_comments_are_their_own(cast: Cast, subject: Subject) -> None:
    row = actions.comment(cast.stranger, subject, "Good", now=NOW)
    actions.vote(cast.owner, subject, now=NOW, comment_id=row.pk)
    assert queries.threads_of(subject).get().votes == 1
    assert queries.tally(cast.owner, subject).votes == 0
    assert told(cast.stranger) == [("vote", cast.owner.username)]
    with pytest.raises(Refused):
        actions.vote(cast.stranger, subject, now=NOW, comment_id=row.pk)
    actions.unvote(cast.owner, subject, comment_id=row.pk)
    assert told(cast.stranger) == []


def test_bookmarks_can_be_repeated_and_taken_back(cast: Cast, subject: Subject) -> None:
    actions.bookmark(cast.stranger, subject, now=NOW)
    actions.bookmark(cast.stranger, subject, now=NOW)
    assert queries.tally(cast.stranger, subject).bookmarked
    assert not queries.tally(cast.owner, subject).bookmarked
    assert list(queries.bookmarks_of(cast.stranger, "notebook").values_list("subject_id", flat=True)) == [subject.id]
    actions.unbookmark(cast.stranger, *("notebook", subject.id))
    assert not Bookmark.objects.exists()


def test_long_threads_are_cut_where_the_page_ends(cast: Cast, subject: Subject) -> None:
    first = actions.comment(cast.owner, subject, "First", now=NOW)
    other = actions.comment(cast.owner, subject, "Other", now=NOW)
    before = first.pk
    for number in range(8):
        now = NOW + timedelta(minutes=2 * number + 2)
        before = actions.comment(cast.stranger, subject, f"Deeper {number}", now=now, parent=before).pk
    actions.comment(cast.stranger, subject, "Beside", now=NOW + timedelta(hours=1), parent=other.pk)
    found = queries.replies_to([first, other], most=5)
    assert [row.text for row in found] == [*(f"Deeper {number}" for number in range(5)), "Beside"]
    assert queries.reply_counts([first, other]) == {first.pk: 8, other.pk: 1}


def test_a_deleted_notebook_takes_everything_with_it(cast: Cast, public: Notebook, subject: Subject) -> None:
    row = actions.comment(cast.stranger, subject, "Good", now=NOW)
    actions.comment(cast.owner, subject, "Thanks", now=NOW, parent=row.pk)
    actions.vote(cast.owner, subject, now=NOW, comment_id=row.pk)
    actions.vote(cast.stranger, subject, now=NOW)
    actions.bookmark(cast.stranger, subject, now=NOW)
    kept = subject_of(make_notebook(cast.owner, cast.team, "Other", visibility=Visibility.PUBLIC))
    actions.comment(cast.stranger, kept, "Stays", now=NOW)
    delete_notebook(cast.owner, public, now=NOW)
    assert [c.text for c in Comment.objects.all()] == ["Stays"]
    assert [n.subject_id for n in Notification.objects.all()] == [kept.id]
    assert not Vote.objects.exists()
    assert not Bookmark.objects.exists()


def test_a_copy_and_a_failed_run_are_told(cast: Cast, public: Notebook) -> None:
    from studium.notebooks.versions.actions import copy

    copy(cast.stranger, public, cast.stranger.personal_team.projects.get(), now=NOW)
    assert told(cast.owner) == [(str(Told.COPY), cast.stranger.username)]
    copy(cast.owner, public, cast.team.projects.get(), now=NOW)
    assert len(told(cast.owner)) == 1
