"""Starting the sandbox: a child of the runner joins the run's group, becomes the run's uid and turns into bubblewrap.

Between that child and the runner run two pipes: on one the child tells that its network namespace is ready (or why it
failed), on the other the runner lets it go on. Options travel in memory, so that no token shows in a process list.
"""

import contextlib
import json
import os
import resource
import select
import signal
from typing import Any, NamedTuple

from . import inside, kernel, network, programs, sandbox, seccomp
from .cgroups import Group


class CouldNotStartError(Exception):
    """The run cannot be started here; the text is one sentence for people."""


class Sandbox:
    """A started sandbox: the pids of bubblewrap, of the first process inside, of its way out, and the pipes to it."""

    def __init__(self, pid: int, status: int, block: int) -> None:
        self.pid, self.status, self.block = pid, status, block
        self.init = self.pasta = self.egress = 0

    def release(self) -> None:
        """Let the command run."""
        if self.block >= 0:
            os.write(self.block, b"1")
            os.close(self.block)
            self.block = -1


class Identity(NamedTuple):
    """Who the sandbox is on the host. `change` is False where the runner is no root and stays who it is."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    change: bool


def identity(host: dict[str, Any], devices: list[dict[str, Any]]) -> Identity:
    """The run's uid, with the groups that its device nodes belong to."""
    groups = set()
    for path in inside.device_nodes(devices):
        with contextlib.suppress(OSError):
            groups.add(os.stat(path).st_gid)
    return Identity(host["uid"], host["gid"], tuple(sorted(groups - {0})), bool(host["root"]))


