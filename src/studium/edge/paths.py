"""Reading request paths the way the most generous server behind us might, so that no spelling slips past a rule."""

import re
from itertools import pairwise
from urllib.parse import unquote

_ROUNDS = 5
_SECRET = re.compile(r"[A-Za-z0-9_%~-]{24,}")


def segments(raw_path: str) -> list[str] | None:
    """The path's parts after every decoding: percent signs (also doubled), backslashes, `//`, `.` and `..`, case.

    None if it is still encoded after several rounds, which no honest client sends.
    """
    path = raw_path
    for _ in range(_ROUNDS):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    else:
        return None
    parts: list[str] = []
    for written in path.replace("\\", "/").split("/"):
        # Servers cut a parameter off at `;` and some ignore white space and control characters around a part.
        part = written.split(";", 1)[0].strip("\x00\t\r\n\x0b\x0c ").casefold()
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def is_internal(raw_path: str) -> bool:
    """Whether the path is in the part kept between edge and web, `/-/`."""
    parts = segments(raw_path)
    return parts is None or parts[:1] == ["-"]


def is_terminal(raw_path: str) -> bool:
    """Whether the path reaches a terminal of a Jupyter server, at whatever base path it is served."""
    parts = segments(raw_path)
    if parts is None:
        return True
    pairs = list(pairwise(parts))
    # The last is JupyterLab's own page of a terminal, which would only show that it cannot open one.
    return any(pair in pairs for pair in (("api", "terminals"), ("terminals", "websocket"), ("lab", "terminals")))


def climbs(raw_path: str) -> bool:
    """Whether some spelling of `..` is in the path; such a path is never put behind a prefix."""
    path = raw_path
    for _ in range(_ROUNDS):
        decoded = unquote(path)
        if decoded == path:
            return any(part.split(";", 1)[0].strip() == ".." for part in path.replace("\\", "/").split("/"))
        path = decoded
    return True


def is_local(path: str) -> bool:
    """Whether a redirect to this path stays on the host: one leading slash, nothing a browser reads as another host."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return False
    return all(" " < character < "\x7f" for character in path)


def loggable(raw_path: str) -> str:
    """The path for the log, without what may be a secret: sign-in links and invitations are paths."""
    return _SECRET.sub("...", raw_path)
