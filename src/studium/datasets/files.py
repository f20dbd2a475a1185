"""The files of a version as they are brought: hostile until they were looked at here."""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studium.errors import BadInput
from studium.lib.crc32 import combined
from studium.storage.chunks.queries import Place
from studium.storage.manifests import Entry

# As many as a list of them takes that comes in one request.
MOST_FILES = 200_000
MOST_BYTES = 4 * 1024**4
_EMPTY = hashlib.sha256(b"").hexdigest()
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH, _LONGEST_NAME, _DEEPEST = 1024, 255, 50
# Of a list, which is in memory while a version is made: the chunks of some 450 GiB take as much.
_LONGEST_LIST = 128 * 1024**2
# Of a version so many kinds of files are known, the most frequent ones.
MOST_ENDINGS = 40
_LONGEST_ENDING = 12


@dataclass(frozen=True)
class Brought:
    """A file as somebody says it is. `digest` is the hex SHA-256 of the whole, `chunks` what it is put together from.

    Without chunks it is a blob of that digest, which the platform alone may say; then `crc` is its CRC-32.
    """

    path: str
    size: int
    digest: str
    chunks: Sequence[str] | None
    crc: int | None = None


def check_paths(paths: Sequence[str]) -> None:
    """Raises BadInput for a path that could not be a file's below one folder, or for two that exclude each other."""
    if not paths:
        raise BadInput("dataset.no_files", "A version has at least one file.", "Name a folder that has some.")
    if len(paths) > MOST_FILES:
        raise BadInput(
            "dataset.too_many_files",
            f"A version has at most {MOST_FILES:,} files, not {len(paths):,}.",
            "Put small ones together in archives.",
        )
    seen, folders = set[str](), set[str]()
    for path in paths:
        _check_path(path)
        if path in seen:
            raise _bad(path, "is named twice")
        seen.add(path)
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    for both in seen & folders:
        raise _bad(both, "is a file and a folder")


def _check_path(path: str) -> None:
    parts = path.split("/")
    try:
        lengths = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise _bad(path, "is no text") from None
    if any(part in ("", ".", "..") for part in parts):
        raise _bad(path, "is no path below a folder")
    if len(parts) > _DEEPEST or sum(lengths) + len(parts) - 1 > _LONGEST_PATH or max(lengths) > _LONGEST_NAME:
        raise _bad(path, "is too long or too deep")
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise _bad(path, "has a control character")


def _bad(path: str, what: str) -> BadInput:
    shown = path[:200].encode(errors="replace").decode()
    return BadInput("dataset.path", f"{shown!r} {what}.", "Rename it, and try again.", {"path": shown})


def entries(brought: Sequence[Brought], known: dict[str, Place]) -> list[Entry]:
    """What goes into the manifest. Raises BadInput where a size or digest does not fit the chunks."""
    found = []
    for each in brought:
        if each.chunks is None:
            found.append(Entry(each.path, each.size, each.digest, None, each.crc))
            continue
        size = sum(known[chunk].size for chunk in each.chunks)
        if not _DIGEST.fullmatch(each.digest):
            raise _bad(each.path, "has a digest that is not the hex SHA-256 of a file")
        whole = each.digest == (each.chunks[0] if each.chunks else _EMPTY)
        if size != each.size or (len(each.chunks) < 2 and not whole):
            raise BadInput(
                "dataset.file_differs",
                f"{each.path[:200]!r} is not what its chunks make: it changed while it was read.",
                "Bring it again.",
                {"path": each.path},
            )
        crc = 0
        for chunk in each.chunks:
            crc = combined(crc, known[chunk].crc, known[chunk].size)
        found.append(Entry(each.path, each.size, each.digest, tuple(each.chunks), crc))
    return found


def read_list(pieces: Iterable[bytes]) -> list[Brought]:
    """The files of a list, lines of JSON with path, size, digest and chunks each. Raises BadInput."""
    found, rest, size = list[Brought](), list[bytes](), 0
    for piece in pieces:
        size += len(piece)
        first, *lines = piece.split(b"\n")
        rest.append(first)
        for line in lines:
            found.append(_line(b"".join(rest), len(found)))
            rest = [line]
        if len(found) > MOST_FILES or size > _LONGEST_LIST:
            raise BadInput("dataset.list", "The list of files is too long.", "Make several datasets.")
    last = b"".join(rest)
    return [*found, *([_line(last, len(found))] if last else [])]


def _line(line: bytes, number: int) -> Brought:
    try:
        each = json.loads(line)
        found = Brought(each["path"], each["size"], each["digest"], each["chunks"])
        texts = [found.path, found.digest, *each["chunks"]]
        if type(found.size) is not int or not all(isinstance(text, str) for text in texts):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            "dataset.list",
            f"Near its line {number + 1:,} the list of files is none.",
            "docs/members/rest.md has the format.",
        ) from None
    return found


def put_together(before: Sequence[Entry], brought: Sequence[Brought], removed: Sequence[str]) -> list[Brought]:
    """The files of a version less those removed, with what is brought in their place or beside them.

    What names a folder removes all below it. Raises BadInput for one to remove that is not there.
    """
    kept = {each.path: Brought(each.path, each.size, each.digest, each.chunks, each.crc) for each in before}
    for path in removed:
        gone = [each for each in kept if each == path or each.startswith(f"{path}/")]
        if not gone:
            raise _bad(path, "is not there to be removed")
        for each in gone:
            del kept[each]
    return [*(kept | {each.path: each for each in brought}).values()]


def endings_in(entries: Iterable[Entry]) -> str:
    """The endings of files' names in small letters, with a space on both sides of each: for a version to be found by."""
    counted: Counter[str] = Counter()
    for entry in entries:
        _, dot, ending = entry.path.rpartition("/")[2].rpartition(".")
        if dot and ending.isalnum() and ending.isascii() and len(ending) <= _LONGEST_ENDING:
            counted[ending.lower()] += 1
    names = sorted(name for name, _ in counted.most_common(MOST_ENDINGS))
    return f" {' '.join(names)} " if names else " "
