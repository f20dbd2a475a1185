"""A notification in words: who did what, to what. Pure, for pages, mail and terminals alike."""

from studium.community.models import Notification
from studium.community.states import Told

_SENTENCES = {
    Told.REPLY: "{who} replied to your comment on",
    Told.MENTION: "{who} mentioned you in a comment on",
    Told.COMMENT: "{who} commented on",
    Told.VOTE: "{who} voted for",
    Told.COPY: "{who} copied",
    Told.RUN_FAILED: "A run failed:",
    Told.HIDDEN: "{who} hid your comment on",
    Told.REPORT_UPHELD: "What you reported was taken down:",
    Told.REPORT_DISMISSED: "What you reported stays:",
    Told.TAKEN_DOWN: "An administrator took down",
    Told.PUT_BACK: "An administrator put back",
    Told.SHARED: "{who} shared with you",
    Told.REPORTED: "{who} reported",
}


def sentence(row: Notification, people: int = 1) -> str:
    """What happened, up to the title, which follows it. `people` is how many votes it tells of."""
    who = row.actor.username if row.actor else "Somebody"
    if row.kind == Told.VOTE and people > 1:
        who += f" and {people - 1} other{'s' if people > 2 else ''}"
    return _SENTENCES[Told(row.kind)].format(who=who) + (" your comment on" if _of_comment(row) else "")


def _of_comment(row: Notification) -> bool:
    return row.kind == Told.VOTE and row.subject_kind == "comment"


def leads_somewhere(row: Notification) -> bool:
    """Whether the page it is about is still there for whom it is for."""
    return row.kind != Told.REPORT_UPHELD
