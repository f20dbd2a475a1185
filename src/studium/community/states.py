"""What people are told of, why something is reported and what comes of that, and how much of everything is taken. Pure."""

from enum import StrEnum

COMMENT_LENGTH = 10_000
REASON_LENGTH, REPORT_LENGTH, BIO_LENGTH, LINK_LENGTH = 200, 1000, 2000, 200
COMMENTS_A_MINUTE, COMMENTS_A_DAY, REPORTS_A_DAY = 10, 300, 20
MOST_MENTIONS = 10  # people of one comment who are told
REPLIES_SHOWN, MOST_REPLIES_SHOWN = 20, 500  # of one thread: among others, and on its own page
MOST_UNREAD_SHOWN = 99


class Told(StrEnum):
    """What a notification is about."""

    REPLY = "reply"
    MENTION = "mention"
    COMMENT = "comment"
    VOTE = "vote"
    COPY = "copy"
    RUN_FAILED = "run_failed"
    HIDDEN = "hidden"
    REPORT_UPHELD = "report_upheld"
    REPORT_DISMISSED = "report_dismissed"
    TAKEN_DOWN = "taken_down"
    PUT_BACK = "put_back"
    SHARED = "shared"
    REPORTED = "reported"


TOLD_WORDS = {
    Told.REPLY: "Somebody replies to a comment of mine",
    Told.MENTION: "Somebody mentions me",
    Told.COMMENT: "Somebody comments on a notebook of mine",
    Told.VOTE: "Somebody votes for something of mine",
    Told.COPY: "Somebody copies a notebook of mine",
    Told.RUN_FAILED: "A run of mine fails",
    Told.HIDDEN: "A comment of mine is hidden",
    Told.REPORT_UPHELD: "Something I reported is taken down",
    Told.REPORT_DISMISSED: "Something I reported stays",
    Told.TAKEN_DOWN: "Something of my team is taken down",
    Told.PUT_BACK: "Something of my team is put back",
    Told.SHARED: "Somebody shares a dataset with me",
    Told.REPORTED: "Something public is reported, and I am an administrator",
}
# Of which an e-mail is sent to those who have not chosen.
MAILED_AT_FIRST = frozenset({Told.TAKEN_DOWN, Told.PUT_BACK})


class Why(StrEnum):
    """The reason of a report."""

    SPAM = "spam"
    ABUSE = "abuse"
    PRIVATE = "private"
    RIGHTS = "rights"
    HARMFUL = "harmful"
    OTHER = "other"


WHY_WORDS = {
    Why.SPAM: "Spam or advertising",
    Why.ABUSE: "Insults or harassment",
    Why.PRIVATE: "Shows private data or a secret",
    Why.RIGHTS: "Uses somebody's work without the right to",
    Why.HARMFUL: "Harmful or illegal",
    Why.OTHER: "Something else",
}


class ReportState(StrEnum):
    """A report is open until an administrator has taken the subject down or left it where it is."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


REPORT_MOVES: dict[ReportState, frozenset[ReportState]] = {
    ReportState.OPEN: frozenset({ReportState.UPHELD, ReportState.DISMISSED}),
    ReportState.UPHELD: frozenset(),
    ReportState.DISMISSED: frozenset(),
}
