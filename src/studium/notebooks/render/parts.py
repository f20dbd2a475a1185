"""What a page shows beside itself: pictures and the data of interactive outputs, each under a name made of its content.

A rendering is one blob: `_MARK`, the length of its index, the index, the page, the parts. So it is held, shared and collected
as one, and a part that is not of this rendering cannot be asked for by its name.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field

from studium.lib.units import MIB

NAME = re.compile(r"[0-9a-f]{24}\.[a-z0-9]{2,12}")
# Of one page. What goes beyond is shown inside the page or named instead.
MOST, MOST_BYTES = 4000, 128 * MIB
_MARK = b"studium-page 1 "
HEAD = len(_MARK) + 11


@dataclass
class Parts:
    """The parts of a page in the making."""

    contents: dict[str, bytes] = field(default_factory=dict)
    taken: int = 0

    def add(self, kind: str, content: bytes) -> str:
        """The name of the part, which ends in its kind; empty where the page has no room for it."""
        name = f"{hashlib.sha256(kind.encode() + b' ' + content).hexdigest()[:24]}.{kind}"
        if name not in self.contents:
            if len(self.contents) >= MOST or self.taken + len(content) > MOST_BYTES:
                return ""
            self.contents[name] = content
            self.taken += len(content)
        return name


@dataclass(frozen=True)
class Index:
    """Where page and parts begin in a rendering and how long each is."""

    page: tuple[int, int]
    parts: dict[str, tuple[int, int]]


def packed(page: bytes, parts: Parts) -> bytes:
    """The rendering as it is stored."""
    sizes = {name: len(content) for name, content in parts.contents.items()}
    index = json.dumps({"page": len(page), "parts": sizes}, separators=(",", ":")).encode()
    return b"".join((_MARK, b"%010d\n" % len(index), index, page, *parts.contents.values()))


def index_length(head: bytes) -> int | None:
    """The length of the index that follows the first `HEAD` bytes; None for a page without parts, from earlier versions."""
    return int(head[len(_MARK) : HEAD]) if head.startswith(_MARK) and len(head) >= HEAD else None


def read_index(index: bytes) -> Index:
    found = json.loads(index)
    at = HEAD + len(index)
    page, at = (at, found["page"]), at + found["page"]
    parts = {}
    for name, size in found["parts"].items():
        parts[name], at = (at, size), at + size
    return Index(page, parts)
