"""Volumes that several runs have at once: one file system, mounted by each runner, its files seen by each run as its own.

Every runner holds the volume's lock together with the others, so that what needs it alone (to shrink it, to put other
contents in its place) waits for all of them. Runs are different users of the host: the files belong to the volume's own,
and each run is shown them through a mount that gives them its uid (Linux 5.12 or newer).
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator

from . import kernel, programs, volumes

_MOUNTING = "mounting"
_EXT4_IOC_RESIZE_FS = 0x40086610


@contextlib.contextmanager
def mounting(folder: str) -> Iterator[None]:
    """One at a time while the volume's device is looked for, made or changed."""
    descriptor = os.open(os.path.join(folder, _MOUNTING), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def mount(folder: str, target: str, size: int, owner: tuple[int, int]) -> None:
    """Mount the volume's image, made if it is not there, beside whoever has it mounted already. Within `mounting`."""
    image = os.path.join(folder, volumes.IMAGE)
    if not os.path.exists(image):
        volumes.make_image(image, size, owner)
    found = kernel.loop_over(image)
    if found is None:
        if not volumes.is_clean(image):
            volumes.mend(image)
        volumes.mount_image(image, target)
        return
    device, descriptor = found
    try:
        volumes.mount_device(device, target)
    finally:
        os.close(descriptor)


def show_as(source: str, target: str, owner: tuple[int, int], viewer: tuple[int, int]) -> None:
    """Show a folder with the files of `owner` as those of `viewer`, and what `viewer` makes as made by `owner`."""
    os.makedirs(target, exist_ok=True)
    names = _names(owner, viewer)
    try:
        copied = kernel.copy_mount(source, kernel.ATTR_NOSUID | kernel.ATTR_NODEV | kernel.ATTR_IDMAP, userns=names)
    finally:
        os.close(names)
    try:
        kernel.move_mount(copied, target)
    finally:
        os.close(copied)


def _names(owner: tuple[int, int], viewer: tuple[int, int]) -> int:
    """A user namespace in which `owner` is called `viewer`: a descriptor of it."""
    ready, done = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            kernel.unshare(kernel.CLONE_NEWUSER)
            os.write(ready[1], b"r")
            os.close(done[1])
            os.read(done[0], 1)
        finally:
            os._exit(0)
    os.close(ready[1])
    os.close(done[0])
    try:
        if os.read(ready[0], 1) != b"r":
            raise OSError("no user namespace can be made for the shared volume")
        for kind, number in (("uid", 0), ("gid", 1)):
            with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as stream:
                stream.write(f"{owner[number]} {viewer[number]} 1")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready[0])
        os.close(done[1])
        os.waitpid(pid, 0)


def grow(folder: str, place: str, size: int) -> None:
    """Make a mounted volume larger, whoever uses it meanwhile. Within `mounting`.

    Raises PermissionError for a root that may not go beyond limits (CAP_SYS_RESOURCE): then it is as it was.
    """
    image = os.path.join(folder, volumes.IMAGE)
    before = os.path.getsize(image)
    os.truncate(image, size)
    found = kernel.loop_over(image)
    if found is None:
        raise OSError("the volume is not mounted")
    _, descriptor = found
    try:
        kernel.take_new_size(descriptor)
        root = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            facts = os.fstatvfs(root)
            blocks = os.path.getsize(image) // facts.f_bsize
            try:
                fcntl.ioctl(root, _EXT4_IOC_RESIZE_FS, blocks.to_bytes(8, "little"))
            except PermissionError:
                os.truncate(image, before)
                kernel.take_new_size(descriptor)
                raise
        finally:
            os.close(root)
    finally:
        os.close(descriptor)


def resize(folder: str, size: int) -> None:
    """Make a volume that nobody has larger or smaller: a copy of it is, which takes its place when it is whole.

    Raises OSError or `ProgramFailedError` where its files do not fit; then it is as it was.
    """
    image, fresh = (os.path.join(folder, name) for name in (volumes.IMAGE, f"{volumes.IMAGE}.new"))
    volumes.wait_until_detached(image)
    try:
        programs.run("cp", "--sparse=always", "--reflink=auto", image, fresh, seconds=3600)
        programs.run("e2fsck", "-fp", fresh, accept=(0, 1, 2), seconds=1800)
        os.truncate(fresh, max(size, os.path.getsize(fresh)))
        programs.run("resize2fs", fresh, f"{size // 1024}K", seconds=1800)
        os.truncate(fresh, size)
        put_in_place(fresh, image)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)


def put_in_place(fresh: str, image: str) -> None:
    """Under its name, and on the disk, before anybody is told."""
    descriptor = os.open(fresh, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(fresh, image)


def measured(place: str) -> bytes:
    """What is used of a mounted volume, as a line of JSON."""
    return json.dumps(volumes.size_of_mount(place)._asdict()).encode()