def become(who: Identity) -> None:
    """Give up everything but the run's uid, and die with the runner."""
    if who.change:
        os.setgroups(who.groups)
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else pasta, which has the same uid, may not see our namespaces
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def fresh_session() -> None:
    """Leave the runner's session, and give back the signals that Python ignores (pasta refuses to start without)."""
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _limit_resources(spec: dict[str, Any], *, grouped: bool, own_user: bool) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, most), min(65536, most)))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="utf-8") as stream:
        stream.write("500")  # when the whole machine runs short, runs go before the platform
    if not grouped:
        memory, disk = spec["limits"]["memory_bytes"], spec["limits"]["disk_bytes"]
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
        if own_user:  # it counts a user's processes: with a user of its own, the run's
            most = spec["limits"]["pids"] + 3
            resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("given", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _bubblewrap(spec: dict[str, Any], host: dict[str, Any], places: sandbox.Places, fds: dict[str, int]) -> list[str]:
    """The command to exec; every descriptor it needs is inheritable from here on."""
    contents = inside.etc_files(spec["run_id"], outbound=spec["network"] == "outbound")
    files = {path: _memory_file(text.encode()) for path, text in contents.items()}
    if host["seccomp"]:
        fds = {**fds, "seccomp": _memory_file(seccomp.program(nested_namespaces=spec["nested_namespaces"]))}
    options = _memory_file(b"".join(os.fsencode(word) + b"\0" for word in sandbox.arguments(spec, places, files, fds)))
    for descriptor in (*files.values(), *fds.values(), options):
        os.set_inheritable(descriptor, True)
    return [programs.find("bwrap") or "bwrap", "--args", str(options), "--", *spec["command"]]


def start(
    spec: dict[str, Any], host: dict[str, Any], places: sandbox.Places, group: Group, output: int, folder: str
) -> Sandbox:
    """Start the sandbox up to the point where it waits for `release`. Raises `CouldNotStartError`.

    `folder` is what becomes `/run/studium` inside.
    """
    outbound = spec["network"] == "outbound"
    if outbound and (missing := network.missing_programs()):
        raise CouldNotStartError(f"Outbound network cannot be offered here: {' and '.join(missing)} is not installed.")
    rules = network.wall() if outbound else b""
    status_in, status_out = os.pipe()
    block_in, block_out = os.pipe()
    told_in, told_out = os.pipe()
    who = identity(host, spec["devices"])
    pid = os.fork()
    if pid == 0:
        try:
            fresh_session()
            null = os.open("/dev/null", os.O_RDONLY)
            for source, target in ((null, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            group.join(0)
            _limit_resources(spec, grouped=bool(group.backend), own_user=who.change)
            command = _bubblewrap(spec, host, places, {"status": status_out, "block": block_in})
            become(who)
            if outbound:
                network.enter_walled_namespace(rules)
                os.write(told_out, b"n")
                if not network.wait_for_route(10):
                    raise CouldNotStartError("Outbound network cannot be offered here: pasta brought up no route.")
            os.execve(command[0], command, {"PATH": "/usr/bin:/bin"})  # noqa: S606
        except BaseException as error:
            os.write(told_out, b"e" + str(error).encode(errors="replace")[:4000])
        os._exit(1)
    for descriptor in (status_out, block_in, told_out):
        os.close(descriptor)
    started = Sandbox(pid=pid, status=status_in, block=block_out)
    try:
        if spec["network"] == "hosts":
            started.egress = _start_egress(folder, spec["hosts"], spec.get("within"), who, group)
    except OSError:
        end(started)
        raise
    _follow(started, told_in, spec, who, group)
    return started


def _follow(started: Sandbox, told: int, spec: dict[str, Any], who: Identity, group: Group) -> None:
    """See the child through to bubblewrap: attach pasta when asked to. Raises `CouldNotStartError`."""
    try:
        if spec["network"] == "outbound" and _hear(told, 20) == b"n":
            words = os.memfd_create("pasta")
            started.pasta = _start_pasta(started.pid, who, group, words)
            _wait_for_pasta(started.pasta, told, words)
            os.close(words)
        _hear(told, 20)
        started.init = _first_inside(started.status)
    except CouldNotStartError:
        end(started)
        raise
    finally:
        os.close(told)


def _hear(pipe: int, seconds: float) -> bytes:
    """What the child says next; empty when it turned into bubblewrap (its end closes then)."""
    ready, _, _ = select.select([pipe], [], [], seconds)
    if not ready:
        raise CouldNotStartError("The sandbox did not get ready in time.")
    words = os.read(pipe, 4096)
    if words[:1] == b"e":
        raise CouldNotStartError(words[1:].decode(errors="replace"))
    return words


def _wait_for_pasta(pasta: int, told: int, words: int) -> None:
    """Until the child is through its wait for a route, which is in vain once pasta has ended."""
    while not select.select([told], [], [], 0.02)[0]:
        if os.waitpid(pasta, os.WNOHANG)[0]:
            said = os.pread(words, 2000, 0).decode(errors="replace").strip().splitlines()
            raise CouldNotStartError(f"Outbound network cannot be offered here: {said[-1] if said else 'pasta ended'}.")


def _first_inside(status: int) -> int:
    """The pid, on the host, of the first process inside, or 0 if bubblewrap gave up before it had one."""
    ready, _, _ = select.select([status], [], [], 20)
    line = b""
    while ready and b"\n" not in line and (data := os.read(status, 4096)):  # bubblewrap writes the line in pieces
        line += data
    try:
        return int(json.loads(line.splitlines()[0])["child-pid"])
    except (ValueError, KeyError, IndexError):
        return 0


def _start_pasta(target: int, who: Identity, group: Group, words: int) -> int:
    command = network.pasta_arguments(target)
    pid = os.fork()
    if pid == 0:
        try:
            fresh_session()
            null = os.open("/dev/null", os.O_RDWR)
            for source, number in ((null, 0), (null, 1), (words, 2)):
                os.dup2(source, number)
            group.join(0, leave_out=("devices",))  # it opens /dev/net/tun, which the run may not
            become(Identity(who.uid, who.gid, (), who.change))
            os.execve(command[0], command, {"PATH": "/usr/bin:/bin"})  # noqa: S606
        finally:
            os._exit(127)
    return pid


def _start_egress(folder: str, hosts: list[str], within: list[str] | None, who: Identity, group: Group) -> int:
    """The proxy through which a run reaches the hosts that its spec names: its pid."""
    from . import egress  # most runs need none of it

    listener = egress.listen(folder, (who.uid, who.gid) if who.change else None)
    with listener:
        pid = os.fork()
        if pid == 0:
            try:
                fresh_session()
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # callers that hang up are no end of it
                group.join(0, leave_out=("devices",))
                become(Identity(who.uid, who.gid, (), who.change))
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # who hangs up ends their own connection, not the proxy
                close_all_but(listener.fileno())  # locks of the run and the volume end with the runner
                egress.serve(listener, frozenset(each.lower() for each in hosts), within)
            finally:
                os._exit(127)
    return pid


def close_all_but(*kept: int) -> None:
    """Close every descriptor but these and the first three."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def end(started: Sandbox) -> None:
    """Kill what was started and close the pipes to it."""
    for pid in (started.pid, started.pasta, started.egress):
        if pid:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)
    for descriptor in (started.status, started.block):
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    started.status = started.block = -1
