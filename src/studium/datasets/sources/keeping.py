"""Puts the files of an import into the store, in bounded steps that a crash loses one of at most.

The files lie in a folder of the platform's home that nobody writes to any more. What a step kept is a list beside them, named
by the step's number: the same files give the same list, so a step that was begun twice is written twice and counts once.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from studium.config.options import options
from studium.datasets.actions import owner_of
from studium.datasets.files import Brought
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import SourceKind
from studium.lib import chunks as cutting
from studium.lib.folders import remove
from studium.storage import manifests
from studium.storage.chunks import actions as chunks
from studium.storage.folder import put

STEP_BYTES = 1024**3
_PIECE = 1024 * 1024
Line = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What one step did. `whole` says that it was the last; `counted` are the files and bytes that there are, once known."""

    bytes: int
    whole: bool
    counted: tuple[int, int] | None = None


def folder_of(row: Import) -> Path:
    """Where its files are while they are kept."""
    return options().home / "imports" / row.pk


def files_of(row: Import) -> list[tuple[str, int]]:
    """Path and size of each of the files that were taken out, in order."""
    top = folder_of(row) / "files"
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                found.append((path.relative_to(top).as_posix(), path.stat().st_size))
    return sorted(found)


def is_there(row: Import) -> bool:
    """Whether what was taken out and what the steps before kept is still here: a backup has none of it."""
    if any(not (folder_of(row) / f"kept-{number}.jsonl").exists() for number in range(row.steps)):
        return False
    if row.kind == SourceKind.PROVIDER:  # nothing else of it is on this machine
        return True
    files = files_of(row)
    there = (len(files), sum(size for _, size in files))
    return bool(row.asked.get("manifest")) or there == (row.files_count, row.files_bytes)


def keep_step(row: Import, *, now: datetime, alive: Callable[[], None]) -> Step:
    """Keep the next so many bytes, and one pack more. `alive` is called now and then. Repeatable; not in a transaction."""
    found: list[Line]
    if row.asked.get("manifest"):
        found, whole = _blob_lines(row, STEP_BYTES)
    else:
        found, whole = _chunk_lines(row, STEP_BYTES, now, alive)
    return written(row, found, whole=whole)


def written(row: Import, lines: list[Line], *, whole: bool, counted: tuple[int, int] | None = None) -> Step:
    """Write down what the row's next step did."""
    folder = folder_of(row)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # On the disk before the row counts the step.
    put(folder, f"kept-{row.steps}.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    return Step(sum(line["size"] for line in lines), whole, counted)


def kept_lines(row: Import) -> Iterator[Line]:
    """What the steps before kept."""
    for number in range(row.steps):
        yield from read(folder_of(row) / f"kept-{number}.jsonl")


def read(path: Path) -> Iterator[Line]:
    """What one step kept."""
    with path.open() as stream:
        yield from map(json.loads, stream)


def brought(row: Import, alive: Callable[[], None]) -> list[Brought]:
    """Every file, once the last step is done."""
    found: dict[str, list[Line]] = {}
    for line in kept_lines(row):
        found.setdefault(line["path"], []).append(line)
    if row.asked.get("manifest"):
        return [Brought(path, one["size"], one["blob"], None, one["crc"]) for path, (one,) in found.items()]
    top = folder_of(row) / "files"
    files = []
    for path, size in files_of(row):
        digests = [line["chunk"] for line in found.get(path, ())]
        digest = digests[0] if len(digests) == 1 else _digest(top / path, alive)
        files.append(Brought(path, size, digest, digests))
    return files


def _digest(path: Path, alive: Callable[[], None]) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(64 * _PIECE):
            whole.update(piece)
            alive()
    return whole.hexdigest()


def _chunk_lines(row: Import, most: int, now: datetime, alive: Callable[[], None]) -> tuple[list[Line], bool]:
    """Cut the files on from where the steps before stopped: cuts depend on what comes after them alone."""
    done = dict[str, int]()
    for line in kept_lines(row):
        done[line["path"]] = done.get(line["path"], 0) + line["size"]
    files = [(path, done.get(path, 0)) for path, size in files_of(row) if done.get(path, 0) < size]
    pieces = _Pieces(folder_of(row) / "files", files)
    lines, size = list[Line](), 0
    for pack in chunks.packs(iter(pieces)):
        chunks.bring_missing(owner_of(row.dataset), pack, now=now)
        paths = pieces.take(len(pack))
        for path, (chunk, _) in zip(paths, pack, strict=True):
            lines.append({"path": path, "chunk": chunk.digest, "size": chunk.size})
            size += chunk.size
        alive()
        if size >= most:
            return lines, False
    return lines, True


class _Pieces:
    """The chunks of several files, one behind the other, so that small ones are packed together; whose each was is told after."""

    def __init__(self, top: Path, files: list[tuple[str, int]]) -> None:
        self._top, self._files, self._paths = top, files, list[str]()

    def __iter__(self) -> Iterator[tuple[cutting.Chunk, bytes]]:
        for path, start in self._files:
            with (self._top / path).open("rb") as stream:
                stream.seek(start)
                yield from self._of(path, stream)

    def _of(self, path: str, stream: BinaryIO) -> Iterator[tuple[cutting.Chunk, bytes]]:
        for chunk, content in cutting.cut(stream):
            self._paths.append(path)
            yield chunk, content

    def take(self, count: int) -> list[str]:
        """The paths of the next so many chunks that came."""
        found, self._paths = self._paths[:count], self._paths[count:]
        return found


def _blob_lines(row: Import, most: int) -> tuple[list[Line], bool]:
    """Files that are blobs stay where they are; only their CRC is taken, for archives."""
    done = {line["path"] for line in kept_lines(row)}
    lines, size = list[Line](), 0
    for entry in manifests.read(row.asked["manifest"]):
        if entry.path in done:
            continue
        if size >= most:
            return lines, False
        crc = 0
        for piece in entry.pieces():
            crc = zlib.crc32(piece, crc)
        lines.append({"path": entry.path, "blob": entry.digest, "size": entry.size, "crc": crc})
        size += entry.size
    return lines, True


def forget(row: Import) -> None:
    """Its files and lists are needed no longer."""
    remove(folder_of(row))
