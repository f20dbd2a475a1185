"""What people say and do about a subject: comments, votes, bookmarks, reports; what they are told; and their own page.

A subject is a kind and an id, so that whatever can be talked about needs no table here.
"""

from django.db import models

from studium.accounts.models import User
from studium.community.states import ReportState, Told, Why
from studium.lib.ids import new_id


class Comment(models.Model):
    """Markdown under a subject. `root` is the first comment of its thread, empty for that one itself.

    Ids grow, so that a reply always follows what it answers. A deleted one has lost its text and stays where it is
    answered; a hidden one keeps it for its author and for moderators.
    """

    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    root = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="replies")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="answers")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="comments")
    text = models.TextField()
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    hidden_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(root=None, parent=None) | models.Q(root__isnull=False, parent__isnull=False),
                name="a_reply_has_a_thread",
            )
        ]
        indexes = [
            models.Index(fields=["subject_kind", "subject_id", "root", "-id"]),
            models.Index(fields=["author", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id} {self.pk}"


class Vote(models.Model):
    """One person's vote for a subject or a comment."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="votes")
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id", "user"], name="one_vote"),
        ]


class Bookmark(models.Model):
    """What a person wants to find again. Nobody else sees it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bookmarks")
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "subject_kind", "subject_id"], name="one_bookmark"),
        ]
        indexes = [models.Index(fields=["user", "-created_at"])]


class Notification(models.Model):
    """Something a person is told, written with what caused it. `title` and `path` are those of the subject at that moment.

    Votes for one subject are one row while it is unread: `at` and `actor` are those of the last, `since` of the first.
    `mail_at` is when an e-mail of it is due, empty where none is.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=20, choices=[(t.value, t.value) for t in Told])
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    path = models.CharField(max_length=300)
    words = models.CharField(max_length=300, blank=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    since = models.DateTimeField()
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "subject_kind", "subject_id"],
                condition=models.Q(kind=Told.VOTE.value, read_at=None),
                name="one_unread_of_votes",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-at"]),
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="unread_notifications"),
            models.Index(fields=["mail_at"], condition=models.Q(mail_at__isnull=False), name="mail_that_is_due"),
            models.Index(fields=["subject_kind", "subject_id"]),
        ]


class Report(models.Model):
    """A subject that somebody thinks should not be public. `answer` is what was said to who reported it."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    path = models.CharField(max_length=300)
    reporter = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reports")
    why = models.CharField(max_length=10, choices=[(w.value, w.value) for w in Why])
    text = models.CharField(max_length=1000, blank=True)
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in ReportState], default=ReportState.OPEN.value
    )
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    answer = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "subject_kind", "subject_id"],
                condition=models.Q(state=ReportState.OPEN.value),
                name="one_open_report",
            )
        ]
        indexes = [
            models.Index(fields=["state", "-created_at"]),
            models.Index(fields=["subject_kind", "subject_id", "state"]),
            models.Index(fields=["reporter", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.subject_kind}:{self.subject_id}"


class Profile(models.Model):
    """What a person says of themselves, and of what they want e-mail. Who never saved it has no row."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="profile")
    bio = models.CharField(max_length=2000, blank=True)
    link = models.CharField(max_length=200, blank=True)
    mailed = models.JSONField()  # of kinds of notification
