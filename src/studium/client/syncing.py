"""Make a folder here and one of a provider alike, either way: what changed travels, and only what is asked for is deleted."""

import contextlib
import errno
import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from studium.client.errors import ApiError, StudiumClientError, Unreachable
from studium.client.providers import Providers
from studium.client.shapes import ProviderEntry

_MD5 = re.compile(r"[0-9a-f]{32}")
_LEFT_OUT = frozenset({".git", ".ipynb_checkpoints", "__pycache__", ".DS_Store", "Thumbs.db"})
_PART = re.compile(r"\.studium-[0-9a-f]{16}\.part")
Seen = Callable[[str, str], None]
# Of files that take less time than asking for them so many travel at once. Larger ones go by themselves, so that whoever
# stops the command does not wait for them; so does the first, of which is learnt what would be the same for all.
_AT_ONCE, _SMALL = 3, 4 * 1024 * 1024
# What a provider says of one file alone, or what may pass while others go. Its other refusals are the same for every file.
_OF_ONE_FILE = frozenset(
    f"provider.{name}"
    for name in ("no_file", "bad_path", "no_read", "no_write", "no_remove", "timeout", "away", "unreachable")
)


class _Stopped(Exception):
    """The rest would fail alike."""


@dataclass
class Synced:
    """What was done, or is to be: paths below the folder. `failed` has a path and why for each that did not go; where the last of
    these would be the same for every file, nothing more was tried, and `stopped` says what to do."""

    sent: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: int = 0
    bytes: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    stopped: str = ""


@dataclass(frozen=True)
class _Step:
    """What is to be done about one file."""

    verb: str
    relative: str
    size: int
    go: Callable[[], object]


@dataclass(frozen=True)
class Place:
    """A folder of a provider."""

    providers: Providers
    team: str
    name: str
    folder: str

    def path(self, relative: str) -> str:
        return f"{self.folder}/{relative}" if self.folder else relative

    def files(self) -> dict[str, ProviderEntry]:
        below = f"{self.folder}/" if self.folder else ""
        found = self.providers.files(self.team, self.name, self.folder)
        return {entry.path.removeprefix(below): entry for entry in found}


def push(source: Path, place: Place, *, delete: bool, dry_run: bool, seen: Seen) -> Synced:
    """From here to the provider. A file that breaks off is not there; what went before it stays, so it can be repeated.

    Raises ApiError for a provider that is read only, before anything travels.
    """
    _check_writable(place)
    done = Synced()
    with contextlib.suppress(_Stopped):
        _push(source, place, done, delete=delete, dry_run=dry_run, seen=seen)
    return done


def _check_writable(place: Place) -> None:
    found = place.providers.get(place.team, place.name)
    if found.writable:
        return
    step = f"If it may be written: studium storage providers change {found.name} --writable --team {found.team}"
    if found.kind == "http":
        step = "Files of web servers are only read; send them to a bucket."
    raise ApiError("provider.read_only", f"{found.name} is read only.", step, 403)


def _push(source: Path, place: Place, done: Synced, *, delete: bool, dry_run: bool, seen: Seen) -> None:
    here, there = dict(local_files(source)), place.files()

    def sending() -> Iterator[_Step]:
        for relative, path in here.items():
            entry = there.get(relative)
            if entry is not None and _same(path, entry, newer=False):
                done.unchanged += 1
                continue
            to = place.path(relative)
            go = partial(place.providers.write, place.team, place.name, to, path)
            yield _Step("send", relative, path.stat().st_size, go)

    _do(done, sending(), dry_run=dry_run, seen=seen)
    if delete and not done.failed:
        gone = sorted(there.keys() - here.keys())
        remove = partial(place.providers.delete, place.team, place.name)
        steps = (_Step("delete", each, 0, partial(remove, place.path(each))) for each in gone)
        _do(done, steps, dry_run=dry_run, seen=seen)


def pull(place: Place, target: Path, *, delete: bool, dry_run: bool, seen: Seen) -> Synced:
    """From the provider to here. A file that breaks off goes on where it was, if it is still the same there."""
    done = Synced()
    with contextlib.suppress(_Stopped):
        _pull(place, target, done, delete=delete, dry_run=dry_run, seen=seen)
    return done


