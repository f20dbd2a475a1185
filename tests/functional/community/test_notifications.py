"""What people are told: read once, mailed to those who want that, forgotten when old; and what they say of themselves."""

from datetime import timedelta

import pytest
from django.core import mail

from factories.accounts import NOW, Cast
from studium.accounts.models import User
from studium.community import actions, queries
from studium.community.access import Subject
from studium.community.models import Notification, Profile
from studium.community.notifications.actions import MAIL_AFTER, read, read_all
from studium.community.notifications.queries import notifications_of, unread
from studium.community.notifications.reconcile import AGAIN, GIVE_UP, KEPT, KEPT_READ, forget_old, send_due
from studium.community.states import MOST_UNREAD_SHOWN, Told
from studium.errors import BadInput, NotFound
from studium.notebooks.models import Notebook
from studium.notebooks.takedowns import take_down


@pytest.fixture
def row(cast: Cast, subject: Subject) -> Notification:
    actions.save_profile(cast.owner, mailed=[Told.COMMENT])
    actions.comment(cast.stranger, subject, "Good", now=NOW)
    return Notification.objects.get(user=cast.owner)


def test_what_is_read_is_read_by_whom_it_is_for(cast: Cast, row: Notification) -> None:
    assert (unread(cast.owner), unread(cast.stranger)) == (1, 0)
    for who in (cast.teammate, cast.stranger, cast.operator):
        with pytest.raises(NotFound):
            read(who, row.pk, now=NOW)
        assert read_all(who, now=NOW) == 0
    assert read(cast.owner, row.pk, now=NOW).read_at == NOW
    assert read(cast.owner, row.pk, now=NOW + timedelta(hours=1)).read_at == NOW
    assert (unread(cast.owner), read_all(cast.owner, now=NOW)) == (0, 0)
    assert notifications_of(cast.owner).count() == 1
    assert notifications_of(cast.owner, only_unread=True).count() == 0


def test_all_are_read_but_what_came_after(cast: Cast, row: Notification, subject: Subject) -> None:
    actions.comment(cast.stranger, subject, "Later", now=NOW + timedelta(minutes=1))
    assert read_all(cast.owner, now=NOW) == 1
    assert unread(cast.owner) == 1


def test_counting_ends_where_nobody_cares_for_more(cast: Cast, row: Notification) -> None:
    fields = {
        "kind": Told.COMMENT,
        "subject_kind": "x",
        "subject_id": "y",
        "title": "",
        "path": "",
        "since": NOW,
        "at": NOW,
    }
    Notification.objects.bulk_create(Notification(user=cast.owner, **fields) for _ in range(300))
    assert unread(cast.owner) == MOST_UNREAD_SHOWN + 1


def test_mail_goes_to_who_wants_it_once_and_not_for_what_was_read(cast: Cast, row: Notification) -> None:
    assert send_due(NOW) == 0
    assert send_due(NOW + MAIL_AFTER) == 1
    assert send_due(NOW + MAIL_AFTER) == 0
    [sent] = mail.outbox
    assert sent.to == [cast.owner.email]
    assert sent.subject == f"{cast.stranger.username} commented on Open work"
    assert f"{row.path}\n" in sent.body
    assert "/settings/notifications/" in sent.body
    row.mail_at = NOW
    row.save()
    read(cast.owner, row.pk, now=NOW)
    assert send_due(NOW + MAIL_AFTER) == 0


def test_mail_that_cannot_be_sent_is_tried_again_for_a_day(
    cast: Cast, row: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("studium.community.notifications.reconcile.send_mail", down)
        assert send_due(NOW + MAIL_AFTER) == 0
    assert send_due(NOW + MAIL_AFTER) == 0, "it rests"
    assert send_due(NOW + MAIL_AFTER + AGAIN) == 1
    Notification.objects.update(mail_at=NOW)
    assert send_due(NOW + GIVE_UP + timedelta(seconds=1)) == 0
    assert not Notification.objects.exclude(mail_at=None).exists()


def test_no_mail_to_the_deactivated_and_none_that_was_not_chosen(
    cast: Cast, row: Notification, public: Notebook
) -> None:
    actions.save_profile(cast.owner, mailed=[])
    take_down(cast.operator, public, "Spam", now=NOW)
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    assert send_due(NOW + timedelta(hours=1)) == 0
    assert mail.outbox == []


def test_who_has_chosen_nothing_gets_mail_of_take_downs_alone(cast: Cast, public: Notebook, subject: Subject) -> None:
    actions.comment(cast.stranger, subject, "Good", now=NOW)
    take_down(cast.operator, public, "Spam", now=NOW)
    assert send_due(NOW + MAIL_AFTER) == 1
    assert "took down Open work" in mail.outbox[0].subject
    assert "Spam" in mail.outbox[0].body


def test_old_ones_are_forgotten(cast: Cast, row: Notification) -> None:
    assert forget_old(NOW + KEPT) == 0
    read(cast.owner, row.pk, now=NOW)
    assert forget_old(NOW + KEPT_READ) == 0
    assert forget_old(NOW + KEPT_READ + timedelta(seconds=1)) == 1


def test_what_people_say_of_themselves(cast: Cast) -> None:
    assert queries.mailed(cast.owner) == {Told.TAKEN_DOWN, Told.PUT_BACK}
    assert queries.profile_of(cast.owner).bio == ""
    actions.save_profile(cast.owner, bio=" I *count* things. ", link="https://example.org/~me")
    assert queries.mailed(cast.owner) == {Told.TAKEN_DOWN, Told.PUT_BACK}
    actions.save_profile(cast.owner, mailed=[Told.VOTE])
    found = queries.profile_of(cast.owner)
    assert (found.bio, found.link, queries.mailed(cast.owner)) == (
        "I *count* things.", "https://example.org/~me", {Told.VOTE},
    )  # fmt: skip
    actions.save_profile(cast.owner, link="")
    assert Profile.objects.get().link == ""


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "example.org", "//example.org", "https://", "data:text/html,x", "https://a b", "http://[",
        "https://e.org/" + "x" * 200, "https://a.org\0",
    ],
)  # fmt: skip
def test_links_that_are_none(cast: Cast, link: str) -> None:
    with pytest.raises(BadInput):
        actions.save_profile(cast.owner, link=link)


def test_a_bio_is_bounded(cast: Cast) -> None:
    with pytest.raises(BadInput):
        actions.save_profile(cast.owner, bio="x" * 2001)
    assert queries.person_named(cast.owner.username) == cast.owner
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    for name in (cast.owner.username, "nobody"):
        with pytest.raises(NotFound):
            queries.person_named(name)
