"""The engine contract. An engine carries out runs; it decides nothing about who may run or when.

Every method is safe to repeat and is keyed by the run's id, so a controller that died between any two calls can ask
again. No method blocks for long: `start` and `stop` return once the request is placed, `poll` tells how it went.
Proved for each engine by `tests/contract/test_engines.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from studium.compute.spec import Mount, RunSpec

NO_SECRETS: Mapping[str, str] = MappingProxyType({})
# What opens the spec's remotes: variables of rclone by `Remote.source`.
Access = Mapping[str, Mapping[str, str]]
NO_ACCESS: Access = MappingProxyType({})


class Phase(StrEnum):
    """What an engine can say of a run. UNKNOWN is not gone: only time and a second source make it lost."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a run ended, as far as the engine saw it."""

    EXIT = "exit"
    STOPPED = "stopped"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    COULD_NOT_START = "could_not_start"
    VANISHED = "vanished"


@dataclass(frozen=True, kw_only=True)
class AcceleratorUsage:
    """One device at one moment. Fractions are 0 to 1; None where the device does not tell."""

    id: str
    utilisation: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run uses now. `cpu_cores` is an average since the last sample; `disk_bytes` is the workspace's use."""

    cpu_seconds: float = 0.0
    cpu_cores: float = 0.0
    memory_bytes: int = 0
    memory_peak_bytes: int = 0
    disk_bytes: int = 0
    disk_total_bytes: int = 0
    pids: int = 0
    accelerators: tuple[AcceleratorUsage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Whether the run is at work. `busy` is now; `last_busy_at` (Unix seconds) is the last sample that was busy.

    `what` is for people: "a kernel is busy", "a terminal command is running", "the CPU is in use".
    """

    busy: bool = False
    what: str = ""
    last_busy_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One answer of `poll`. `exit_code`, `cause` and `ended_at` are set only when ended; times are Unix seconds.

    `progress` is what the command reported of itself: untrusted, at most 4 KiB, already checked to be a JSON object.
    """

    phase: Phase
    exit_code: int | None = None
    cause: Cause | None = None
    message: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    usage: Usage = field(default_factory=Usage)
    activity: Activity = field(default_factory=Activity)
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class FoundAccelerator:
    """A device of a machine. `kind` is the name people pick (`H200`); `paths` the device nodes a run needs."""

    id: str
    kind: str
    index: int
    memory_bytes: int = 0
    simulated: bool = False
    paths: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FoundMachine:
    """What a machine offers to runs. `name` is stable over restarts."""

    name: str
    vcpu: float
    memory_bytes: int
    accelerators: tuple[FoundAccelerator, ...] = ()
    # Sizes made up for simulated devices: runs there are limited to what the host really has.
    simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of `studium doctor`: what holds, how well, and the remedy where it does not."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    # A failed check that isolation depends on means the platform must not admit strangers.
    isolates: bool = False


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a run's service listens: the host path of its unix socket."""

    socket: str


@dataclass(frozen=True, kw_only=True)
class VolumeUse:
    """Bytes of a volume. `total_bytes` is None where nothing holds it to a size."""

    used_bytes: int
    total_bytes: int | None


class Engine(ABC):
    """Carries out runs on machines. Implementations hold no state that they cannot find again after a restart."""

    name: str

    @abstractmethod
    def inventory(self) -> list[FoundMachine]:
        """The machines this engine can place runs on, with their devices."""

    @abstractmethod
    def checks(self) -> list[Check]:
        """What isolates, what limits, what is missing."""

    @abstractmethod
    def start(
        self, spec: RunSpec, machine: str, *, secrets: Mapping[str, str] = NO_SECRETS, access: Access = NO_ACCESS
    ) -> None:
        """Ask for the run to be carried out. Asking twice starts it once. Raises `EngineError` if it cannot be.

        `secrets` become variables of the run. They are written to no file and no log of the engine, and what the run
        prints of them shows as `***`. `access` opens the spec's remotes; it is kept from files and logs alike, and from the run.
        """

    @abstractmethod
    def poll(self, run_id: str) -> Observation:
        """How the run is. Never raises for a run it does not know: that is UNKNOWN."""

    @abstractmethod
    def stop(self, run_id: str, grace_seconds: float) -> None:
        """Ask the run to end: politely, then after the grace with force. Repeatable; no effect on an ended run."""

    @abstractmethod
    def show(self, run_id: str, mounts: Sequence[Mount]) -> None:
        """Have a running run see these folders read-only, and no other ones, below those of `studium.runner.showing.FOLDERS`.

        What it is shown already stays as it is. Repeatable. Raises `EngineError` if it cannot be, or not now; what could be
        done by then is done.
        """

    @abstractmethod
    def read_log(self, run_id: str, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes of what the run printed, from byte `offset`; empty past the end or after `reclaim`."""

    @abstractmethod
    def read_series(self, run_id: str) -> dict[str, Any] | None:
        """What the run used over its life, as `studium.runner.series` says; None before the first sample or after `reclaim`."""

    @abstractmethod
    def endpoint(self, run_id: str) -> Endpoint | None:
        """Where the run's service is reached, or None when it has none."""

    @abstractmethod
    def read_file(self, volume: str, path: str, limit: int) -> bytes | None:
        """Bytes of a file of a volume, mounted or not; None if it is not a plain file below the volume's root.

        Follows no links. Raises `EngineError` if the file is larger than `limit`.
        """

    @abstractmethod
    def write_file(self, volume: str, path: str, content: bytes, size_bytes: int) -> None:
        """Put a file into a volume atomically, making the volume (of at most `size_bytes`) when it is not there yet."""

    @abstractmethod
    def collect(self, volume: str, target: Path, *, skip: str, most_files: int, most_bytes: int) -> None:
        """Write the plain files of a volume to the host file `target`, as `studium.runner.collecting` says.

        Hidden ones and `skip` are not among them. An absent volume gives none. Raises `EngineError`.
        """

    @abstractmethod
    def export(
        self, volume: str, path: str, target: Path, *, most_files: int, most_bytes: int, like: Path | None = None
    ) -> int:
        """Copy a folder of a volume into the empty host folder `target`, as `studium.runner.exporting` says; returns its bytes.

        `like` is an earlier export beside it that nobody writes to: unchanged files may be shared with it. Raises
        `EngineError`, also for a folder that is not there or does not fit the limits.
        """

    @abstractmethod
    def measure_volume(self, volume: str) -> VolumeUse | None:
        """What is used of a shared volume, in use or not; None where no run ever had it. Raises `EngineError`."""

    @abstractmethod
    def resize_volume(self, volume: str, size_bytes: int) -> None:
        """Make a shared volume larger, also while runs have it, or smaller, which raises `VolumeInUse` then.

        Repeatable; without effect on one that was never made. Raises `EngineError`, also where its files do not fit; then it
        is as it was.
        """

    @abstractmethod
    def save_volume(self, volume: str, out: IO[bytes], *, most_bytes: int) -> None:
        """Write all of a volume to the file or pipe `out`, as `studium.runner.archiving` says. Runs may have it meanwhile.

        Raises `EngineError`, `VolumeInUse` where it is just being changed, or let go of by the run that had it alone: then what
        was written is nothing.
        """

    @abstractmethod
    def load_volume(self, volume: str, source: IO[bytes], size_bytes: int, *, length: int) -> None:
        """Have a volume, made if it is not there, be of this size and hold what `save_volume` wrote, `length`
        bytes, instead of what it holds.

        In one step: until then, and where it raises, it is as it was. Raises `EngineError`, `VolumeInUse` while a run has it.
        """

    @abstractmethod
    def reclaim(self, run_id: str) -> None:
        """Forget an ended run: its sockets, cgroups, mounts and scratch space. The volume stays."""

    @abstractmethod
    def delete_volume(self, volume: str) -> None:
        """Delete a volume for good. Raises `EngineError` while a live run holds it."""


class EngineError(Exception):
    """The engine could not do what was asked; the text is for operators."""


class VolumeInUse(EngineError):
    """A run has the volume, so it cannot be had alone."""
