"""`studium storage migrate`: move what is stored to another store while everything runs, by one command that can be repeated.

Each object is copied, read back and compared. Nothing is taken away from the old store: it stays until the operator removes it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.store import ObjectStore

from studium.config.options import options
from studium.errors import BadInput, Broken, Refused
from studium.lib.ids import new_id
from studium.lib.units import size_words
from studium.storage import credentials, moving, stores
from studium.storage.errors import StoreFailed
from studium.storage.models import Blob, Block, Chunk
from studium.storage.moving import Move, State
from studium.storage.spooling import spooled

Say = Callable[[str], None]
_AT_ONCE = 4
_PIECE = 1024 * 1024
# One pass copies all there is; those after it what came meanwhile, of which each is less than the one before.
_MOST_PASSES = 100
# Whoever began to write before the switch is through with it by then: a block is recorded within an hour or not at all.
_ON_ITS_WAY = timedelta(hours=1)
SETTING = "STUDIUM_STORAGE_URL"


@dataclass
class Moved:
    """What came of it. `lost` was not in the old store either, or was damaged there, before anything was moved.

    `done` tells that the old store is not asked any more; `setting` what is left to do, in words.
    """

    copied: int = 0
    size: int = 0
    lost: list[str] = field(default_factory=list)
    done: bool = False
    setting: str = ""


def migrate(target: str, say: Say, *, now: datetime) -> Moved:
    """Move everything to the store of this `storage_url`, empty for the folder, or go on with that.

    An hour after it switched, calling it again ends it: from then on the old store is not asked for anything.
    Raises BadInput, Refused, or Broken where a store does not answer; calling it again goes on from there.
    """
    move = _begun(target, now)
    moved = Moved()
    try:
        _check(target)
        if move.state == State.COPYING:
            for _ in range(_MOST_PASSES):
                if not _pass(move, moved, say):
                    break
            move = Move(move.source, target, State.SWITCHED, now)
            moving.save(move)
            say("Everything is copied, and the new store is in use.")
        # What was on its way while it was switched.
        _pass(move, moved, say)
    except OSError as error:
        raise Broken(
            "migrate.store",
            f"{error}",
            "Nothing is lost and everything goes on as before. Mend it and type the same command again.",
        ) from error
    if move.state == State.SWITCHED and move.since <= now - _ON_ITS_WAY:
        moving.save(Move(move.source, target, State.DONE, now))
    moved.done = move.since <= now - _ON_ITS_WAY
    moved.setting = _write_setting(target)
    return moved


def give_up(say: Say) -> None:
    """End a move that has not switched. What was copied stays in the new store, unused. Raises Refused."""
    move = moving.current()
    if move is None or move.state != State.COPYING:
        raise Refused(
            "migrate.none", "No move is under way that could be given up.", "Move back instead, with migrate."
        )
    moving.save(None)
    say(f"Given up. What was copied to {shown(move.target)} can be deleted there.")


def shown(url: str) -> str:
    return url or f"the folder {options().home / 'blobs'}"


def _begun(target: str, at: datetime) -> Move:
    """The move that goes there: the one under way, or a new one."""
    if target and urlsplit(target).scheme != "s3":
        raise BadInput(
            "migrate.target", f"{target!r} is no store.", "Give s3://bucket/prefix?endpoint=https://... or folder."
        )
    now, move = stores.places(), moving.current()
    if move is not None and move.state == State.COPYING:
        if move.target != target:
            raise Refused(
                "migrate.another",
                f"A move to {shown(move.target)} is under way.",
                "Finish it, or end it with --give-up.",
            )
        credentials.keep(target, os.environ)
        stores.store_at.cache_clear()
        return move
    if now.first == target:
        if move is None or move.target != target:
            raise Refused("migrate.there", f"Everything is in {shown(target)} already.", "Name another store.")
        return move
    if move is not None and move.state == State.SWITCHED and target != move.source:
        raise Refused(
            "migrate.unfinished",
            f"The move to {shown(move.target)} has switched, but something may still be in the old store alone.",
            "Type the command for that move again, an hour after it switched.",
        )
    if target:
        credentials.keep(target, os.environ)
        stores.store_at.cache_clear()
    try:
        _check(target)
    except OSError as error:
        raise Broken("migrate.store", f"{error}", "Nothing was moved. Check its address and credentials.") from error
    fresh = Move(now.first, target, State.COPYING, at)
    moving.save(fresh)
    return fresh


def _check(target: str) -> None:
    """That the new store takes, gives, lists and deletes. Raises StoreFailed."""
    name, content = f"check/{new_id()}", b"A check of the store. It can be deleted."
    with stores.asked("take, give back, list and delete a check"):
        store = stores.store_at(target)
        stores.put_in(store, name, content)
        if bytes(obstore.get(store, name).bytes()) != content:
            raise StoreFailed("The new store gives back other bytes than it took.")
        next(obstore.list(store, "check"), None)
        obstore.delete(store, name)


def _pass(move: Move, moved: Moved, say: Say) -> int:
    """Copy what the new store lacks; how many objects that were."""
    source, target = stores.store_at(move.source), stores.store_at(move.target)
    present = _present(target)
    wanted = [(key, digest, size) for key, digest, size in _needed() if present.get(key) != size]
    del present
    done = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, (key, result) in enumerate(pool.map(lambda each: _copied(source, target, *each), wanted), 1):
            if isinstance(result, int):
                done, moved.copied, moved.size = done + 1, moved.copied + 1, moved.size + result
            elif isinstance(result, str):
                _note_lost(moved, key, result)
            elif _is_needed(key):
                raise result
            if number % 500 == 0:
                say(f"{number:,} of {len(wanted):,} copied, {size_words(moved.size)}.")
    if move.state == State.COPYING:
        _drop_collected(target, [key for key, _, _ in wanted])
    return done


def _needed() -> Iterator[tuple[str, str, int]]:
    """Key, digest (empty for a block) and size of all that has to be there."""
    for digest, size in Blob.objects.filter(deleting=False).order_by("pk").values_list("digest", "size").iterator():
        yield stores.path_of(digest), digest, size
    for block, size in Block.objects.filter(deleting=False).order_by("pk").values_list("pk", "size").iterator():
        yield stores.path_of_block(block), "", size


def _present(store: ObjectStore) -> dict[str, int]:
    found: dict[str, int] = {}
    for prefix in ("sha256", "blocks"):
        stream = obstore.list(store, prefix, chunk_size=1000)
        while True:
            with stores.asked("list what it has"):
                batch = next(stream, None)
            if batch is None:
                break
            found |= {meta["path"]: meta["size"] for meta in batch}
    return found


def _copied(
    source: ObjectStore, target: ObjectStore, key: str, digest: str, size: int
) -> tuple[str, int | str | StoreFailed]:
    """Copy one, read it back and compare: its size, or why it could not be. Raises StoreFailed.

    Returns one instead where that is no fault if the object was collected meanwhile.
    """
    whole = hashlib.sha256()

    def read() -> Iterator[bytes]:
        with stores.asked("give what is copied"):
            for piece in found.stream(min_chunk_size=_PIECE):
                whole.update(piece)
                yield bytes(piece)

    try:
        with stores.asked("give what is copied"):
            found = obstore.get(source, key)
        if found.meta["size"] != size:
            return key, "It has another size than it had."
        with spooled(read()) as content, stores.asked("take what is copied"):
            stores.put_in(target, key, content)
    except FileNotFoundError:
        return key, "It is gone."
    arrived = hashlib.sha256()
    with stores.asked("give back what was copied"):
        try:
            for piece in obstore.get(target, key).stream(min_chunk_size=_PIECE):
                arrived.update(piece)
        except FileNotFoundError:
            return key, StoreFailed(f"The new store does not give back {key}, which it took.")
        if arrived.digest() != whole.digest():
            obstore.delete(target, key)
            raise StoreFailed(f"The new store gives back other bytes of {key} than it took.")
        if digest and digest != whole.hexdigest():
            return key, "Its bytes are not what they were."
    return key, size


def _note_lost(moved: Moved, key: str, why: str) -> None:
    """A block that is just being written, or what was collected meanwhile, is not lost."""
    said = f"{key}: {why}"
    if _is_needed(key) and said not in moved.lost:
        moved.lost.append(said)


def _is_needed(key: str) -> bool:
    name = key.rpartition("/")[2]
    if key.startswith("blocks/"):
        return Chunk.objects.filter(block_id=name, block__deleting=False).exists()
    return Blob.objects.filter(pk=name, deleting=False).exists()


def _drop_collected(target: ObjectStore, keys: list[str]) -> None:
    """What was deleted in both stores while it was copied came again. Until the switch nobody reads it here."""
    for start in range(0, len(keys), 500):
        part = {key.rpartition("/")[2]: key for key in keys[start : start + 500]}
        kept = set(Blob.objects.filter(pk__in=list(part)).values_list("pk", flat=True))
        kept |= set(Block.objects.filter(pk__in=list(part)).values_list("pk", flat=True))
        for name in part.keys() - kept:
            with stores.asked("delete what was collected"):
                obstore.delete(target, part[name])


def _write_setting(target: str) -> str:
    """Set it in `studium.env`, for what reads the setting; what is left to do, in words."""
    path = options().home / "studium.env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if not line.strip().startswith(f"{SETTING}=")]
    if target:
        kept.append(f'{SETTING}="{target}"')
    if kept != lines:
        _replace(path, "".join(f"{line}\n" for line in kept))
    given = os.environ.get(SETTING)
    if given is not None and given != target:
        return f"{SETTING} is set in the environment to the old store: set it to {target!r} there when it suits you."
    return ""


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    if path.exists():
        fresh.chmod(path.stat().st_mode & 0o777)
    fresh.replace(path)
