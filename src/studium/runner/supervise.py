"""The runner's life: prepare, start, watch, end, tear down. One thread, one poll loop, nothing that waits for the run.

Reads `spec.json` in the run's folder (`run`: the spec, `host`: the engine's decisions) and the secrets from the memory it
was handed, holds the lock it was handed for as long as it lives, takes `stop` through the pipe `commands`, and tells
everything through `status.json`.
"""

import contextlib
import errno
import json
import os
import socket
import sys
import time
from typing import Any

from . import (
    beneath,
    inside,
    kernel,
    launch,
    processes,
    programs,
    sampling,
    sandbox,
    sharing,
    showing,
    stage,
    statusfile,
    volumes,
    watching,
)
from .cgroups import Backend, Group
from .ending import Verdict
from .hiding import Hidden
from .logfile import Log
from .showing import Showing

IO, IO_IN, IO_OUT = "io", "io/in", "io/out"
_EXPECTED = (OSError, programs.ProgramFailedError, volumes.VolumeBusyError, launch.CouldNotStartError)


class Teller:
    """Writes the status and tells the controller that something changed."""

    def __init__(self, folder: str, run_id: str, hint: str | None) -> None:
        self._folder, self._run_id, self._hint = folder, run_id, hint
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            boot = stream.read().strip()
        runner = {"pid": os.getpid(), "started": processes.started(os.getpid())}
        self.status: dict[str, Any] = {"seq": 0, "phase": "starting", "boot": boot, "runner": runner, "remains": []}

    def remember(self, *pids: int) -> None:
        """Processes that must be gone when the run is: found again by pid and start time."""
        self.status["remains"] = [{"pid": pid, "started": processes.started(pid)} for pid in pids if pid]

    def tell(self, *, hint: bool = False, **changes: Any) -> None:
        self.status.update(changes)
        self.status["seq"] += 1
        self.status["at"] = time.time()
        statusfile.write(self._folder, self.status)
        if hint and self._hint:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(self._run_id.encode(), self._hint)


