"""What a fetched file is called: as the server says, or as the address ends; always one plain name."""

import contextlib
import unicodedata
from http.client import HTTPMessage
from urllib.parse import unquote

_LONGEST = 200


def name_of(headers: HTTPMessage, rest: str) -> str:
    """From Content-Disposition, else from the path of the address, else `file`."""
    said = headers.get_filename() or ""
    with contextlib.suppress(UnicodeError):  # servers send UTF-8 where the header is read as Latin-1
        said = said.encode("latin-1").decode()
    return plain(said) or plain(unquote(rest.partition("?")[0].rstrip("/").rpartition("/")[2])) or "file"


def plain(name: str) -> str:
    """The last part of a path without what no file name has; empty where nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c != "\ufffd").strip().lstrip(".")
    while len(kept.encode()) > _LONGEST:
        kept = kept[:-1]
    return kept.strip()


def another(name: str, taken: set[str]) -> str:
    """The name, or `name-2.ending` where it is taken."""
    stem, dot, ending = name.partition(".")
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}{dot}{ending}"
    taken.add(found)
    return found
