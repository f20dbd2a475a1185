"""Trees: the files that a manifest names, laid down once as a folder of this machine for runs to be shown read-only.

Its folder is named after the digest of its manifest (`studium.storage.manifests`), so it never changes; one that nobody used
for a while is removed and laid down again when it is asked for.
"""

import errno
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from studium.config.options import options
from studium.lib.folders import flush, remove, seal
from studium.lib.ids import new_id
from studium.storage import manifests, stores
from studium.storage.chunks import queries as chunks

UNUSED_FOR = timedelta(days=7)
_UNFINISHED_FOR = timedelta(days=1)


def folder_of(manifest: str) -> Path:
    """Where the tree of a manifest is, or will be."""
    return _folder() / manifest


def is_down(manifest: str) -> bool:
    """Whether the whole tree is there."""
    return folder_of(manifest).is_dir()


def all_down() -> list[str]:
    """The manifests of all trees that are there."""
    return sorted(path.name for path in _folder().iterdir() if path.name[0] != ".") if _folder().is_dir() else []


def lay_down(manifest: str, *, now: datetime) -> None:
    """Have the tree there, and note that it was used. Repeatable; a tree appears under its name when it is whole.

    Raises FileNotFoundError where the store has lost a file, ValueError for a manifest that names no files of a tree, OSError
    where the disk has no room for it.
    """
    target = folder_of(manifest)
    if not target.is_dir():
        fresh = target.with_name(f".{manifest}.{new_id(6)}")
        try:
            fresh.mkdir(parents=True, mode=0o700)
            entries = manifests.read(manifest)
            _check_room(fresh, entries)
            _write(fresh, entries)
            seal(fresh)
            flush(fresh)  # under its name a tree is taken for whole, also after a power cut
            if not target.is_dir():  # somebody else may have been quicker
                fresh.rename(target)
        finally:
            remove(fresh)
    note_use(manifest, now=now)


def note_use(manifest: str, *, now: datetime) -> None:
    """Note that a tree that is there was used, so that it stays."""
    os.utime(folder_of(manifest), (now.timestamp(), now.timestamp()))


def collect(now: datetime, *, kept: Callable[[str], bool]) -> int:
    """Remove trees unused for a week, and what a crash left half-made; returns how many.

    `kept` is asked of each that is old, at the last moment, whether a run is shown it.
    """
    done = 0
    for path in sorted(_folder().iterdir()) if _folder().is_dir() else ():
        try:
            age = now.timestamp() - path.stat().st_mtime
            if path.name.startswith("."):
                gone = path if age > _UNFINISHED_FOR.total_seconds() else None
            elif age > UNUSED_FOR.total_seconds() and not kept(path.name):
                # Out of sight first: a tree that is half removed must not be taken for a whole one.
                gone = path.rename(path.with_name(f".{path.name}.{new_id(6)}"))
            else:
                gone = None
            if gone is not None:
                remove(gone)
                done += 1
        except FileNotFoundError:  # somebody else was quicker
            continue
    return done


def _folder() -> Path:
    return options().home.resolve() / "trees"


def _check_room(folder: Path, entries: list[manifests.Entry]) -> None:
    """A few chunks can be named so often that their files fill a disk, which would stop everybody's work."""
    size = sum(entry.size for entry in entries if entry.chunks is not None)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OSError(errno.ENOSPC, f"{size:,} bytes are to be laid down and {free:,} are free")


def _write(folder: Path, entries: list[manifests.Entry]) -> None:
    for parent in {(folder / entry.path).parent for entry in entries}:
        parent.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        if entry.chunks is None:
            stores.place(entry.digest, folder / entry.path)
    chunks.lay_down([(folder / entry.path, entry.chunks) for entry in entries if entry.chunks is not None])
