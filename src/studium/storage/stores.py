"""The object store behind blobs: a folder or an S3-compatible bucket, through one library."""

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, S3Store

from studium.config.options import options

# For a store that is away. Whoever waits for it is a request or a pass that can be tried again.
_PATIENCE = timedelta(seconds=20)


class StoreFailed(OSError):
    """The store did not do what it was asked: it is away, full, or does not know our credentials."""


@contextlib.contextmanager
def _asked(what: str) -> Iterator[None]:
    """Whatever the library says is said as an OSError; what is not there stays FileNotFoundError."""
    try:
        yield
    except (obstore.exceptions.BaseError, FileNotFoundError) as error:
        # Where there is no bucket nothing is there; to call that lost would have everything given up that lies in it.
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            raise
        said = (str(error).splitlines() or [""])[0][:300]
        raise StoreFailed(f"The object store did not {what}: {said or type(error).__name__}") from error


@lru_cache(maxsize=1)
def store() -> ObjectStore:
    """The store of this installation. Credentials of S3 come from the usual `AWS_*` variables."""
    url = options().storage_url
    if not url:
        folder = options().home / "blobs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(str(folder))
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise ValueError(f"storage_url: {parts.scheme!r} is not s3")
    endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
    extra = {"endpoint": endpoint, "client_options": {"allow_http": endpoint.startswith("http://")}} if endpoint else {}
    retries: Any = {"max_retries": 4, "retry_timeout": _PATIENCE}
    return S3Store(parts.netloc, prefix=parts.path.strip("/") or None, retry_config=retries, **extra)  # type: ignore[arg-type]


def path_of(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def write(digest: str, content: bytes) -> None:
    """Store the bytes under their digest. Writing what is there already changes nothing."""
    with _asked("take a blob"), contextlib.suppress(obstore.exceptions.AlreadyExistsError):
        obstore.put(store(), path_of(digest), content, mode="create")


def write_file(digest: str, path: Path) -> None:
    """Store a file under its digest, in parts where it is large."""
    try:
        with _asked("look for a blob"):
            obstore.head(store(), path_of(digest))
    except FileNotFoundError:
        with _asked("take a blob"):
            obstore.put(store(), path_of(digest), path)


def read(digest: str) -> bytes:
    """The bytes. Raises FileNotFoundError if the store lost them."""
    with _asked("give a blob"):
        return bytes(obstore.get(store(), path_of(digest)).bytes())


def read_part(digest: str, start: int, length: int) -> bytes:
    """So many bytes from `start` on, fewer where it ends before. Raises FileNotFoundError."""
    if length <= 0:
        return b""
    with _asked("give a blob"):
        return bytes(obstore.get_range(store(), path_of(digest), start=start, length=length))


def pieces(digest: str) -> Iterator[bytes]:
    """The bytes in pieces of a megabyte or so. Raises FileNotFoundError."""
    with _asked("give a blob"):
        found = obstore.get(store(), path_of(digest))
    return _streamed(found)


def _streamed(found: "obstore.GetResult") -> Iterator[bytes]:
    with _asked("give a blob"):
        for piece in found.stream(min_chunk_size=1024 * 1024):
            yield bytes(piece)


def place(digest: str, target: Path) -> None:
    """Have the bytes at a path that is not there yet, to be read and never written. Raises FileNotFoundError.

    On one file system it is the store's own file under a second name, which takes neither time nor room.
    """
    if not options().storage_url:
        try:
            os.link(options().home / "blobs" / path_of(digest), target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise
        else:
            return
    with target.open("xb") as out:
        for piece in pieces(digest):
            out.write(piece)


def path_of_block(block: str) -> str:
    return f"blocks/{block[:2]}/{block}"


def write_block(block: str, content: bytes) -> None:
    """Store a block. Its name is never used again."""
    with _asked("take a block"):
        # In one request: parts of one that was cut off would stay in the store for good.
        obstore.put(store(), path_of_block(block), content, use_multipart=False)


def read_block(block: str) -> bytes:
    """All of a block. Raises FileNotFoundError."""
    with _asked("give a block"):
        return bytes(obstore.get(store(), path_of_block(block)).bytes())


def read_block_part(block: str, start: int, length: int) -> bytes:
    """So many bytes of a block from `start` on. Raises FileNotFoundError if the store lost them."""
    if not options().storage_url:  # by itself: through the library it takes three times as long
        found = _read_file_part(options().home / "blobs" / path_of_block(block), start, length)
    else:
        with _asked("give a part of a block"):
            try:
                found = bytes(obstore.get_range(store(), path_of_block(block), start=start, length=length))
            except obstore.exceptions.BaseError:
                if obstore.head(store(), path_of_block(block))["size"] >= start + length:
                    raise
                found = b""
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
        with _asked("look for a block"):
            obstore.head(store(), path_of_block(block))
    except FileNotFoundError:
        return False
    return True


def _shorter(block: str) -> FileNotFoundError:
    return FileNotFoundError(f"block {block} is shorter than it was")


def remove_block(block: str) -> None:
    """Delete a block; nothing happens if it is gone."""
    with contextlib.suppress(FileNotFoundError), _asked("delete a block"):
        obstore.delete(store(), path_of_block(block))
    if not options().storage_url:  # what a writer that was killed left of it
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
            if options().storage_url:
                self._open[block] = io.BytesIO(read_block(block))
            else:
                self._open[block] = (options().home / "blobs" / path_of_block(block)).open("rb", buffering=0)
        return self._open[block]


def remove(digest: str) -> None:
    """Delete the bytes; nothing happens if they are gone."""
    with contextlib.suppress(FileNotFoundError), _asked("delete a blob"):
        obstore.delete(store(), path_of(digest))
