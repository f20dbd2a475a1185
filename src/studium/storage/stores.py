"""The object store behind blobs: a folder or an S3-compatible bucket, through one library."""

import contextlib
import errno
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import obstore
import structlog
from obstore.store import LocalStore, ObjectStore, S3Store

from studium.config.options import options
from studium.storage import credentials, folder, moving
from studium.storage.errors import StoreFailed, StoreFull, is_full
from studium.storage.moving import Places

T = TypeVar("T")
log = structlog.get_logger(__name__)

# For a store that is away. Whoever waits for it is a request or a pass that can be tried again.
_PATIENCE = timedelta(seconds=20)
# Of one request that goes on, as one with a large blob does.
_LONGEST = timedelta(minutes=10)
# While everything is copied to a store that did not answer, nobody waits for it again for so long.
_REST_SECONDS = 30.0
_resting: dict[str, float] = {}


@contextlib.contextmanager
def asked(what: str) -> Iterator[None]:
    """Whatever the library or the disk says is a StoreFailed; what is not there stays FileNotFoundError."""
    try:
        yield
    except StoreFailed:
        raise
    except (obstore.exceptions.BaseError, OSError) as error:
        # Where there is no bucket nothing is there; to call that lost would have everything given up that lies in it.
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            raise
        said = (str(error).splitlines() or [""])[0][:300]
        kind = StoreFull if is_full(error) else StoreFailed
        raise kind(f"The object store did not {what}: {said or type(error).__name__}") from error


@lru_cache(maxsize=4)
def store_at(url: str) -> ObjectStore:
    """The store of a `storage_url`, empty for the folder in the home.

    Credentials of S3 are those that were kept for it (`credentials`), else they come from the usual `AWS_*` variables.
    """
    if not url:
        top = options().home / "blobs"
        top.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(str(top))
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise ValueError(f"storage_url: {parts.scheme!r} is not s3")
    endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
    extra: dict[str, Any] = dict(credentials.of(url))
    client: dict[str, Any] = {"connect_timeout": _PATIENCE / 4, "read_timeout": _PATIENCE, "timeout": _LONGEST}
    if endpoint:
        extra["endpoint"] = endpoint
        client["allow_http"] = endpoint.startswith("http://")
    retries: Any = {"max_retries": 4, "retry_timeout": _PATIENCE}
    prefix = parts.path.strip("/") or None
    return S3Store(parts.netloc, prefix=prefix, retry_config=retries, client_options=client, **extra)  # type: ignore[arg-type]


def places() -> Places:
    """Which stores are asked now."""
    return moving.places(options().storage_url)


def _read(what: str, ask: Callable[[ObjectStore], T]) -> T:
    """Ask the store that counts, and the other one for what it lacks: what neither has is not there."""
    now = places()
    try:
        with asked(what):
            return ask(store_at(now.first))
    except FileNotFoundError:
        if now.other is None:
            raise
    with asked(what):
        return ask(store_at(now.other))


def _write(what: str, ask: Callable[[ObjectStore], object]) -> None:
    """Have the store that counts take it, and the other one too while everything is copied there.

    What that one does not take is copied later: it may be away without harm.
    """
    now = places()
    with asked(what):
        ask(store_at(now.first))
    if now.both and now.other is not None and time.monotonic() >= _resting.get(now.other, 0.0):
        try:
            with asked(what):
                ask(store_at(now.other))
        except OSError as error:
            _resting[now.other] = time.monotonic() + _REST_SECONDS
            log.warning("new_store_does_not_answer", error=str(error))


def _remove(what: str, key: str) -> None:
    """In every store it may be in, or what was deleted would be found again."""
    now = places()
    for url in [now.first] if now.other is None else [now.other, now.first]:
        with contextlib.suppress(FileNotFoundError), asked(what):
            obstore.delete(store_at(url), key)


