"""Refusals of what people say and do about a subject."""

from studium.community.states import COMMENT_LENGTH
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused


def unknown_comment() -> NotFound:
    return NotFound(
        "comment.unknown", "There is no such comment here.", "It may have been deleted. Load the page again."
    )


def no_text() -> BadInput:
    return BadInput("comment.empty", "A comment needs some text.", "Write something.")


def too_long(length: int) -> BadInput:
    return BadInput(
        "comment.too_long",
        f"A comment has at most {COMMENT_LENGTH:,} characters; this one has {length:,}.",
        "Shorten it, or put the long part in a notebook.",
        {"most": COMMENT_LENGTH, "length": length},
    )


def not_author() -> Forbidden:
    return Forbidden("comment.not_author", "Only its author may change this comment.", "Reply to it instead.")


def is_hidden() -> Refused:
    return Refused("comment.hidden", "This comment is hidden.", "Ask who owns what it is about to show it again.")


def too_fast(what: str, most: int, span: str) -> NotYet:
    return NotYet(
        "community.too_fast",
        f"One person may write {most} {what} {span}, and you have.",
        "Wait a while, then go on.",
        {"most": most, "span": span},
    )


def own(code: str, what: str) -> Refused:
    return Refused(code, f"You cannot {what}.", "Leave that to others.")


def not_public() -> Refused:
    return Refused(
        "report.not_public",
        "Only what is public can be reported.",
        "Talk to its team: nobody else sees it.",
    )


def reported_already() -> Refused:
    return Refused(
        "report.open_already",
        "You have reported this already, and nobody has decided yet.",
        "You are told what comes of it.",
    )


def decided_already(state: str) -> Refused:
    return Refused("report.decided", f"This report is {state} already.", "See the list for those that are open.")


def bad_link() -> BadInput:
    return BadInput(
        "profile.link",
        "A link begins with https:// or http:// and is at most 200 characters long.",
        "Mend it, or leave it out.",
    )
