"""The system call filter of a run: a deny list as a classic BPF program, assembled here for x86-64 and AArch64.

Refused are calls that reach past the namespaces (keys, modules, clocks, eBPF, io_uring, raw handles), that make new
namespaces or mounts, and sockets of families that no network namespace fences (vsock, AF_ALG and the like).
Debugging inside the run (ptrace of one's own processes) stays possible. Why a deny list: docs/decisions.
"""

import os
import struct
from collections.abc import Iterable, Mapping

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

# Calls by name: number on x86-64, number on AArch64 (None: not there).
_ALWAYS: Mapping[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "afs_syscall": (183, None),
    "bpf": (321, 280), "clock_adjtime": (305, 266), "clock_settime": (227, 112), "create_module": (174, None),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273),
    "get_kernel_syms": (177, None), "init_module": (175, 105), "ioperm": (173, None), "iopl": (172, None),
    "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "modify_ldt": (154, None), "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "perf_event_open": (298, 241),
    "query_module": (178, None),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218),
    "setdomainname": (171, 162), "sethostname": (170, 161), "settimeofday": (164, 170), "swapoff": (168, 225),
    "swapon": (167, 224), "_sysctl": (156, None), "syslog": (103, 116), "uselib": (134, None), "ustat": (136, None),
    "vhangup": (153, 58), "vmsplice": (278, 75), "userfaultfd": (323, 282),
}  # fmt: skip
_NAMESPACES: Mapping[str, tuple[int | None, int | None]] = {
    "chroot": (161, 51), "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433),
    "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "pivot_root": (155, 41), "setns": (308, 268), "umount2": (166, 39),
    "unshare": (272, 97), "listmount": (458, 458), "statmount": (457, 457),
}  # fmt: skip
# Programs probe for these and fall back when the kernel does not have them.
_ABSENT: Mapping[str, tuple[int | None, int | None]] = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip
_CLONE3: tuple[int, int] = (435, 435)
_CLONE: tuple[int, int] = (56, 220)
_SOCKET: tuple[int, int] = (41, 198)
_SOCKETPAIR: tuple[int, int] = (53, 199)
_PERSONALITY: tuple[int, int] = (135, 92)
_IOCTL: tuple[int, int] = (16, 29)

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NEW_NAMESPACE_FLAGS = 0x7E020000  # mount, cgroup, uts, ipc, user, pid, net
_FAMILIES = (1, 2, 10, 16)  # unix, IPv4, IPv6, netlink
_NETLINK, _NETLINK_ROUTE = 16, 0
_PERSONALITIES = (0, 0x0040000, 0xFFFFFFFF)  # usual, usual without address randomisation (debuggers), query
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

Instruction = tuple[int, int, int, int]


def _argument(index: int) -> Instruction:
    """Load the low half of a system call's argument (both architectures are little-endian)."""
    return (_LOAD, 0, 0, 16 + 8 * index)


def _refuse(code: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | code)


def _for_call(number: int, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which always returns, when the call's number (in the accumulator) is this one."""
    return [(_JEQ, 0, len(body), number), *body]


def _only(values: Iterable[int], load: Instruction, refusal: int) -> list[Instruction]:
    allowed = list(values)
    tests = [(_JEQ, len(allowed) - index, 0, value) for index, value in enumerate(allowed)]
    return [load, *tests, _refuse(refusal), (_RETURN, 0, 0, _ALLOW)]


def _none_of(values: Iterable[int], load: Instruction, refusal: int) -> list[Instruction]:
    refused = list(values)
    tests = [(_JEQ, len(refused) - index, 0, value) for index, value in enumerate(refused)]
    return [load, *tests, (_RETURN, 0, 0, _ALLOW), _refuse(refusal)]


def _socket_body() -> list[Instruction]:
    """Only the known families; of netlink only routing, which the C library's address functions need."""
    families = [value for value in _FAMILIES if value != _NETLINK]
    return [
        _argument(0),
        *[(_JEQ, len(families) - index + 4, 0, value) for index, value in enumerate(families)],
        (_JEQ, 1, 0, _NETLINK),
        _refuse(EAFNOSUPPORT),
        _argument(2),
        (_JEQ, 1, 0, _NETLINK_ROUTE),
        _refuse(EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _instructions(machine: str, nested_namespaces: bool) -> list[Instruction]:
    column, audit = _ARCHITECTURES[machine]
    program: list[Instruction] = [(_LOAD, 0, 0, 4), (_JEQ, 1, 0, audit), _refuse(ENOSYS), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the x32 variants of calls have numbers of their own
        program += [(_JGE, 0, 1, 0x40000000), _refuse(ENOSYS)]
    groups = [(_ALWAYS, EPERM), (_ABSENT, ENOSYS)] + ([] if nested_namespaces else [(_NAMESPACES, EPERM)])
    for calls, refusal in groups:
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                program += _for_call(number, [_refuse(refusal)])
    program += _for_call(_SOCKET[column], _socket_body())
    program += _for_call(_SOCKETPAIR[column], _only(_FAMILIES, _argument(0), EAFNOSUPPORT))
    program += _for_call(_PERSONALITY[column], _only(_PERSONALITIES, _argument(0), EPERM))
    program += _for_call(_IOCTL[column], _none_of(_TERMINAL_INJECTION, _argument(1), EPERM))
    if not nested_namespaces:
        # clone3 passes its flags behind a pointer that a filter cannot read: say it is not there, libraries use clone.
        program += _for_call(_CLONE3[column], [_refuse(ENOSYS)])
        flags = [_argument(0), (_JSET, 0, 1, _NEW_NAMESPACE_FLAGS), _refuse(EPERM), (_RETURN, 0, 0, _ALLOW)]
        program += _for_call(_CLONE[column], flags)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def supported(machine: str | None = None) -> bool:
    return (machine or os.uname().machine) in _ARCHITECTURES


def program(*, nested_namespaces: bool = False, machine: str | None = None) -> bytes:
    """The filter as the kernel takes it (an array of `struct sock_filter`). Raises KeyError on another architecture."""
    lines = _instructions(machine or os.uname().machine, nested_namespaces)
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
