"""The system call filter, run by a small interpreter of its programs, for both architectures."""

import struct

import pytest

from studium.runner import seccomp

X86, ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)
ALLOW, EPERM, ENOSYS, FAMILY = 0x7FFF0000, 0x00050001, 0x00050026, 0x00050061


def judge(
    machine: tuple[str, int], number: int, *arguments: int, nested: bool = False, audit: int | None = None
) -> int:
    """What the filter answers to a call: classic BPF over `struct seccomp_data`."""
    code = seccomp.program(machine=machine[0], nested_namespaces=nested)
    lines = [struct.unpack_from("<HBBI", code, at) for at in range(0, len(code), 8)]
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, audit or machine[1], 0, *padded)
    at, value = 0, 0
    while True:
        operation, yes, no, operand = lines[at]
        at += 1
        if operation == 0x20:
            value = struct.unpack_from("<I", data, operand)[0]
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
            at += yes if holds else no


@pytest.mark.parametrize(
    ("machine", "calls"),
    [(X86, {"read": 0, "clone": 56, "ptrace": 101, "execve": 59}), (ARM, {"read": 63, "clone": 220, "ptrace": 117, "execve": 221})],
)  # fmt: skip
def test_ordinary_calls_pass(machine: tuple[str, int], calls: dict[str, int]) -> None:
    for number in calls.values():
        assert judge(machine, number) == ALLOW


@pytest.mark.parametrize(("machine", "column"), [(X86, 0), (ARM, 1)])
def test_each_listed_call_is_refused(machine: tuple[str, int], column: int) -> None:
    for table, refusal in ((seccomp._ALWAYS, EPERM), (seccomp._NAMESPACES, EPERM), (seccomp._ABSENT, ENOSYS)):
        for name, numbers in table.items():
            number = numbers[column]
            if number is not None:
                assert judge(machine, number) == refusal, name


@pytest.mark.parametrize(("machine", "clone", "unshare", "mount"), [(X86, 56, 272, 165), (ARM, 220, 97, 40)])
def test_namespaces_are_refused_unless_allowed(machine: tuple[str, int], clone: int, unshare: int, mount: int) -> None:
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge(machine, clone, flag | 17) == EPERM
        assert judge(machine, clone, flag | 17, nested=True) == ALLOW
    assert judge(machine, clone, 0x3D0F00) == ALLOW  # what threads are made with
    assert judge(machine, 435) == ENOSYS
    assert judge(machine, 435, nested=True) == ALLOW
    for number in (unshare, mount):
        assert judge(machine, number, nested=True) == ALLOW


@pytest.mark.parametrize(("machine", "socket", "pair"), [(X86, 41, 53), (ARM, 198, 199)])
def test_only_known_socket_families(machine: tuple[str, int], socket: int, pair: int) -> None:
    for family in (1, 2, 10):
        assert judge(machine, socket, family, 1, 0) == ALLOW
    assert judge(machine, socket, 16, 3, 0) == ALLOW  # netlink, routes
    assert judge(machine, socket, 16, 3, 12) == FAMILY  # netlink, packet filter
    for family in (17, 38, 40, 29, 21, 30):
        assert judge(machine, socket, family, 1, 0) == FAMILY
    assert judge(machine, pair, 1) == ALLOW
    assert judge(machine, pair, 40) == FAMILY


@pytest.mark.parametrize(("machine", "personality", "ioctl"), [(X86, 135, 16), (ARM, 92, 29)])
def test_arguments_that_turn_a_call_bad(machine: tuple[str, int], personality: int, ioctl: int) -> None:
    assert judge(machine, personality, 0xFFFFFFFF) == ALLOW
    assert judge(machine, personality, 0x0040000) == ALLOW
    assert judge(machine, personality, 0x0400000) == EPERM
    assert judge(machine, ioctl, 0, 0x5401) == ALLOW
    assert judge(machine, ioctl, 0, 0x5412) == EPERM
    assert judge(machine, ioctl, 0, 0x541C) == EPERM


def test_calls_of_other_architectures_do_not_exist() -> None:
    assert judge(X86, 0, audit=0x40000003) == ENOSYS  # 32-bit
    assert judge(X86, 0x40000000 + 39) == ENOSYS  # x32
    assert judge(ARM, 63, audit=X86[1]) == ENOSYS


def test_an_unknown_machine_has_no_filter() -> None:
    assert not seccomp.supported("riscv64")
    with pytest.raises(KeyError):
        seccomp.program(machine="riscv64")
