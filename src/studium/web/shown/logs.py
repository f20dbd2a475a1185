"""Logs as text for a page: decoded at whole characters, without the codes that colour and rewrite a terminal."""

import re

from studium.compute.models import Run
from studium.compute.queries import log_pieces, read_log

CHUNK = 128 * 1024
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def plain(text: str) -> str:
    """The text a terminal would be left with: what a bare carriage return overwrote is gone."""
    lines = text.replace("\r\n", "\n").split("\n")
    return _CODES.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def whole(content: bytes) -> int:
    """How many of these bytes end at a whole UTF-8 character; a character cut in two is left for the next reading."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(content) - back if length > back else len(content)
    return len(content)


def piece(run: Run, offset: int) -> tuple[str, int]:
    """What was printed from `offset` on, at most one chunk, and where to go on."""
    content, _ = read_log(run, offset, CHUNK)
    length = whole(content) or len(content)
    return plain(content[:length].decode("utf-8", "replace")), offset + length


def tail(run: Run) -> tuple[str, int, int]:
    """The last chunk of a log, where it begins and where it ends."""
    end, last = 0, b""
    for content in log_pieces(run):
        end += len(content)
        last = (last + content)[-CHUNK:]
    start = end - len(last)
    if start:
        last = last[last.find(b"\n") + 1 :]
        start = end - len(last)
    length = whole(last) or len(last)
    return plain(last[:length].decode("utf-8", "replace")), start, start + length
