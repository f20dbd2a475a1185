"""Reading and writing below a folder that a hostile program writes to: no link is ever followed.

Each component is opened relative to the one before with O_NOFOLLOW, so swapping a folder for a link at any moment
leads to an error and not out of the tree.
"""

import contextlib
import os
import shutil
import stat

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooLargeError(Exception):
    """The file has more bytes than the caller takes."""


def components(path: str) -> list[str]:
    """The parts of a relative path. Raises ValueError for absolute paths, `..`, NUL and the empty path."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not parts or "\0" in path:
        raise ValueError(f"not a path below the folder: {path!r}")
    return parts


def open_folder(root: str, path: str) -> int:
    """A descriptor of the folder at `path` below `root`. Raises OSError or ValueError."""
    return descend(root, components(path), None)


def descend(root: str, folders: list[str], make_for: tuple[int, int] | None) -> int:
    """A descriptor of the folder; missing ones are made (owned by `make_for`) if given. Raises OSError."""
    current = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    for name in folders:
        try:
            if make_for is not None:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=current)
                    os.chown(name, *make_for, dir_fd=current, follow_symlinks=False)
            following = os.open(name, _FOLDER, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current


def read(root: str, path: str, limit: int) -> bytes | None:
    """The bytes of a plain file below `root`, or None. Raises `TooLargeError` beyond `limit` bytes."""
    try:
        *folders, name = components(path)
        folder = descend(root, folders, None)
    except (OSError, ValueError):
        return None
    try:
        # Not blocking: opening a pipe that somebody put there must not hang.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if facts.st_size > limit:
            raise TooLargeError(f"{path} has {facts.st_size} bytes, more than {limit}")
        content = stream.read(limit + 1)  # it may grow meanwhile
    if len(content) > limit:
        raise TooLargeError(f"{path} has more than {limit} bytes")
    return content


def write(root: str, path: str, content: bytes, owner: tuple[int, int] | None, *, durable: bool = True) -> None:
    """Put `content` at `path` below `root` in one step, making folders. Raises OSError (ENOSPC too) or ValueError.

    A folder that stands there is kept under another name beside it. What is not `durable` does not wait for the disk.
    """
    *folders, name = components(path)
    ids = owner or (os.geteuid(), os.getegid())
    folder = descend(root, folders, ids)
    passing = f".{name[:100]}.{os.urandom(6).hex()}.part"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(passing, flags, 0o644, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                if owner is not None:
                    os.fchown(descriptor, *owner)
                stream.write(content)
                stream.flush()
                if durable:
                    os.fsync(descriptor)
            try:
                os.rename(passing, name, src_dir_fd=folder, dst_dir_fd=folder)
            except IsADirectoryError:  # a folder there would keep everybody from the file for good: it makes way
                aside = f"{name[:100]}.folder-{os.urandom(3).hex()}"
                os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
                os.rename(passing, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def copy_folder(source: str, root: str, path: str, owner: tuple[int, int] | None) -> None:
    """Copy the files and folders of a host folder to `path` (`root` itself when empty) below `root`. Raises OSError.

    Links and other things in the source are passed over. A file that stands there is overwritten.
    """
    ids = owner or (os.geteuid(), os.getegid())
    top = components(path) if path else []
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(folder, name))]
        inner = os.path.relpath(folder, source)
        place = descend(root, top + ([] if inner == "." else inner.split("/")), ids)
        try:
            for name in names:
                if stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode):
                    _copy(os.path.join(folder, name), name, place, owner)
        finally:
            os.close(place)


def _copy(source: str, name: str, folder: int, owner: tuple[int, int] | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(source, "rb") as stream, os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as out:
        if owner is not None:
            os.fchown(out.fileno(), *owner)
        shutil.copyfileobj(stream, out, 1024 * 1024)
