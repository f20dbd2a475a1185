"""Into one file, in the process that is its own: which reader it gets, and what is said when that one gives up."""

import os
import stat
from dataclasses import dataclass
from typing import Any

from file_kinds import UNKNOWN, Kind, begins_as, kind_by_bytes, kind_of
from json_values import Tell, Trouble
from own_process import Limits

_HEAD = 4096


@dataclass(frozen=True)
class File:
    """A regular file below the root. `scratch` is a folder of its own for what must be put somewhere meanwhile."""

    path: str
    name: str
    size: int
    form: str
    scratch: str
    limits: Limits


def look_into(root: str, path: str, limits: Limits, scratch: str, tell: Tell) -> None:
    """Tell what is in the file, as often as more of it is known."""
    kind, form = kind_of(path)

    def tell_more(**more: Any) -> None:
        tell(more)

    try:
        real, size, head = _open(root, path)
        kind, form = _settle((kind, form), head)
        tell_more(kind=kind, format=form)
        if not begins_as(form, head):
            raise Trouble("It is not what its name says.")
        _read(File(real, path, size, form, scratch, limits), kind, tell_more)
    except Trouble as trouble:
        tell_more(trouble=str(trouble))
    except OSError as error:
        tell_more(trouble=f"It cannot be read: {error.strerror or type(error).__name__}.")


def _open(root: str, path: str) -> tuple[str, int, bytes]:
    """Where it really is, its size and its first bytes. Raises Trouble for what is not a regular file below the root."""
    folder = os.path.realpath(root)
    real = os.path.realpath(os.path.join(folder, path))
    if not real.startswith(folder.rstrip("/") + "/"):
        raise Trouble("It is not among the files of this version.")
    handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise Trouble("It is not a regular file.")
        return real, facts.st_size, os.read(handle, _HEAD)
    finally:
        os.close(handle)


def _settle(named: Kind, head: bytes) -> Kind:
    """What it is, where its name and its bytes disagree."""
    if named == UNKNOWN:
        return kind_by_bytes(head)
    if named[1] == "sqlite" and not head.startswith(b"SQLite format 3\0") and head:
        return kind_by_bytes(head)  # many things are called .db
    return named


def _read(file: File, kind: str, tell: Any) -> None:
    if kind in ("table", "database"):
        import table_files

        table_files.read(file, tell)
    elif kind == "archive":
        import archive_files

        archive_files.read(file, tell)
    elif kind == "picture":
        import picture_files

        picture_files.read(file, tell)
    elif kind == "notebook":
        import text_files

        text_files.read_notebook(file, tell)
    elif kind == "text":
        import text_files

        text_files.read(file, tell)