def _pull(place: Place, target: Path, done: Synced, *, delete: bool, dry_run: bool, seen: Seen) -> None:
    there = place.files()

    def taking() -> Iterator[_Step]:
        for relative, entry in there.items():
            path = target / relative
            if path.is_file() and _same(path, entry, newer=True):
                done.unchanged += 1
                continue
            yield _Step("take", relative, entry.size or 0, partial(_take, place, entry, target, relative))

    _do(done, taking(), dry_run=dry_run, seen=seen)
    if delete and not done.failed and target.is_dir():
        gone = [(relative, path) for relative, path in sorted(local_files(target)) if relative not in there]
        steps = (_Step("delete", relative, 0, path.unlink) for relative, path in gone)
        _do(done, steps, dry_run=dry_run, seen=seen)


def local_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder by their paths; links are neither followed nor taken."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(root, name)
            if name not in _LEFT_OUT and not _PART.fullmatch(name) and path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _do(done: Synced, steps: Iterable[_Step], *, dry_run: bool, seen: Seen) -> None:
    """Take the steps, some at once, and note how each went, in their order. Raises _Stopped when the rest would fail alike;
    what is under way by then is noted first."""
    waiting = deque[tuple[_Step, Future[object]]]()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, step in enumerate(steps):
            seen(step.verb, step.relative)
            if dry_run:
                _note(done, step, None)
                continue
            if number == 0 or step.size > _SMALL:
                _settle(done, waiting, 0)
                _note(done, step, _error(step.go))
                continue
            waiting.append((step, pool.submit(step.go)))
            _settle(done, waiting, _AT_ONCE - 1)
        _settle(done, waiting, 0)


def _settle(done: Synced, waiting: deque[tuple[_Step, Future[object]]], left: int) -> None:
    """Note how those went that were begun first, until so many are `left`."""
    while len(waiting) > left:
        step, going = waiting.popleft()
        try:
            _note(done, step, _error(going.result))
        except _Stopped:
            for other, under_way in waiting:
                with contextlib.suppress(_Stopped):
                    _note(done, other, _error(under_way.result))
            raise


def _error(work: Callable[[], object]) -> StudiumClientError | OSError | None:
    try:
        work()
    except (StudiumClientError, OSError) as error:
        return error
    return None


def _note(done: Synced, step: _Step, error: StudiumClientError | OSError | None) -> None:
    if error is None:
        (done.deleted if step.verb == "delete" else done.sent).append(step.relative)
        done.bytes += step.size
        return
    why = error.message if isinstance(error, StudiumClientError) else error.strerror or str(error)
    done.failed.append((step.relative, why))
    if _same_for_all(error):
        done.stopped = getattr(error, "next_step", "") or "See what is wrong, and type the command again."
        raise _Stopped


def _same_for_all(error: StudiumClientError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    if isinstance(error, ApiError):
        return error.status == 401 or (error.code.startswith("provider.") and error.code not in _OF_ONE_FILE)
    return isinstance(error, Unreachable)


def _same(path: Path, entry: ProviderEntry, *, newer: bool) -> bool:
    """By size, then by digest where the server tells one, else by date.

    What is here is the same if it is not `newer` than what is there; what was taken down has its very date.
    """
    told = path.stat()
    if told.st_size != entry.size:
        return False
    if _MD5.fullmatch(entry.etag):
        return _md5(path) == entry.etag
    if entry.changed_at is None:
        return False
    there = entry.changed_at.timestamp()
    return abs(told.st_mtime - there) < 1 if newer else told.st_mtime <= there


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _take(place: Place, entry: ProviderEntry, target: Path, relative: str) -> None:
    path = _inside(target, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(f"{entry.path}\n{entry.etag}\n{entry.size}".encode()).hexdigest()[:16]
    part = path.with_name(f".studium-{key}.part")
    if entry.etag and entry.size is not None:
        part.touch()
        if part.stat().st_size > entry.size:
            part.write_bytes(b"")
        place.providers.append(place.team, place.name, entry, part)
    else:
        place.providers.read(place.team, place.name, entry.path, part)
    short = entry.size is not None and part.stat().st_size != entry.size
    if short or (_MD5.fullmatch(entry.etag) and _md5(part) != entry.etag):
        part.unlink()
        raise StudiumClientError("It did not come as it is there.", "Type the command again.")
    if entry.changed_at is not None:
        os.utime(part, (entry.changed_at.timestamp(),) * 2)
    part.replace(path)


def _inside(target: Path, relative: str) -> Path:
    """Where a file of this name goes: below the folder, whatever its name is and whatever links are there."""
    parts = relative.split("/")
    bad = any(part in ("", ".", "..") or "\\" in part or (":" in part and os.name == "nt") for part in parts)
    path = target.joinpath(*parts)
    if bad or not path.parent.resolve().is_relative_to(target.resolve()) or path.is_symlink():
        raise StudiumClientError("This name would lie outside of the folder.", "Take it down by itself, with get.")
    return path
