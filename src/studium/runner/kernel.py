"""The system calls Python does not offer: mounts, namespaces, process controls, loop devices.

Each raises OSError with the call's name. Constants are from the Linux user-space headers.
"""

import ctypes
import errno
import fcntl
import os
import struct

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 1024, 4096, 16384, 1 << 18, 1 << 19
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_IDMAP = 1, 2, 4, 0x100000
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LOOP_GET_STATUS64 = 0x4C05
_LOOP_SET_CAPACITY = 0x4C07
_LO_FLAGS_READ_ONLY, _LO_FLAGS_AUTOCLEAR = 1, 4
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH, _AT_EMPTY_PATH, _AT_FDCWD = 1, 4, 0x1000, -100
# struct mount_attr: set, clear, propagation, user namespace.
_MOUNT_ATTR = struct.Struct("=QQQQ")
# struct loop_config: fd, block size, a loop_info64 (eight numbers, names, key, two spare numbers), eight spare numbers.
_LOOP_CONFIG = struct.Struct("=II 5Q 4I 64s 64s 32s 2Q 8Q")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(target), kind.encode() if kind else None)
    _checked(_libc.mount(*words, flags, data.encode()), f"mount {target}")


def bind(source: str, target: str) -> None:
    """Show `source` at `target`, which is made to fit (a folder or an empty file)."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_CLOEXEC, 0o644))
    mount(source, target, None, MS_BIND)


def unmount(target: str, flags: int = 0) -> None:
    _checked(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def _call(what: str, number: int, *words: object) -> int:
    result: int = _libc.syscall(number, *words)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def copy_mount(path: str, attributes: int, *, clear: int = 0, userns: int = 0) -> int:
    """A mount of the folder at `path` that is nowhere yet: a descriptor, to be moved into place with `move_mount`.

    With `ATTR_IDMAP`, `userns` is a descriptor of the user namespace whose names its files get. Linux 5.12 or newer.
    """
    words = (ctypes.c_char_p(os.fsencode(path)), ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC))
    made = _call(f"open_tree {path}", _OPEN_TREE, ctypes.c_int(_AT_FDCWD), *words)
    try:
        asked = _MOUNT_ATTR.pack(attributes, clear, 0, userns)
        words = (ctypes.c_char_p(b""), ctypes.c_uint(_AT_EMPTY_PATH))
        size = ctypes.c_size_t(len(asked))
        _call(f"mount_setattr {path}", _MOUNT_SETATTR, ctypes.c_int(made), *words, ctypes.c_char_p(asked), size)
    except OSError:
        os.close(made)
        raise
    return made


def move_mount(descriptor: int, target: str) -> None:
    words = (ctypes.c_char_p(b""), ctypes.c_int(_AT_FDCWD), ctypes.c_char_p(os.fsencode(target)))
    flags = ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    _call(f"move_mount {target}", _MOVE_MOUNT, ctypes.c_int(descriptor), *words, flags)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _checked(_libc.setns(descriptor, kind), "setns")


def prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, value, 0, 0, 0), "prctl")


def may_go_beyond_limits() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, which root lacks in many containers."""
    with open("/proc/self/status", encoding="ascii") as stream:
        rights = next(line for line in stream if line.startswith("CapEff"))
    return bool(int(rights.split()[1], 16) >> 24 & 1)


def private_mounts() -> None:
    """A mount namespace of our own. What the host unmounts goes away here too, what we mount is not seen there."""
    unshare(CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_SLAVE)


def attach_loop(image: str, *, read_only: bool = False) -> tuple[str, int]:
    """A loop device over `image` that lets go by itself once unmounted.

    Returns its path and an open descriptor, to be closed after mounting (the device is freed when nobody holds it).
    """
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    backing = os.open(image, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
    try:
        for _ in range(64):
            path = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            flags = _LO_FLAGS_AUTOCLEAR | (_LO_FLAGS_READ_ONLY if read_only else 0)
            config = _LOOP_CONFIG.pack(
                backing, 0, 0, 0, 0, 0, 0, 0, 0, 0, flags, os.fsencode(image)[-63:], b"", b"", 0, 0, *(0,) * 8
            )
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, config)
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # somebody else took the free one first
                    raise
                continue
            return path, device
        raise OSError(errno.EBUSY, "no free loop device")
    finally:
        os.close(backing)
        os.close(control)


def is_attached(image: str) -> bool:
    """Whether some loop device still stands over `image`: then no other may."""
    found = loop_over(image)
    if found is None:
        return False
    os.close(found[1])
    return True


def take_new_size(device: int) -> None:
    """Let a loop device, given by a descriptor, have the size that its image has now."""
    fcntl.ioctl(device, _LOOP_SET_CAPACITY)


def loop_over(image: str) -> tuple[str, int] | None:
    """The loop device that stands over `image`: its path and a descriptor, with which it stays. None if there is none."""
    facts = os.stat(image)
    for name in os.listdir("/sys/block"):
        if not name.startswith("loop") or not os.path.exists(f"/sys/block/{name}/loop"):
            continue
        try:
            device = os.open(f"/dev/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            found = fcntl.ioctl(device, _LOOP_GET_STATUS64, bytes(232))
        except OSError:
            os.close(device)  # it was let go just now
            continue
        if struct.unpack_from("=QQ", found) == (facts.st_dev, facts.st_ino):
            return f"/dev/{name}", device
        os.close(device)
    return None