def path_of(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def put_in(store: ObjectStore, key: str, content: folder.Content, *, replace: bool = True) -> None:
    """Have the bytes, also in several parts, or those of a file, under this key; they are there for good when this returns.

    Without `replace`, what is there already is taken for them.
    """
    if isinstance(store, LocalStore):
        assert store.prefix is not None
        folder.put(Path(store.prefix), key, content, replace=replace)
        return
    if not replace and isinstance(content, Path):
        with contextlib.suppress(FileNotFoundError):
            obstore.head(store, key)
            return
    if not isinstance(content, bytes | Path):
        content = b"".join(content)
    mode = "overwrite" if replace or isinstance(content, Path) else "create"
    with contextlib.suppress(obstore.exceptions.AlreadyExistsError):
        # Bytes in one request: parts of one that was cut off would stay in the store for good.
        obstore.put(store, key, content, mode=mode, use_multipart=isinstance(content, Path))  # type: ignore[arg-type]


def write(digest: str, content: bytes) -> None:
    """Store the bytes under their digest. Writing what is there already changes nothing."""
    _write("take a blob", lambda store: put_in(store, path_of(digest), content, replace=False))


def write_all(contents: Mapping[str, bytes]) -> None:
    """As `write`, of many by their digests."""

    def put(store: ObjectStore) -> None:
        named = {path_of(digest): content for digest, content in contents.items()}
        if isinstance(store, LocalStore):
            assert store.prefix is not None
            folder.put_all(Path(store.prefix), named)
            return
        for key, content in named.items():
            put_in(store, key, content, replace=False)

    _write("take blobs", put)


def write_file(digest: str, path: Path) -> None:
    """Store a file under its digest, in parts where it is large."""
    _write("take a blob", lambda store: put_in(store, path_of(digest), path, replace=False))


def read(digest: str) -> bytes:
    """The bytes. Raises FileNotFoundError if the store lost them."""
    return _read("give a blob", lambda store: bytes(obstore.get(store, path_of(digest)).bytes()))


def read_part(digest: str, start: int, length: int) -> bytes:
    """So many bytes from `start` on, fewer where it ends before. Raises FileNotFoundError."""
    if length <= 0:
        return b""
    return _read(
        "give a blob", lambda store: bytes(obstore.get_range(store, path_of(digest), start=start, length=length))
    )


def pieces(digest: str) -> Iterator[bytes]:
    """The bytes in pieces of a megabyte or so. Raises FileNotFoundError."""
    return _streamed(_read("give a blob", lambda store: obstore.get(store, path_of(digest))))


def _streamed(found: "obstore.GetResult") -> Iterator[bytes]:
    with asked("give a blob"):
        for piece in found.stream(min_chunk_size=1024 * 1024):
            yield bytes(piece)


def place(digest: str, target: Path) -> None:
    """Have the bytes at a path that is not there yet, to be read and never written. Raises FileNotFoundError.

    On one file system it is the store's own file under a second name, which takes neither time nor room.
    """
    if not places().first:
        try:
            os.link(options().home / "blobs" / path_of(digest), target)
        except FileNotFoundError:  # it may be in another store
            pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise
        else:
            return
    with target.open("xb") as out:
        for piece in pieces(digest):
            out.write(piece)


class Part(NamedTuple):
    """So many bytes of a file of the store's folder from an offset on. `path` is below that."""

    path: str
    offset: int
    length: int


def part_of(digest: str, start: int, length: int) -> list[Part] | None:
    """Where so many bytes of a blob lie in the store's folder; None where that is not the store, or lacks them."""
    found = [Part(path_of(digest), start, length)]
    return found if has_parts(found) else None


def has_parts(parts: Iterable[Part]) -> bool:
    """Whether the store is the folder, and has all of these."""
    if places() != Places(""):
        return False
    ends: dict[str, int] = {}
    for part in parts:
        ends[part.path] = max(ends.get(part.path, 0), part.offset + part.length)
    top = options().home / "blobs"
    try:
        return all((top / path).stat().st_size >= end for path, end in ends.items())
    except OSError:  # for reading it to say
        return False


def path_of_block(block: str) -> str:
    return f"blocks/{block[:2]}/{block}"


def write_block(block: str, parts: Sequence[bytes | memoryview]) -> None:
    """Store a block of these parts, one behind the other. Its name is never used again."""
    _write("take a block", lambda store: put_in(store, path_of_block(block), parts))


def read_block(block: str) -> bytes:
    """All of a block. Raises FileNotFoundError."""
    return _read("give a block", lambda store: bytes(obstore.get(store, path_of_block(block)).bytes()))


def read_block_part(block: str, start: int, length: int) -> bytes:
    """So many bytes of a block from `start` on. Raises FileNotFoundError if the store lost them."""

    def get(store: ObjectStore) -> bytes:
        if isinstance(store, LocalStore):  # by itself: through the library it takes three times as long
            return _read_file_part(options().home / "blobs" / path_of_block(block), start, length)
        try:
            return bytes(obstore.get_range(store, path_of_block(block), start=start, length=length))
        except obstore.exceptions.BaseError:
            if obstore.head(store, path_of_block(block))["size"] >= start + length:
                raise
            return b""

    found = _read("give a part of a block", get)
    if len(found) != length:
        raise _shorter(block)
    return found


def _read_file_part(path: Path, start: int, length: int) -> bytes:
    """What there is of it, less than `length` at the file's end."""
    with path.open("rb", buffering=0) as source:
        found = os.pread(source.fileno(), length, start)
        while 0 < len(found) < length and (more := os.pread(source.fileno(), length - len(found), start + len(found))):
            found += more
    return found


def has_block(block: str) -> bool:
    """Whether anything of it is there."""
    try:
        _read("look for a block", lambda store: obstore.head(store, path_of_block(block)))
    except FileNotFoundError:
        return False
    return True


def _shorter(block: str) -> FileNotFoundError:
    return FileNotFoundError(f"block {block} is shorter than it was")


def remove_block(block: str) -> None:
    """Delete a block; nothing happens if it is gone."""
    _remove("delete a block", path_of_block(block))
    if "" in places()[:2]:  # what a writer that was killed left of it
        whole = options().home / "blobs" / path_of_block(block)
        for part in whole.parent.glob(f"{block}#*"):
            part.unlink(missing_ok=True)


class BlockReader:
    """Copies parts of blocks to files. The blocks it read last are open, or in memory where the store is far away."""

    _MOST = 8

    def __init__(self) -> None:
        self._open: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open.values():
            each.close()

    def copy(self, block: str, start: int, length: int, out: BinaryIO) -> None:
        """Write so many bytes of a block to `out`. Raises FileNotFoundError if the store lost them."""
        source = self._source(block)
        source.seek(start)
        content = source.read(length)
        if len(content) != length:
            raise _shorter(block)
        out.write(content)

    def _source(self, block: str) -> BinaryIO:
        if block not in self._open:
            if len(self._open) >= self._MOST:
                self._open.pop(next(iter(self._open))).close()
            near = None if places().first else options().home / "blobs" / path_of_block(block)
            if near is not None and near.exists():
                self._open[block] = near.open("rb", buffering=0)
            else:
                self._open[block] = io.BytesIO(read_block(block))
        return self._open[block]


def remove(digest: str) -> None:
    """Delete the bytes; nothing happens if they are gone."""
    _remove("delete a blob", path_of(digest))
