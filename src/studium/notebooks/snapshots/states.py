"""Why there is a snapshot of a workspace. What state it is in is as for volumes'. Pure."""

from enum import StrEnum


class Why(StrEnum):
    """Somebody asked for it, or the platform took it before something that replaces or removes what is there."""

    ASKED = "asked"
    BEFORE_PUT_BACK = "put back"
    BEFORE_EMPTYING = "emptied"


NOTES = {
    Why.BEFORE_PUT_BACK: "Before a snapshot was put back",
    Why.BEFORE_EMPTYING: "Before the workspace was emptied",
}