class Run:
    """One run from its folder to its end."""

    def __init__(self, folder: str, secrets: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.hidden = Hidden((secrets or {}).values())
        with open(os.path.join(folder, "spec.json"), encoding="utf-8") as stream:
            plan = json.load(stream)
        self.spec: dict[str, Any] = {**plan["run"], "given": secrets or {}}
        self.host: dict[str, Any] = plan["host"]
        self.root = bool(self.host["root"])
        backend = Backend(self.host["cgroup"]["version"], self.host["cgroup"]["roots"])
        self.group = Group(backend, self.host["cgroup"]["name"])
        self.teller = Teller(folder, self.spec["run_id"], self.host["hint"])
        self._outer_mounts = -1
        self._mounted: str | None = None

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def carry_out(self) -> Verdict:
        """Everything between the first and the last status. Whatever happens, what was set up is taken down."""
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(self._leave)
                self._enter()
                volume = self._open_volume(stack)
                shared = self._open_shared(stack)
                self._place_seeds(volume)
                inputs = None if self.root else self._lay_out_inputs()
                place = stage.Stage(staged=self.root)
                places = sandbox.gather(self.spec, self.path(IO_IN), volume, place, inputs=inputs, shared=shared)
                return self._watch(places, volume)
        except _EXPECTED as error:
            return Verdict("could_not_start", None, _sentence(error))

    def _enter(self) -> None:
        """Lay down the folder for the socket and the progress, the mount namespace, and the group."""
        if self.root:
            os.makedirs(self.path(IO), exist_ok=True)
            flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
            kernel.mount("tmpfs", self.path(IO), "tmpfs", flags, "size=1m,nr_inodes=256,mode=711")
        os.makedirs(self.path(IO_IN), mode=0o700, exist_ok=True)
        os.makedirs(self.path(IO_OUT), mode=0o700, exist_ok=True)
        if self.root:
            os.chown(self.path(IO_IN), self.host["uid"], self.host["gid"])
            self._outer_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            stage.enter()
            if self.spec["network"] == "outbound":
                stage.open_tunnel_device()
        if self.group.backend:
            limits = self.spec["limits"]
            self.group.create(vcpu=limits["vcpu"], memory_bytes=limits["memory_bytes"], pids=limits["pids"])
            self.group.allow_devices(inside.device_nodes(self.spec["devices"]))

    def _open_volume(self, stack: contextlib.ExitStack) -> str | None:
        """The workspace's folder as the sandbox will bind it, held until the end."""
        plan = self.host["volume"]
        if plan is None:
            return None
        place = os.path.join(stage.FOLDER, "volume")
        if plan["kind"] == "image":
            note = {"pid": os.getpid(), "root": place}
            stack.enter_context(volumes.holding(plan["folder"], 15, note))
            owner = (self.host["uid"], self.host["gid"])
            image = volumes.prepare_image(plan["folder"], self.spec["limits"]["disk_bytes"], owner)
            volumes.mount_image(image, place)
            self._mounted = place
            stack.callback(self._unmount, place)
            return place
        stack.enter_context(volumes.holding(plan["folder"], 15, {"pid": os.getpid(), "root": ""}))
        tree = volumes.prepare_tree(plan["folder"], (self.host["uid"], self.host["gid"]) if self.root else None)
        if not self.root:
            return tree
        kernel.bind(tree, place)
        return place

    def _open_shared(self, stack: contextlib.ExitStack) -> tuple[tuple[str, str], ...]:
        """The folders of the volumes that other runs have too, with their paths inside, held until the end."""
        found = []
        for number, plan in enumerate(self.host.get("shared", ())):
            stack.enter_context(volumes.holding(plan["folder"], 15, shared=True))
            if not self.root:
                found.append((volumes.prepare_tree(plan["folder"], None), plan["target"]))
                continue
            owner = (plan["owner"], plan["owner"])
            place = os.path.join(stage.FOLDER, f"shared-{number}")
            if plan["kind"] == "image":
                with sharing.mounting(plan["folder"]):
                    sharing.mount(plan["folder"], place, plan["size_bytes"], owner)
            else:
                kernel.bind(volumes.prepare_tree(plan["folder"], owner), place)
            stack.callback(self._unmount, place)
            sharing.show_as(place, f"{place}-shown", owner, (self.host["uid"], self.host["gid"]))
            stack.callback(self._unmount, f"{place}-shown")
            found.append((f"{place}-shown", plan["target"]))
        return tuple(found)

    def _lay_out_inputs(self) -> str:
        """The folder that inputs can be linked into while the run goes on, with the places of those it begins with."""
        for target in showing.of_spec(self.spec["mounts"]):
            os.makedirs(os.path.join(self.path(showing.LINKED), os.path.basename(target)), exist_ok=True)
        os.makedirs(self.path(showing.LINKED), exist_ok=True)
        return self.path(showing.LINKED)

    def _place_seeds(self, volume: str | None) -> None:
        """Copy the files that the run is to find in its workspace."""
        owner = (self.host["uid"], self.host["gid"]) if self.root else None
        for seed in self.spec.get("seeds", ()):
            if volume is None:
                raise launch.CouldNotStartError("There is no workspace to put the run's files into.")
            try:
                if os.path.isdir(seed["source"]):
                    beneath.copy_folder(seed["source"], volume, seed["target"], owner)
                    continue
                with open(seed["source"], "rb") as stream:
                    content = stream.read()
                beneath.write(volume, seed["target"], content, owner)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                what = seed["target"] or "the files it begins with"
                words = f"The workspace is full: there is no room for {what}. Ask for a larger one, or delete files."
                raise launch.CouldNotStartError(words) from error

    def _unmount(self, place: str) -> None:
        """In order if nothing holds it any more, else let go: the kernel finishes when the last user is gone."""
        for _ in range(100):
            try:
                kernel.unmount(place)
                return
            except OSError as error:
                if error.errno != errno.EBUSY:
                    return
                time.sleep(0.01)
        with contextlib.suppress(OSError):
            kernel.unmount(place, kernel.MNT_DETACH)

    def _watch(self, places: sandbox.Places, volume: str | None) -> Verdict:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        log = Log(self.path("log"), self.spec["limits"]["log_bytes"], self.hidden)
        started = None
        try:
            started = launch.start(self.spec, self.host, places, self.group, writer, self.path(IO_IN))
            os.close(writer)
            writer = -1
            self.teller.remember(started.init, started.pid, started.pasta, started.egress)
            self.teller.tell()
            if started.init and not self.group.backend and not self.root:
                sampling.limit_processes(started.init, self.spec["limits"]["pids"])
            kind = self.host["volume"]["kind"] if self.host["volume"] else ""
            disk = sampling.Disk(volume, kind, self.spec["limits"]["disk_bytes"])
            shown = self._showing(started.init) if self.root else None
            watch = watching.Watch(
                self.spec, self.folder, self.group, started, log, reader, disk, self.teller.tell, shown
            )
            return watch.until_ended()
        finally:
            if started is not None:
                launch.end(started)
            if self.group.backend:
                self.group.kill()
            for descriptor in (reader, writer):
                if descriptor >= 0:
                    os.close(descriptor)
            log.finish()

    def _showing(self, init: int) -> Showing:
        owner = (self.host["uid"], self.host["gid"])
        return Showing(self.folder, init, owner, showing.of_spec(self.spec["mounts"]))

    def _leave(self) -> None:
        """Take everything down: what is left in the group, the mounts, the folder of sockets.

        How the run ended is known by now, so what fails here is only noted: whoever reclaims the run clears the rest.
        """
        try:
            if self.group.backend:
                self.group.remove()
            if self._outer_mounts >= 0:
                self._unmount_outside()
        except OSError as error:
            sys.excepthook(type(error), error, error.__traceback__)

    def _unmount_outside(self) -> None:
        """Take the folder of sockets out of the host's mounts, in a child.

        The library that meters accelerators leaves threads of its own in this process.
        """

        def unmount() -> None:
            kernel.setns(self._outer_mounts, kernel.CLONE_NEWNS)
            kernel.unmount(self.path(IO), kernel.MNT_DETACH)

        programs.in_child(unmount)


def _sentence(error: BaseException) -> str:
    words = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        words = "the disk of the platform is full"
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _read_given(descriptor: int) -> dict[str, str]:
    """The secrets, from memory that is gone once this has closed it."""
    with open(descriptor, "rb") as stream:
        stream.seek(0)
        found: dict[str, str] = json.loads(stream.read())
    return found


def main(folder: str, lock: int, given: int) -> int:
    os.set_inheritable(lock, False)
    secrets = _read_given(given)
    os.umask(0o022)
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    errors = os.open(os.path.join(folder, "runner.err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (null, 1), (errors, 2)):
        os.dup2(source, target)
    run = Run(folder, secrets)
    run.teller.tell()
    try:
        verdict = run.carry_out()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        verdict = Verdict("vanished", None, f"The runner failed: {error}")
    run.teller.tell(
        hint=True,
        phase="ended",
        cause=verdict.cause,
        exit_code=verdict.exit_code,
        message=verdict.message,
        ended_at=time.time(),
        remains=[],
    )
    return 0
