"""What can be shown of an output file, or a file of a dataset, in place: by the end of its name, its size and its first bytes.

Pictures, sound, film and PDF are served as they are, as far as a browser is asked to read them. All else is made into a page
by a bounded process from as much of the file as is worth reading.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from studium.lib.units import MIB
from studium.notebooks.bounded import Bounds, Crowded, OutOfBounds, run_bounded
from studium.storage import actions as storage
from studium.storage.models import Hold
from studium.storage.stores import Part

Kind = Literal[
    "picture",
    "sound",
    "film",
    "pdf",
    "html",
    "table",
    "json",
    "markdown",
    "notebook",
    "text",
    "empty",
    "too_large",
    "none",
]
PREVIEW = "preview:"
# Raised when previews are made differently; those made before are made anew.
_LAYOUT = 1
BOUNDS = Bounds(memory_bytes=2048 * MIB, seconds=20, answer_bytes=160 * MIB)
PATIENCE = 10.0
# So much is read of a file that is shown by its beginning.
HEAD = MIB // 2
MEDIA = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "bmp": "image/bmp", "svg": "image/svg+xml",
    "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "oga": "audio/ogg", "flac": "audio/flac", "m4a": "audio/mp4",
    "mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg",
    "pdf": "application/pdf",
}  # fmt: skip
_MADE: dict[str, Kind] = {
    "html": "html", "htm": "html", "csv": "table", "tsv": "table", "json": "json", "geojson": "json", "md": "markdown",
    "markdown": "markdown", "ipynb": "notebook",
}  # fmt: skip
# What is shown whole or not at all, and how much of it at most.
_WHOLE: dict[str, int] = {"picture": 32 * MIB, "pdf": 128 * MIB, "html": 16 * MIB, "notebook": 64 * MIB}
# What is shown as plain text where it is longer.
_MOST = {"json": 4 * MIB, "markdown": 400_000}
_SNIFFED = 8192


class File(Protocol):
    """A file whose bytes can be asked for in part. `known_by` names these bytes and no others, whatever people say of them."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def known_by(self) -> str: ...
    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]: ...
    def parts(self, start: int, length: int) -> list[Part] | None: ...


class PreviewError(Exception):
    """The file cannot be shown; the text says why, for people."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How a file is shown. `media` is its type where it is served as it is."""

    kind: Kind
    media: str = ""


def seen(file: File) -> Seen:
    """How this file is shown. Reads its first bytes only where its name does not tell."""
    ending = _ending(file)
    media = MEDIA.get(ending, "")
    kind = _kind(ending, media)
    if not file.size:
        return Seen(kind="empty")
    if file.size > _WHOLE.get(kind, file.size):
        return Seen(kind="too_large")
    if media:
        return Seen(kind=kind, media=media)
    if kind in ("none", "text") or file.size > _MOST.get(kind, file.size):
        kind = "text" if _reads_as_text(b"".join(file.pieces(0, min(_SNIFFED, file.size)))) else "none"
    return Seen(kind=kind)


def kind_by_name(file: File) -> Kind:
    """What its name says that it is, whatever its size and bytes say."""
    ending = _ending(file)
    return _kind(ending, MEDIA.get(ending, ""))


def is_picture(file: File) -> bool:
    """Whether the file is shown among the pictures of a version, by its name and size alone."""
    media = MEDIA.get(_ending(file), "")
    return media.startswith("image/") and 0 < file.size <= 8 * MIB


def _ending(file: File) -> str:
    return file.path.rpartition("/")[2].lower().rpartition(".")[2] if "." in file.path else ""


def _kind(ending: str, media: str) -> Kind:
    if media:
        kinds: dict[str, Kind] = {"image": "picture", "audio": "sound", "video": "film", "application": "pdf"}
        return kinds[media.partition("/")[0]]
    return _MADE.get(ending, "none")


def _reads_as_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut in two
    return True


def preview(file: File, kind: Kind, *, now: datetime, beside: bool = False) -> str:
    """The digest of the rendering that shows this file; made once and kept for a while. Where files `beside` it are served,
    markdown shows them. Raises PreviewError.
    """
    beside = beside and kind == "markdown"
    made_as = f"{_LAYOUT} {kind}{'+beside' if beside else ''}"
    name = hashlib.sha256(f"{made_as} {file.path} {file.known_by}".encode()).hexdigest()
    known = Hold.objects.filter(holder=PREVIEW + name).first()
    if known is not None:
        return str(known.blob_id)
    whole = kind in _WHOLE or kind in _MOST
    content = b"".join(file.pieces(0, file.size if whole else min(HEAD, file.size)))
    told = {"kind": kind, "path": file.path, "cut": len(content) < file.size, "beside": beside}
    try:
        made = run_bounded("preview", json.dumps(told).encode() + b"\n" + content, BOUNDS, patience=PATIENCE)
    except Crowded:
        raise PreviewError("Others are being made ready at this moment. Load this page again in a minute.") from None
    except OutOfBounds as error:
        raise PreviewError(f"This file could not be shown: {error}. It can be downloaded.") from None
    rendering = storage.put(made, now=now)
    storage.hold(PREVIEW + name, rendering.digest)
    return rendering.digest
