"""Buckets and web servers that a run is shown as folders: rclone mounts each below the stage, read-only, for this run alone.

rclone has a uid of its own, which is not the run's, and a network of its own with nothing in it but the proxy of runs
(`egress`): whatever a server answers, no other host is dialled. Its credentials are variables of its process. It is in
the run's group, so that its memory is the run's and it goes when the run goes; and it dies with the runner.
"""

import contextlib
import fcntl
import os
import resource
import signal
import socket
import stat
import struct
import sys
import threading
import time
from typing import Any, NamedTuple

from . import kernel, launch, programs, stage, volumes
from .cgroups import Group

DEVICE, SETTINGS = "/dev/fuse", "/etc/fuse.conf"
_NAMES = "/etc/passwd"
_PACKAGES = {"rclone": "rclone", "fusermount3": "fuse3"}
_FENCE = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_MOUNT_SECONDS, _WORDS = 20.0, 4096
# Looked for again after this time; within it a listing is what it was.
_LISTING_KEPT = "1m"


class Remote(NamedTuple):
    """One that is mounted: what it is called, the folder on the stage that the sandbox binds, and what it is inside."""

    name: str
    place: str
    target: str


def missing() -> list[str]:
    """What this machine lacks to mount any, as packages to install or as words."""
    found = [package for program, package in _PACKAGES.items() if programs.find(program) is None]
    if not found and not os.path.exists(SETTINGS):
        found.append(SETTINGS)
    if not os.path.exists(DEVICE):
        found.append(DEVICE)
    return found


