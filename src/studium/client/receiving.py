"""Taking files down: go on where it broke off, check what came, and only then give it its name."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from studium.client.calls import Calls
from studium.client.errors import StudiumClientError
from studium.client.shapes import DatasetFile

_PIECE = 4 * 1024 * 1024


@dataclass
class Taken:
    """How far it is: files and bytes that are here."""

    files: int = 0
    bytes: int = 0
    changed: Callable[["Taken"], None] = field(default=lambda _: None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, files: int = 0, size: int = 0) -> None:
        with self._lock:
            self.files += files
            self.bytes += size
        self.changed(self)


def receive_file(calls: Calls, path: str, file: DatasetFile, target: Path, taken: Taken) -> None:
    """Have the file at `target`. Raises ApiError, Unreachable, OSError, or StudiumClientError for bytes that are not its own."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and target.stat().st_size == file.size and _digest(target) == file.digest:
        taken.add(files=1, size=file.size)
        return
    part = target.with_name(f".studium-{hashlib.sha256(file.path.encode()).hexdigest()[:8]}-{file.digest[:8]}.part")
    if part.is_file() and part.stat().st_size > file.size:
        part.unlink()
    whole = hashlib.sha256()
    if part.is_file():
        with part.open("rb") as before:
            while piece := before.read(_PIECE):
                whole.update(piece)
        taken.add(size=part.stat().st_size)
    else:
        part.touch()
    calls.append_to(path, part, file.size, f'"{file.digest}"', lambda piece: _count(whole, piece, taken))
    if part.stat().st_size != file.size or whole.hexdigest() != file.digest:
        part.unlink()
        raise StudiumClientError(f"{file.path} did not arrive as it is kept.", "Take it down again.")
    part.replace(target)
    taken.add(files=1)


def _count(whole: "hashlib._Hash", piece: bytes, taken: Taken) -> None:
    whole.update(piece)
    taken.add(size=len(piece))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
