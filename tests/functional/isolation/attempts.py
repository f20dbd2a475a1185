# ruff: noqa: B023, SIM115
"""Run inside a sandbox by `test_reach.py`: tries to reach what it should not and prints what came of each attempt.

Arguments: a JSON object with `paths` (of the host), `sockets` (unix), `addresses` ([host, port]), `pid` (of the host).
An attempt that raises is told as `refused`, with the error's name; else what it returned.
"""

import ctypes
import errno
import json
import os
import pwd
import signal
import socket
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
given = json.loads(sys.argv[1])
told = {}


def attempt(name):
    def take(action):
        try:
            told[name] = ["did", action()]
        except BaseException as error:
            number = getattr(error, "errno", None)
            told[name] = ["refused", errno.errorcode.get(number, type(error).__name__)]

    return take


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def connect(family, address, option=None):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        if option:
            client.setsockopt(socket.SOL_SOCKET, 25, option)
        client.connect(address)
        return True


def _trace(child):
    """Attach to a child as a debugger does, and let go again."""
    try:
        call(101, 16, child, 0, 0)
        os.waitpid(child, 0)
        return call(101, 17, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


for path in given["paths"]:
    attempt("path " + path)(lambda: os.lstat(path) and True)
for path in given["sockets"]:
    attempt("socket " + path)(lambda: connect(socket.AF_UNIX, path))
for host, port in given["addresses"]:
    attempt(f"address {host}")(lambda: connect(socket.AF_INET, (host, port)))
for family in ("AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_NETLINK", "AF_CAN"):
    kind = socket.SOCK_SEQPACKET if family == "AF_ALG" else socket.SOCK_RAW
    # 12 is netfilter, of which a run has no business.
    attempt("family " + family)(lambda: socket.socket(getattr(socket, family), kind, 12).close())
attempt("raw socket")(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())

attempt("processes")(lambda: sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
attempt("kill host process")(lambda: os.kill(given["pid"], 0))
attempt("ptrace host process")(lambda: call(101, 16, given["pid"], 0, 0))
attempt("signal all")(lambda: [os.kill(pid, 0) for pid in range(300, 400)])

# Numbers are those of x86-64; the flags are user, mount, pid and network namespaces.
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("network", 0x40000000)):
    attempt(f"unshare {name}")(lambda: call(272, flag))
    attempt(f"clone {name}")(lambda: call(56, flag | 17, 0, 0, 0, 0) or os._exit(0))
attempt("clone3")(lambda: call(435, ctypes.create_string_buffer(88), 88))
attempt("unshare command")(lambda: subprocess.run(["/usr/bin/unshare", "-Ur", "true"], check=True) and True)
attempt("mount")(lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, 0))
attempt("chroot")(lambda: os.chroot("/tmp"))
attempt("add key")(lambda: call(248, b"user", b"name", b"payload", 7, -3))
attempt("keyctl")(lambda: call(250, 0, -3, 0))
attempt("io_uring")(lambda: call(425, 1, ctypes.create_string_buffer(120)))
attempt("bpf")(lambda: call(321, 0, 0, 0))
attempt("perf")(lambda: call(298, ctypes.create_string_buffer(112), 0, -1, -1, 0))
attempt("userfaultfd")(lambda: call(323, 0))
attempt("open by handle")(lambda: call(304, -100, ctypes.create_string_buffer(16), 0))
attempt("kernel log")(lambda: call(103, 3, ctypes.create_string_buffer(64), 64))
attempt("host name")(lambda: call(170, b"other", 5))
attempt("x32 call")(lambda: call(0x40000000 + 39))
attempt("terminal injection")(lambda: call(16, 0, 0x5412, ctypes.create_string_buffer(b"x")))
attempt("trace own child")(lambda: _trace(os.fork() or signal.pause()))

for path in ("/usr/x", "/opt/env/x", "/etc/x", "/x", "/dev/x", "/run/x", "/proc/sys/kernel/core_pattern"):
    attempt("write " + path)(lambda: open(path, "w").close())
attempt("device nodes")(lambda: sorted(os.listdir("/dev")))
attempt("make device")(lambda: os.mknod("/tmp/null", 0o20666, os.makedev(1, 3)))
attempt("make disk")(lambda: os.mknod("/notebooks/disk", 0o60666, os.makedev(7, 0)))
attempt("become root")(lambda: os.setuid(0))
attempt("run setuid")(lambda: subprocess.run(["/opt/env/id", "-u"], capture_output=True, text=True).stdout.strip())
attempt("status")(
    lambda: dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
)
attempt("names")(lambda: [os.uname().nodename, pwd.getpwuid(os.getuid()).pw_name])
attempt("roots")(lambda: sorted(os.listdir("/")))
attempt("interfaces")(lambda: sorted(name for _, name in socket.if_nameindex()))
attempt("scratch")(lambda: os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize)
attempt("socket folder")(lambda: open("/run/studium/big", "wb").write(bytes(4 << 20)))
attempt("environment")(lambda: dict(os.environ))

print(json.dumps(told))
