"""Workspace volumes: a sized ext4 image where the runner is root and loop devices work, else a plain folder.

An image gives a real "no space left on device"; it is sparse, grows offline when asked to, and is checked only when it
was not unmounted cleanly. A volume's folder holds `image.ext4` or `tree`, and `lock`, held by whoever has it mounted.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from typing import NamedTuple

from . import kernel, programs

IMAGE, TREE, LOCK = "image.ext4", "tree", "lock"
SMALLEST = 8 * 1024**2
_MOUNT_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOATIME
_SUPERBLOCK, _STATE, _INCOMPATIBLE = 1024, 58, 96
_CLEAN, _NEEDS_RECOVERY = 1, 4
# e2fsck: 0 nothing to do, 1 mended, 2 mended and wants a reboot (which only mounted systems need).
_CHECKED = (0, 1, 2)


class VolumeBusyError(Exception):
    """Somebody else holds the volume."""


class Size(NamedTuple):
    used: int
    total: int
    free_inodes: int


def images_possible() -> bool:
    """Whether sized images can be used here: root, loop devices, and the ext4 programs."""
    return os.geteuid() == 0 and os.path.exists("/dev/loop-control") and programs.find("mkfs.ext4") is not None


def kind(folder: str) -> str:
    """`image` or `folder`: what the volume is, or what it would become."""
    if os.path.exists(os.path.join(folder, IMAGE)):
        return "image"
    if os.path.exists(os.path.join(folder, TREE)):
        return "folder"
    return "image" if images_possible() else "folder"


def is_clean(image: str) -> bool:
    """Whether an ext4 image was unmounted in order, from its superblock."""
    with open(image, "rb") as stream:
        stream.seek(_SUPERBLOCK)
        block = stream.read(256)
    state = int.from_bytes(block[_STATE : _STATE + 2], "little")
    features = int.from_bytes(block[_INCOMPATIBLE : _INCOMPATIBLE + 4], "little")
    return bool(state & _CLEAN) and not features & _NEEDS_RECOVERY


def prepare_image(folder: str, size: int, owner: tuple[int, int]) -> str:
    """The volume's image, made, mended or enlarged as needed, never smaller. Raises OSError or `ProgramFailedError`."""
    path = os.path.join(folder, IMAGE)
    size = max(SMALLEST, size - size % 4096)
    if not os.path.exists(path):
        make_image(path, size, owner)
        return path
    wait_until_detached(path)
    if not is_clean(path):
        mend(path)
    if os.path.getsize(path) < size:
        programs.run("e2fsck", "-fp", path, accept=_CHECKED, seconds=1800)
        os.truncate(path, size)
        programs.run("resize2fs", path, seconds=1800)
    return path


def mend(path: str) -> None:
    """The safe repairs first, then every repair: people would rather have what is left than nothing."""
    try:
        programs.run("e2fsck", "-p", path, accept=_CHECKED, seconds=1800)
    except programs.ProgramFailedError:
        programs.run("e2fsck", "-fy", path, accept=_CHECKED, seconds=1800)


def wait_until_detached(path: str, seconds: float = 10) -> None:
    """A runner that was killed lets go of its mount a moment after its lock. Raises `VolumeBusyError`."""
    end = time.monotonic() + seconds
    while kernel.is_attached(path):
        if time.monotonic() > end:
            raise VolumeBusyError("the volume is still mounted by an earlier run")
        time.sleep(0.01)


def make_image(path: str, size: int, owner: tuple[int, int]) -> None:
    passing = f"{path}.part"
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    os.truncate(passing, size)
    extended = f"lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner={owner[0]}:{owner[1]}"
    programs.run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", extended, passing)
    os.rename(passing, path)


def mount_image(image: str, target: str) -> None:
    device, descriptor = kernel.attach_loop(image)
    try:
        mount_device(device, target)
    finally:
        os.close(descriptor)


def mount_device(device: str, target: str) -> None:
    os.makedirs(target, exist_ok=True)
    kernel.mount(device, target, "ext4", _MOUNT_FLAGS, "discard,noinit_itable,errors=remount-ro")
    with contextlib.suppress(OSError):
        os.rmdir(os.path.join(target, "lost+found"))


def prepare_tree(folder: str, owner: tuple[int, int] | None) -> str:
    path = os.path.join(folder, TREE)
    with contextlib.suppress(OSError):
        os.rename(f"{path}.old", path)  # put in place half, when the platform was killed
    os.makedirs(path, mode=0o700, exist_ok=True)
    if owner is not None:
        os.chown(path, *owner)
    return path


def put_tree_in_place(folder: str, fresh: str) -> None:
    """Let the folder `fresh` be the volume's tree. What was there goes; half done, `prepare_tree` brings it back."""
    path = os.path.join(folder, TREE)
    old = f"{path}.old"
    if os.path.exists(path):
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
    os.rename(fresh, path)
    shutil.rmtree(old, ignore_errors=True)


def size_of_mount(path: str) -> Size:
    """Use of a mounted image. What the file system keeps for itself counts neither as used nor as part of the total."""
    facts = os.statvfs(path)
    used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    return Size(used=used, total=used + facts.f_bavail * facts.f_frsize, free_inodes=facts.f_favail)


def size_of_tree(path: str) -> int:
    """Bytes on disk below a folder; links are not followed and what vanishes meanwhile does not count."""
    used, waiting = 0, [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        used += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
        except OSError:
            continue
    return used


@contextlib.contextmanager
def holding(
    folder: str, seconds: float, note: dict[str, object] | None = None, *, shared: bool = False
) -> Iterator[int]:
    """Hold a volume alone, and others see `note`; or `shared`, with others that share it.

    Raises `VolumeBusyError` when it is not free within the time.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise VolumeBusyError(f"the volume {os.path.basename(folder)} is in use by another run") from None
                time.sleep(0.01)
        if not shared:
            with contextlib.suppress(OSError):  # a full disk must not keep a run from its files
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(note or {}).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def holder(folder: str) -> dict[str, object]:
    """What the present holder wrote about itself; empty if nothing readable."""
    try:
        with open(os.path.join(folder, LOCK), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
