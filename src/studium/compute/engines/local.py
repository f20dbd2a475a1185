"""The local engine: runs in sandboxes on this machine, each under a runner process that outlives the platform.

Everything it knows lies in `<home>/runs/<run id>`: a lock that the runner holds while it lives, the spec, the status,
the log. So any number of engines over the same home, in any processes, see the same runs and start each once.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from studium.compute.accelerators import found
from studium.compute.engines import aftermath, inputs, local_checks
from studium.compute.engines.base import (
    NO_ACCESS,
    NO_SECRETS,
    AcceleratorUsage,
    Access,
    Activity,
    Cause,
    Check,
    Endpoint,
    Engine,
    EngineError,
    FoundAccelerator,
    FoundMachine,
    Observation,
    Phase,
    Usage,
    VolumeUse,
)
from studium.compute.engines.uids import NoUidLeftError, Uids, start_for
from studium.compute.engines.volume_access import VolumeAccess
from studium.compute.engines.whole_volumes import WholeVolumes
from studium.compute.spec import Mount, RunSpec, SharedVolume
from studium.runner import cgroups, seccomp, series, statusfile, supervise, volumes
from studium.runner import main as runner_main

MACHINE = "local"
SIMULATED = "simulated"
# What a simulated device brings along, as the largest common card servers have per card.
SIMULATED_VCPU, SIMULATED_MEMORY = 16.0, 128 * 1024**3
# Bytes of a mounted storage provider that are kept beside one run.
PROVIDER_CACHE = 5 * 1024**3
# How long its server may be silent, in seconds, before asking it is given up. It tries to list four times, to read about ten.
PROVIDER_SECONDS = 10.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_SOCKET_PATH_LIMIT = 107


class LocalEngine(Engine):
    """Runs on this machine. `simulated` devices are offered as such, `declared` ones instead of what can be found."""

    name = "local"

    def __init__(
        self,
        home: Path,
        *,
        hint_socket: Path | None = None,
        simulated: Sequence[FoundAccelerator] = (),
        declared: Sequence[FoundAccelerator] = (),
        reserve_memory: int = 0,
        cgroups_allowed: bool = True,
        provider_cache: int = PROVIDER_CACHE,
        provider_seconds: float = PROVIDER_SECONDS,
    ) -> None:
        self.home = home.absolute()
        self._hint_socket = hint_socket
        self._simulated, self._declared = tuple(simulated), tuple(declared)
        self._reserve = reserve_memory
        self._cgroups_allowed = cgroups_allowed
        self._provider_cache, self._provider_seconds = provider_cache, provider_seconds
        self._root = os.geteuid() == 0
        self._uids = Uids(self.home / "uids.json", start=start_for(self.home))
        self._volumes = VolumeAccess(self.home / "volumes", self._volume_uid if self._root else None)
        self._wholes = WholeVolumes(self.home / "volumes", self._volume_uid if self._root else None)

    @cached_property
    def cgroup_backend(self) -> cgroups.Backend:
        return cgroups.find() if self._cgroups_allowed else cgroups.Backend(0, {})

    def inventory(self) -> list[FoundMachine]:
        vcpu, memory = self._size()
        real = FoundMachine(
            name=MACHINE, vcpu=vcpu, memory_bytes=memory, accelerators=self._declared or tuple(found.devices())
        )
        if not self._simulated:
            return [real]
        count = len(self._simulated)
        made_up = FoundMachine(
            name=SIMULATED,
            vcpu=SIMULATED_VCPU * count,
            memory_bytes=SIMULATED_MEMORY * count,
            accelerators=self._simulated,
            simulated=True,
        )
        return [real, made_up]

    def _size(self) -> tuple[float, int]:
        """vCPUs and bytes of memory of this machine that runs may use."""
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return float(len(os.sched_getaffinity(0))), max(0, memory - self._reserve)

    def checks(self) -> list[Check]:
        return local_checks.all_checks(self.home, self.cgroup_backend, self.inventory()[0])

    def start(
        self, spec: RunSpec, machine: str, *, secrets: Mapping[str, str] = NO_SECRETS, access: Access = NO_ACCESS
    ) -> None:
        if machine not in (MACHINE, SIMULATED):
            raise EngineError(f"there is no machine {machine!r} here, only {MACHINE!r}")
        spec = self._within_this_machine(spec)
        folder = self._folder(spec.run_id)
        socket_path = folder / supervise.IO_OUT / "service.sock"
        if spec.service is not None and len(os.fsencode(socket_path)) > _SOCKET_PATH_LIMIT:
            raise EngineError(f"the home folder's path is too long for sockets: {socket_path}")
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            with self._start_lock(folder) as lock:
                if lock is not None:
                    self._prepare(spec, folder)
                    self._spawn(folder, lock, secrets, access)
        except (OSError, NoUidLeftError) as error:
            raise EngineError(f"the run {spec.run_id} cannot be placed: {error}") from error

    def _within_this_machine(self, spec: RunSpec) -> RunSpec:
        """The spec with limits that this machine really has: runs on simulated devices share it."""
        vcpu, memory = self._size()
        limits = spec.limits
        fitting = dataclasses.replace(
            limits, vcpu=min(limits.vcpu, vcpu), memory_bytes=min(limits.memory_bytes, memory)
        )
        return dataclasses.replace(spec, limits=fitting)

    @contextlib.contextmanager
    def _start_lock(self, folder: Path) -> Iterator[int | None]:
        """The lock the runner will hold, or None when this run was started before, by whomever."""
        descriptor = os.open(folder / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not (folder / "spawned").exists():
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield None if (folder / "spawned").exists() else descriptor
                    return
                time.sleep(0.002)  # somebody else is starting it, or polls just now
            yield None
        finally:
            os.close(descriptor)

    def _prepare(self, spec: RunSpec, folder: Path) -> None:
        volume: dict[str, str] | None = None
        owner = f"run/{spec.run_id}"
        if spec.volume is not None:
            place = self._volume_folder(spec.volume.name)
            volume = {"folder": str(place), "kind": volumes.kind(str(place))}
            owner = spec.volume.name
        uid = self._uids.of(owner) if self._root else os.geteuid()
        host = {
            "root": self._root,
            "uid": uid,
            "gid": uid if self._root else os.getegid(),
            "cgroup": {
                "version": self.cgroup_backend.version,
                "roots": self.cgroup_backend.roots,
                "name": self.group_name(spec.run_id),
            },
            "volume": volume,
            "shared": [self._shared(each) for each in spec.shared],
            "remotes": self._remotes(spec),
            "seccomp": seccomp.supported(),
            "hint": str(self._hint_socket) if self._hint_socket else None,
        }
        statusfile.lay_down(str(folder))
        with contextlib.suppress(FileExistsError):
            os.mkfifo(folder / "commands", 0o600)
        passing = folder / "spec.part"
        passing.write_text(json.dumps({"run": json.loads(spec.to_json()), "host": host}))
        passing.chmod(0o600)
        passing.replace(folder / "spec.json")

    def _remotes(self, spec: RunSpec) -> dict[str, Any] | None:
        """How storage providers are mounted: under a uid that no run has."""
        if not spec.remotes or not self._root:
            return None
        uid = self._uids.of(f"remotes/{spec.run_id}")
        return {
            "uid": uid,
            "cache_bytes": self._provider_cache,
            "images": volumes.images_possible(),
            "seconds": self._provider_seconds,
        }

    def _shared(self, volume: SharedVolume) -> dict[str, Any]:
        place = self._volume_folder(volume.name)
        return {
            "folder": str(place),
            "kind": volumes.kind(str(place)),
            "target": volume.target,
            "size_bytes": volume.size_bytes,
            "owner": self._uids.of(volume.name) if self._root else os.geteuid(),
        }

    def group_name(self, run_id: str) -> str:
        """The name of a run's control group: other homes on this machine may have runs of the same name."""
        return f"{run_id}-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:8]}"

    def _spawn(self, folder: Path, lock: int, secrets: Mapping[str, str], access: Access) -> None:
        (folder / "spawned").touch()
        # In memory that only the runner shares: on no disk, in no process list, gone when it has been read.
        given = os.memfd_create("given", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(given), "wb") as stream:
                opening = {source: dict(each) for source, each in access.items()}
                stream.write(json.dumps({"secrets": dict(secrets), "access": opening}).encode())
            words = [sys.executable, "-I", "-S", runner_main.__file__, str(folder), str(lock), str(given)]
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock, given),
                cwd="/",
                env={"LC_ALL": "C.UTF-8"},
            )
        finally:
            os.close(given)
        child.wait(timeout=60)  # it leaves at once, its own child is the runner

    def poll(self, run_id: str) -> Observation:
        try:
            folder = self._folder(run_id)
        except EngineError:
            return Observation(phase=Phase.UNKNOWN, message="not a run's name")
        if not (folder / "spawned").exists():
            return Observation(phase=Phase.UNKNOWN, message="this machine has no such run")
        status = statusfile.read(str(folder))
        if status is None or status["phase"] != "ended":
            with contextlib.suppress(OSError), aftermath.if_dead(folder) as dead:
                if dead and aftermath.never_began(folder):
                    return Observation(phase=Phase.UNKNOWN, message="it was not started yet")
                if dead:
                    status = aftermath.settle(folder)
        return observation(status) if status else Observation(phase=Phase.STARTING)

    def stop(self, run_id: str, grace_seconds: float) -> None:
        folder = self._folder(run_id)
        if not (folder / "spawned").exists():
            return
        status = statusfile.read(str(folder))
        if status is not None and status["phase"] == "ended":
            return
        try:
            passing = folder / f"stop.{os.getpid()}.{time.monotonic_ns()}"
            passing.write_text(json.dumps({"grace": grace_seconds}))
            passing.replace(folder / "stop.json")
        except OSError as error:
            aftermath.kill(status or {})  # no room even for the asking: force is what is left
            raise EngineError(f"the run {run_id} could not be asked to stop: {error}") from error
        inputs.wake(folder)

    def show(self, run_id: str, mounts: Sequence[Mount]) -> None:
        folder = self._folder(run_id)
        if self.poll(run_id).phase != Phase.RUNNING:
            raise EngineError(f"the run {run_id} does not run")
        wanted = {mount.target: mount.source for mount in mounts}
        try:
            if self._root:
                inputs.ask(folder, wanted, lambda: self.poll(run_id).phase == Phase.RUNNING)
            else:
                inputs.link(folder, wanted)
        except OSError as error:
            raise EngineError(f"the run {run_id} cannot be shown its inputs: {error}") from error

    def read_log(self, run_id: str, offset: int, limit: int) -> bytes:
        try:
            with (self._folder(run_id) / "log").open("rb") as stream:
                stream.seek(max(0, offset))
                return stream.read(max(0, limit))
        except OSError:
            return b""

    def read_series(self, run_id: str) -> dict[str, Any] | None:
        return series.read(str(self._folder(run_id)))

    def endpoint(self, run_id: str) -> Endpoint | None:
        path = self._folder(run_id) / supervise.IO_OUT / "service.sock"
        return Endpoint(socket=str(path)) if path.exists() else None

    def read_file(self, volume: str, path: str, limit: int) -> bytes | None:
        self._volume_folder(volume)
        return self._volumes.read(volume, path, limit)

    def write_file(self, volume: str, path: str, content: bytes, size_bytes: int) -> None:
        self._volume_folder(volume)
        self._volumes.write(volume, path, content, size_bytes)

    def collect(self, volume: str, target: Path, *, skip: str, most_files: int, most_bytes: int) -> None:
        self._volume_folder(volume)
        with target.open("wb") as out:
            self._volumes.collect(volume, out, skip=skip, most_files=most_files, most_bytes=most_bytes)

    def export(
        self, volume: str, path: str, target: Path, *, most_files: int, most_bytes: int, like: Path | None = None
    ) -> int:
        self._volume_folder(volume)
        return self._volumes.export(volume, path, target, most_files=most_files, most_bytes=most_bytes, like=like)

    def measure_volume(self, volume: str) -> VolumeUse | None:
        self._volume_folder(volume)
        return self._wholes.measure(volume)

    def resize_volume(self, volume: str, size_bytes: int) -> None:
        self._volume_folder(volume)
        self._wholes.resize(volume, size_bytes)

    def save_volume(self, volume: str, out: IO[bytes], *, most_bytes: int) -> None:
        self._volume_folder(volume)
        self._wholes.save(volume, out, most_bytes=most_bytes)

    def load_volume(self, volume: str, source: IO[bytes], size_bytes: int, *, length: int) -> None:
        self._volume_folder(volume).mkdir(parents=True, mode=0o700, exist_ok=True)
        self._wholes.load(volume, source, size_bytes, length=length)

    def reclaim(self, run_id: str) -> None:
        folder = self._folder(run_id)
        if not folder.exists():
            return
        status = statusfile.read(str(folder))
        # A runner writes its last status a moment before it is gone.
        leaving = status is not None and status["phase"] == "ended"
        with aftermath.if_dead(folder, patience=10 if leaving else 0) as dead:
            if not dead:
                raise EngineError(f"the run {run_id} is still alive")
            aftermath.clear(folder)
            shutil.rmtree(folder)
        if self._root:
            self._uids.free(f"run/{run_id}")
            self._uids.free(f"remotes/{run_id}")

    def delete_volume(self, volume: str) -> None:
        self._volume_folder(volume)
        self._volumes.delete(volume)
        if self._root:
            self._uids.free(volume)

    def _folder(self, run_id: str) -> Path:
        if not _NAME.fullmatch(run_id):
            raise EngineError(f"not a run's name: {run_id!r}")
        return self.home / "runs" / run_id

    def _volume_folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise EngineError(f"not a volume's name: {name!r}")
        return self.home / "volumes" / name

    def _volume_uid(self, name: str) -> int:
        return self._uids.of(name)


def observation(status: dict[str, Any]) -> Observation:
    """What a runner's status says, in the contract's words."""
    usage = dict(status.get("usage") or {})
    devices = tuple(AcceleratorUsage(**device) for device in usage.pop("accelerators", ()))
    cause = status.get("cause")
    return Observation(
        phase=Phase(status["phase"]),
        exit_code=status.get("exit_code"),
        cause=Cause(cause) if cause else None,
        message=status.get("message", ""),
        started_at=status.get("started_at"),
        ended_at=status.get("ended_at"),
        usage=Usage(**usage, accelerators=devices),
        activity=Activity(**(status.get("activity") or {})),
        progress=status.get("progress"),
    )
