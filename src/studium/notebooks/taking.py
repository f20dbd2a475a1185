"""Takes the files of a workspace into the store, as a manifest: those of versions' runs, and those of git repositories.

A manifest is a blob of JSON: `{"files": [{"path", "size", "digest"}], "left_out", "left_bytes"}`.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from studium.compute.engines.base import Engine
from studium.config.options import options
from studium.errors import Broken
from studium.runner import collecting
from studium.storage import actions as storage
from studium.storage.models import Blob

MOST_FILES = 5000
_SMALL = 8 * 1024**2
_PIECE = 1024 * 1024
# So much is put into the store at once.
_TOGETHER, _TOGETHER_BYTES = 500, 16 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was stored and is not held yet: the manifest, the contents it names, and how much that is."""

    manifest: Blob
    digests: frozenset[str]
    count: int
    size: int
    left_out: int


def take_files(
    engine: Engine,
    volume: str,
    *,
    skip: str,
    most_bytes: int,
    now: datetime,
    begun_with: str = "",
    only: Callable[[str], bool] = lambda path: True,
) -> Taken:
    """Store the files of a workspace that nothing runs in, but for `skip` and hidden ones. Not to be called in a transaction.

    `begun_with` is the manifest of the files that the workspace began with; those that are as they were are left out, and so are
    those whose path is not among `only`.
    """
    begun = _entries(begun_with) if begun_with else []
    before = {each["path"]: each["digest"] for each in begun}
    most_bytes += sum(each["size"] for each in begun)
    folder = options().home / "collected"
    folder.mkdir(mode=0o700, exist_ok=True)
    with _passing(folder) as taken, _passing(folder) as large:
        engine.collect(volume, taken, skip=skip, most_files=MOST_FILES + len(begun), most_bytes=most_bytes)
        with taken.open("rb") as stream:
            found, last = _store(stream, large, now)
    files = [each for each in found if before.get(each["path"]) != each["digest"] and only(each["path"])]
    manifest = storage.put(json.dumps({"files": files, **last}, sort_keys=True).encode(), now=now)
    return Taken(
        manifest=manifest,
        digests=frozenset(each["digest"] for each in files),
        count=len(files),
        size=sum(each["size"] for each in files),
        left_out=last.get("left_out", 0),
    )


def named_in(manifest: str) -> frozenset[str]:
    """The digests of the contents that a manifest names. Raises Broken where the store has lost it."""
    return frozenset(each["digest"] for each in _entries(manifest))


def _entries(manifest: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(storage.get(manifest))["files"]
    except FileNotFoundError:
        raise Broken("storage.lost", "The list of its files is no longer kept.", "Tell an administrator.") from None
    return found


def hold_taken(holder: str, manifest: str, digests: frozenset[str]) -> None:
    """Hold a manifest and all that it names, under `<holder>:files` and `<holder>:<digest>`, in the caller's transaction."""
    storage.hold(f"{holder}:files", manifest)
    storage.hold_all(holder, digests)


@contextlib.contextmanager
def _passing(folder: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _store(stream: IO[bytes], large: Path, now: datetime) -> tuple[list[dict[str, Any]], dict[str, int]]:
    files: list[dict[str, Any]] = []
    last: dict[str, int] = {}
    waiting, size = list[tuple[str, bytes]](), 0
    for line in collecting.read(stream):
        if "path" not in line:
            last = line
            continue
        if line["size"] <= _SMALL:
            waiting.append((line["path"], stream.read(line["size"])))
            size += line["size"]
            if size >= _TOGETHER_BYTES or len(waiting) >= _TOGETHER:
                files += _kept(waiting, now)
                size = 0
                waiting.clear()
        else:
            _copy(stream, large, line["size"])
            files.append(_line(line["path"], storage.put_file(large, now=now)))
    files += _kept(waiting, now)
    return sorted(files, key=lambda each: each["path"]), last


def _kept(waiting: list[tuple[str, bytes]], now: datetime) -> list[dict[str, Any]]:
    if not waiting:
        return []
    blobs = storage.put_all([content for _, content in waiting], now=now)
    return [_line(path, blob) for (path, _), blob in zip(waiting, blobs, strict=True)]


def _line(path: str, blob: Blob) -> dict[str, Any]:
    return {"path": path, "size": blob.size, "digest": blob.digest}


def _copy(stream: IO[bytes], target: Path, size: int) -> None:
    with target.open("wb") as out:
        while size and (piece := stream.read(min(_PIECE, size))):
            out.write(piece)
            size -= len(piece)