class Remotes:
    """All of one run's. What goes wrong while they are mounted is a `CouldNotStartError`; taking down never fails."""

    def __init__(self, plan: dict[str, Any], group: Group, access: dict[str, dict[str, str]], folder: str) -> None:
        self._plan, self._group, self._access, self._folder = plan, group, access, folder
        self._running: dict[int, str] = {}
        self._words: dict[int, int] = {}
        self._said: dict[int, bytes] = {}
        self._mounts: list[str] = []

    @property
    def pids(self) -> list[int]:
        return list(self._running)

    def mount(self, wanted: list[dict[str, Any]]) -> list[Remote]:
        """Start them all, then wait for each."""
        if lacking := missing():
            words = f"Storage providers cannot be mounted here: {' and '.join(lacking)} is not there."
            raise launch.CouldNotStartError(words)
        self._allow_others()
        begun = []
        for number, each in enumerate(wanted):
            place, cache = (os.path.join(stage.FOLDER, f"{what}-{number}") for what in ("remote", "cache"))
            os.makedirs(place)
            os.chown(place, self._plan["uid"], self._plan["uid"])
            before = os.stat(place).st_dev
            self._make_cache(number, cache)
            begun.append((each, place, before, self._start(each, place, cache)))
        return [self._mounted(*each) for each in begun]

    def look(self) -> bytes:
        """Take what they say, so that none waits for it; a line for each that ended, once, for the run's log."""
        lines = []
        for pid, name in list(self._running.items()):
            self._listen(pid)
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._running[pid]
                lines.append(f"\n[the storage provider {name} is not mounted any more: start again to read it]\n")
        return "".join(lines).encode()

    def take_down(self) -> None:
        """Kill them, which fails whatever waits for them, and let go of the mounts."""
        for pid in self._running:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)
        self._running.clear()
        for place in reversed(self._mounts):
            with contextlib.suppress(OSError):
                kernel.unmount(place, kernel.MNT_DETACH)
        for descriptor in self._words.values():
            os.close(descriptor)
        self._words.clear()

    def _allow_others(self) -> None:
        """Have fusermount3 let another uid than rclone's read what is mounted; here and not on the host."""
        own = os.path.join(stage.FOLDER, "fuse.conf")
        with open(own, "w", encoding="ascii") as stream:
            stream.write("user_allow_other\n")
        kernel.mount(own, SETTINGS, None, kernel.MS_BIND)
        # It wants a name for whoever mounts.
        names, uid = os.path.join(stage.FOLDER, "passwd"), self._plan["uid"]
        with open(_NAMES, encoding="utf-8", errors="surrogateescape") as known:
            lines = known.read()
        with open(names, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(f"{lines.rstrip()}\nstudium-remotes:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n")
        kernel.mount(names, _NAMES, None, kernel.MS_BIND)
        facts = os.stat(DEVICE)
        if stat.S_ISCHR(facts.st_mode) and facts.st_mode & 0o006 != 0o006:
            # Some hosts keep it to root, and fusermount3 opens it as whoever calls it. As for `stage.open_tunnel_device`.
            node = os.path.join(stage.FOLDER, "fuse")
            os.mknod(node, stat.S_IFCHR | 0o666, facts.st_rdev)
            os.chmod(node, 0o666)  # noqa: S103
            kernel.mount(node, DEVICE, None, kernel.MS_BIND)

    def _make_cache(self, number: int, place: str) -> None:
        """A file system of fixed size where that can be: a file that is being read is kept whole, however large it is."""
        owner = (self._plan["uid"], self._plan["uid"])
        folder = os.path.join(self._folder, f"cache-{number}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if self._plan["images"]:
            volumes.mount_image(volumes.prepare_image(folder, self._plan["cache_bytes"], owner), place)
        else:
            kernel.bind(volumes.prepare_tree(folder, owner), place)
        self._mounts.append(place)

    def _start(self, each: dict[str, Any], place: str, cache: str) -> int:
        """rclone for one of them: its pid."""
        heard, said = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(said, True)
        pid = os.fork()
        if pid == 0:
            try:
                self._become_rclone(each, place, cache, said)
            except BaseException as error:
                os.write(said, str(error).encode(errors="replace")[:_WORDS])
            finally:
                os._exit(127)
        os.close(said)
        self._running[pid], self._words[pid], self._said[pid] = each["name"], heard, b""
        return pid

    def _become_rclone(self, each: dict[str, Any], place: str, cache: str, said: int) -> None:
        launch.fresh_session()
        null = os.open("/dev/null", os.O_RDWR)
        for source, number in ((null, 0), (null, 1), (said, 2)):
            os.dup2(source, number)
        self._group.join(0, leave_out=("devices",))  # fusermount3 opens /dev/fuse, which the run may not
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        proxy = self._leave_network(each["hosts"], each["within"])
        launch.become(launch.Identity(self._plan["uid"], self._plan["uid"], (), change=True))
        path = programs.find("rclone") or "rclone"
        most = self._plan["cache_bytes"] * 3 // 4 if self._plan["images"] else self._plan["cache_bytes"]
        patience = f"{self._plan['seconds']:g}s"
        command = [
            path, "mount", each["root"], place, "--config=", "--read-only", "--allow-other",
            "--file-perms", "0444", "--dir-perms", "0555", "--use-server-modtime",
            "--vfs-cache-mode", "full", "--cache-dir", cache, "--vfs-cache-max-size", f"{most}B",
            "--vfs-cache-max-age", "8760h", "--vfs-cache-poll-interval", "1s",
            "--dir-cache-time", _LISTING_KEPT, "--poll-interval", "0", "--buffer-size", "4M",
            # A server that says nothing is given up; then reading fails, and the run goes on.
            "--contimeout", patience, "--timeout", patience, "--low-level-retries", "1", "--retries", "1",
        ]  # fmt: skip
        ways = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
        own = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **ways}
        os.execve(path, command, {**self._access[each["source"]], **own})  # noqa: S606

    def _leave_network(self, hosts: list[str], within: list[str]) -> str:
        """Go where there is nothing but loopback, and on it the way out to `hosts`: the address of that proxy.

        Go's own HTTP asks no proxy for loopback, so a server there that the operator allows is listened for in its place.
        """
        from . import egress

        outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        kernel.unshare(kernel.CLONE_NEWNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
        stands = [(listener, host) for host in hosts for listener in _stand_in(host)]
        proxy = socket.create_server(("127.0.0.1", 0))
        pid = os.fork()
        if pid == 0:
            try:
                kernel.setns(outside, kernel.CLONE_NEWNET)
                launch.become(launch.Identity(self._plan["uid"], self._plan["uid"], (), change=True))
                kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
                launch.close_all_but(proxy.fileno(), *(listener.fileno() for listener, _ in stands))
                for listener, host in stands:
                    threading.Thread(target=egress.stand_in, args=(listener, host, within), daemon=True).start()
                egress.serve(proxy, frozenset(hosts), within)
            finally:
                os._exit(127)
        for listener, _ in stands:
            listener.close()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        proxy.close()
        os.close(outside)
        return address

    def _mounted(self, each: dict[str, Any], place: str, before: int, pid: int) -> Remote:
        end = time.monotonic() + _MOUNT_SECONDS
        while os.stat(place).st_dev == before:
            self._listen(pid)
            gone = os.waitpid(pid, os.WNOHANG)[0]
            if gone:
                self._listen(pid)
                del self._running[pid]
            if gone or time.monotonic() > end:
                # Not for people: it may name what only the team knows.
                sys.stderr.write(f"rclone for {each['name']}: {self._said[pid].decode(errors='replace')}\n")
                words = f"The storage provider {each['name']} could not be mounted."
                raise launch.CouldNotStartError(words)
            time.sleep(0.01)
        self._mounts.append(place)
        shown = f"{place}-shown"
        os.makedirs(shown)
        copied = kernel.copy_mount(place, _FENCE)
        try:
            kernel.move_mount(copied, shown)
        finally:
            os.close(copied)
        self._mounts.append(shown)
        return Remote(each["name"], shown, each["target"])

    def _listen(self, pid: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._words[pid], 65536):
                self._said[pid] = (self._said[pid] + piece)[-_WORDS:]


def _stand_in(target: str) -> list[socket.socket]:
    """Listeners where a server on loopback would be; none for other servers."""
    host, _, port = target.rpartition(":")
    bare = host.strip("[]")
    if bare == "localhost" or bare.endswith(".localhost") or bare.startswith("127."):
        address = bare if bare.startswith("127.") else "127.0.0.1"
        return [socket.create_server((address, int(port)))]
    return [socket.create_server(("::1", int(port)), family=socket.AF_INET6)] if bare == "::1" else []
