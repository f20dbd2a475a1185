"""Writing to the store that is a folder: what was written is on the disk, under its name, when this returns.

Reading goes through the object library; writing does not, since that leaves to the kernel when bytes reach the disk, and a power
cut would then take files that a row names. A file is written aside, flushed and renamed, then its folder is flushed.
"""

import errno
import mmap
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from studium.lib.folders import flush

Content = bytes | Sequence[bytes | memoryview] | Path
_PIECE = 4 * 1024 * 1024
# From this size on bytes go to the disk past the page cache: they are flushed anyway, which then has nothing to do, and one
# copy less is made. It took a half to a tenth of the time of a processor, and what was in the cache stays there.
_LARGE = 1024 * 1024
_ALIGNED = 4096
_mine = threading.local()
# Folders of which the name is on the disk, as far as this process has seen to it.
_durable: set[Path] = set()


def put(root: Path, key: str, content: Content, *, replace: bool = True) -> None:
    """Have these bytes, also in parts, or those of a host file, under the key. Raises OSError; then nothing of them is left.

    Without `replace`, a file of this size that is there already stays: a key then says what is in it. One of another size is what
    a power cut left of a file that was never flushed.
    """
    target = root / key
    _make_folder(root, target.parent)
    if replace or not _kept(target, _size(content)):
        aside = _aside(target)
        try:
            _write(aside, content)
            aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    sync(target.parent)


def put_all(root: Path, items: Mapping[str, bytes]) -> None:
    """As `put` without `replace`, of many: all of them are flushed at once, which takes a few times as long as one alone."""
    written = dict[Path, Path]()
    try:
        for key, content in items.items():
            target = root / key
            _make_folder(root, target.parent)
            if not (target.exists() and target.stat().st_size == len(content)):
                aside = written[target] = _aside(target)
                with aside.open("xb", buffering=0) as out:
                    _write_all(out.fileno(), content)
        flush(root)
        for target, aside in written.items():
            aside.replace(target)
    except BaseException:
        for aside in written.values():
            aside.unlink(missing_ok=True)
        raise
    if written:
        flush(root)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _kept(target: Path, size: int) -> bool:
    """Whether such a file is there. It is flushed: who wrote it may be about to."""
    try:
        if target.stat().st_size != size:
            return False
        sync(target)
    except FileNotFoundError:
        return False
    return True


def _aside(target: Path) -> Path:
    """The library passes over such names when it lists, and takes them for what a killed writer left."""
    return target.with_name(f"{target.name}#{secrets.randbelow(10**12)}")


def _size(content: Content) -> int:
    if isinstance(content, Path):
        return content.stat().st_size
    return len(content) if isinstance(content, bytes) else sum(len(part) for part in content)


def _parts(content: Content) -> Iterator[bytes | memoryview]:
    if isinstance(content, Path):
        with content.open("rb", buffering=0) as source:
            while piece := source.read(_PIECE):
                yield piece
    elif isinstance(content, bytes):
        yield content
    else:
        yield from content


def _write(path: Path, content: Content) -> None:
    """Write and flush it."""
    if _size(content) >= _LARGE:
        try:
            _write_past_cache(path, _parts(content))
        except OSError as error:
            if error.errno != errno.EINVAL:  # such as a file system in memory says
                raise
            path.unlink(missing_ok=True)
        else:
            return
    with path.open("xb", buffering=0) as out:
        for part in _parts(content):
            _write_all(out.fileno(), part)
        os.fsync(out.fileno())


def _write_past_cache(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """The kernel takes whole pages from whole pages only: what is too much at the end is cut off. Raises OSError."""
    buffer, filled, size = _buffer(), 0, 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DIRECT | os.O_CLOEXEC, 0o666)
    try:
        for part in parts:
            view = memoryview(part)
            size += len(view)
            while view:
                some = view[: _PIECE - filled]
                buffer[filled : filled + len(some)] = some
                filled, view = filled + len(some), view[len(some) :]
                if filled == _PIECE:
                    _write_all(handle, buffer)
                    filled = 0
        if filled:
            _write_all(handle, buffer[: -(-filled // _ALIGNED) * _ALIGNED])
        os.ftruncate(handle, size)
        os.fsync(handle)
    finally:
        os.close(handle)


def _buffer() -> memoryview:
    """This thread's own, which begins with a page."""
    if not hasattr(_mine, "buffer"):
        _mine.buffer = memoryview(mmap.mmap(-1, _PIECE))
    found: memoryview = _mine.buffer
    return found


def _write_all(handle: int, content: bytes | memoryview) -> None:
    """The kernel takes at most 2 GiB at once, and less where the disk fills up: the next call says so."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _make_folder(root: Path, folder: Path) -> None:
    if folder in _durable and folder.is_dir():
        return
    above = [folder, *folder.parents]
    for each in reversed(above[: above.index(root)]):
        each.mkdir(exist_ok=True, mode=0o700)
        sync(each.parent)
    _durable.add(folder)
