"""An engine that runs nothing: for tests of everything above engines. Time is the clock it is given.

Runs go on until told otherwise (`finish`, `dies_after`, `stop`). Named misbehaviours stand for what real engines do on
bad days. With a `path` all state is kept in a JSON file, so that another instance finds it, as after a restart.
"""

import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

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
    FoundMachine,
    Observation,
    Phase,
    Usage,
    VolumeInUse,
    VolumeUse,
)
from studium.compute.spec import Mount, RunSpec
from studium.runner import archiving, beneath, collecting, exporting, showing

MACHINES = (FoundMachine(name="fake", vcpu=8.0, memory_bytes=32 * 1024**3),)
EVERY = "*"


class FakeEngine(Engine):
    """Pretends to run. `clock` gives Unix seconds; `machines` is what it offers."""

    name = "fake"

    def __init__(
        self,
        clock: Callable[[], float],
        machines: Sequence[FoundMachine] = MACHINES,
        *,
        path: Path | None = None,
        endpoint_folder: Path = Path("/nowhere"),
    ) -> None:
        self._clock, self._machines, self._path = clock, list(machines), path
        self._endpoints = endpoint_folder
        self._state: dict[str, Any] = {"runs": {}, "volumes": {}, "sizes": {}, "bad": {}, "starts": []}
        # By run, in memory only: what an engine is given is in none of its files.
        self.given: dict[str, dict[str, str]] = {}
        self._load()

    def _load(self) -> None:
        if self._path and self._path.exists():
            self._state = json.loads(self._path.read_text())

    def _save(self) -> None:
        if self._path:
            passing = self._path.with_suffix(".part")
            passing.write_text(json.dumps(self._state))
            passing.replace(self._path)

    # What tests do to it.

    def unknown_for(self, polls: int, run_id: str = EVERY) -> None:
        """The next polls answer UNKNOWN."""
        self._misbehave("unknown_for", run_id, polls)

    def poll_raises(self, times: int = 1, run_id: str = EVERY) -> None:
        """The next polls raise, as a broken connection to a scheduler would."""
        self._misbehave("poll_raises", run_id, times)

    def start_fails(self, times: int = 1, run_id: str = EVERY) -> None:
        """The next starts raise `EngineError` and start nothing."""
        self._misbehave("start_fails", run_id, times)

    def start_lies(self, times: int = 1, run_id: str = EVERY) -> None:
        """The next starts raise although the run was started: the answer was lost."""
        self._misbehave("start_lies", run_id, times)

    def slow_start(self, seconds: float, run_id: str = EVERY) -> None:
        """Runs stay STARTING for so long after their start."""
        self._misbehave("slow_start", run_id, seconds)

    def dies_after(
        self, seconds: float, exit_code: int | None = 1, cause: Cause = Cause.EXIT, run_id: str = EVERY
    ) -> None:
        """Runs end by themselves so long after their start."""
        self._misbehave("dies_after", run_id, [seconds, exit_code, cause.value])

    def stop_ignored(self, run_id: str = EVERY) -> None:
        """Stops are taken and nothing happens."""
        self._misbehave("stop_ignored", run_id, 1)

    def show_fails(self, times: int = 1, run_id: str = EVERY) -> None:
        """The next inputs that running runs are to be shown are not."""
        self._misbehave("show_fails", run_id, times)

    def shown(self, run_id: str) -> dict[str, str]:
        """What a run sees below the folders for inputs: path inside -> folder."""
        found: dict[str, str] = self._state["runs"][run_id]["shown"]
        return dict(found)

    def heal(self) -> None:
        """No more misbehaviours."""
        self._state["bad"].clear()
        self._save()

    def finish(self, run_id: str, exit_code: int | None = 0, cause: Cause = Cause.EXIT, message: str = "") -> None:
        """The run ends now."""
        self._end(self._state["runs"][run_id], self._clock(), exit_code, cause, message)
        self._save()

    def forget(self, run_id: str) -> None:
        """The run is gone without a trace, as with a machine that was replaced."""
        self._state["runs"].pop(run_id, None)
        self._save()

    def output(self, run_id: str, text: bytes) -> None:
        """The run prints."""
        self._state["runs"][run_id]["log"] += text.decode("latin-1")
        self._save()

    def measured(self, run_id: str, series: dict[str, Any]) -> None:
        """What the run used over its life, from now on."""
        self._state["runs"][run_id]["series"] = series
        self._save()

    def observe(
        self,
        run_id: str,
        *,
        usage: Usage | None = None,
        activity: Activity | None = None,
        progress: dict[str, Any] | None = None,
    ) -> None:
        """What the next polls tell of the run's use, activity and progress; what is left out stays."""
        run = self._state["runs"][run_id]
        for name, value in (("usage", usage), ("activity", activity)):
            if value is not None:
                run[name] = asdict(value)
        if progress is not None:
            run["progress"] = progress
        self._save()

    def set_machines(self, machines: Sequence[FoundMachine]) -> None:
        self._machines = list(machines)

    @property
    def starts(self) -> list[str]:
        """The runs that were really started, in order."""
        return list(self._state["starts"])

    def _misbehave(self, what: str, run_id: str, value: Any) -> None:
        self._state["bad"].setdefault(what, {})[run_id] = value
        self._save()

    def _bad(self, what: str, run_id: str) -> Any:
        table = self._state["bad"].get(what, {})
        return table.get(run_id, table.get(EVERY))

    def _uses_up(self, what: str, run_id: str) -> bool:
        """Whether a counted misbehaviour strikes now; each strike uses one up."""
        table = self._state["bad"].get(what, {})
        key = run_id if table.get(run_id) else EVERY
        if not table.get(key):
            return False
        table[key] -= 1
        self._save()
        return True

    # The contract.

    def inventory(self) -> list[FoundMachine]:
        return list(self._machines)

    def checks(self) -> list[Check]:
        remedy = "Use a real engine."
        return [Check(name="fake engine", ok=False, detail="Runs are pretended.", remedy=remedy, isolates=True)]

    def start(
        self, spec: RunSpec, machine: str, *, secrets: Mapping[str, str] = NO_SECRETS, access: Access = NO_ACCESS
    ) -> None:
        if machine not in {found.name for found in self._machines}:
            raise EngineError(f"there is no machine {machine!r}")
        if spec.run_id in self._state["runs"]:
            return
        if self._uses_up("start_fails", spec.run_id):
            raise EngineError("the fake engine was told to fail this start")
        now = self._clock()
        service = None
        if spec.service is not None:
            service = str(self._endpoints / spec.run_id / "service.sock")
        self._state["runs"][spec.run_id] = {
            "started": now, "ready": now + float(self._bad("slow_start", spec.run_id) or 0), "stop_at": None,
            "ended": None, "exit_code": None, "cause": None, "message": "", "log": "", "service": service,
            "series": {"started": now, "step": 2.0, "points": 0, "lines": []},
            "volume": spec.volume.name if spec.volume else None, "spec": json.loads(spec.to_json()),
            "shown": showing.of_spec([asdict(mount) for mount in spec.mounts]),
        }  # fmt: skip
        if spec.volume:
            files = self._state["volumes"].setdefault(spec.volume.name, {})
            for seed in spec.seeds:
                top = Path(seed.source)
                for path in sorted(top.rglob("*")) if top.is_dir() else (top,):
                    if path.is_file() and not path.is_symlink():
                        name = str(Path(seed.target, path.relative_to(top)))
                        files[name] = path.read_bytes().decode("latin-1")
        for each in spec.shared:
            self._state["volumes"].setdefault(each.name, {})
            self._state["sizes"].setdefault(each.name, each.size_bytes)
        self._state["starts"].append(spec.run_id)
        self.given[spec.run_id] = dict(secrets)
        self._save()
        if self._uses_up("start_lies", spec.run_id):
            raise EngineError("the fake engine was told to lose the answer to this start")

    def poll(self, run_id: str) -> Observation:
        if self._uses_up("poll_raises", run_id):
            raise EngineError("the fake engine was told to fail this poll")
        run = self._state["runs"].get(run_id)
        if run is None or self._uses_up("unknown_for", run_id):
            return Observation(phase=Phase.UNKNOWN, message="this engine has no such run")
        self._move_on(run_id, run)
        return _observation(run, self._clock())

    def _move_on(self, run_id: str, run: dict[str, Any]) -> None:
        """Let happen what was due by now: a death of its own, a stop."""
        if run["ended"] is not None:
            return
        now = self._clock()
        if (fate := self._bad("dies_after", run_id)) and now >= run["started"] + fate[0]:
            self._end(run, run["started"] + fate[0], fate[1], Cause(fate[2]), "")
        elif run["stop_at"] is not None and now >= run["stop_at"]:
            self._end(run, run["stop_at"], None, Cause.STOPPED, "It was stopped.")

    def _end(self, run: dict[str, Any], at: float, exit_code: int | None, cause: Cause, message: str) -> None:
        if run["ended"] is None:
            run.update(ended=at, exit_code=exit_code, cause=cause.value, message=message)
            self._save()

    def stop(self, run_id: str, grace_seconds: float) -> None:
        run = self._state["runs"].get(run_id)
        if run is None or run["ended"] is not None or self._bad("stop_ignored", run_id):
            return
        until = self._clock() + grace_seconds
        run["stop_at"] = until if run["stop_at"] is None else min(until, run["stop_at"])
        self._save()

    def show(self, run_id: str, mounts: Sequence[Mount]) -> None:
        if self.poll(run_id).phase != Phase.RUNNING:
            raise EngineError(f"the run {run_id} does not run")
        if self._uses_up("show_fails", run_id):
            raise EngineError("the fake engine was told not to show this")
        for mount in mounts:
            if not showing.is_shown_below(mount.target):
                raise EngineError(f"{mount.target} is no place for an input")
        self._state["runs"][run_id]["shown"] = {mount.target: mount.source for mount in mounts}
        self._save()

    def read_log(self, run_id: str, offset: int, limit: int) -> bytes:
        run = self._state["runs"].get(run_id)
        text: str = run["log"] if run else ""
        return text.encode("latin-1")[max(0, offset) :][: max(0, limit)]

    def read_series(self, run_id: str) -> dict[str, Any] | None:
        run = self._state["runs"].get(run_id)
        found: dict[str, Any] | None = run.get("series") if run else None
        return found

    def endpoint(self, run_id: str) -> Endpoint | None:
        run = self._state["runs"].get(run_id)
        if run is None or not run["service"] or run["ended"] is not None or self._clock() < run["ready"]:
            return None
        return Endpoint(socket=run["service"])

    def read_file(self, volume: str, path: str, limit: int) -> bytes | None:
        try:
            name = "/".join(beneath.components(path))
        except ValueError:
            return None
        text: str | None = self._state["volumes"].get(volume, {}).get(name)
        if text is None:
            return None
        if len(text) > limit:
            raise EngineError(f"{path} has more than {limit} bytes")
        return text.encode("latin-1")

    def write_file(self, volume: str, path: str, content: bytes, size_bytes: int) -> None:
        try:
            name = "/".join(beneath.components(path))
        except ValueError as error:
            raise EngineError(str(error)) from error
        files = self._state["volumes"].setdefault(volume, {})
        if sum(map(len, files.values())) + len(content) > size_bytes:
            raise EngineError(f"the volume {volume} has no room for {len(content)} more bytes")
        files[name] = content.decode("latin-1")
        self._save()

    def collect(self, volume: str, target: Path, *, skip: str, most_files: int, most_bytes: int) -> None:
        with tempfile.TemporaryDirectory() as root:
            for name, text in self._state["volumes"].get(volume, {}).items():
                beneath.write(root, name, text.encode("latin-1"), None)
            with target.open("wb") as out:
                collecting.collect(root, out, skip=skip, most_files=most_files, most_bytes=most_bytes)

    def export(
        self, volume: str, path: str, target: Path, *, most_files: int, most_bytes: int, like: Path | None = None
    ) -> int:
        with tempfile.TemporaryDirectory() as root:
            for name, text in self._state["volumes"].get(volume, {}).items():
                beneath.write(root, name, text.encode("latin-1"), None)
            try:
                limits = {"most_files": most_files, "most_bytes": most_bytes}
                return exporting.export(root, path, str(target), **limits, like=str(like or ""))
            except (OSError, ValueError) as error:
                raise EngineError(str(error)) from error

    def measure_volume(self, volume: str) -> VolumeUse | None:
        if volume not in self._state["volumes"]:
            return None
        used = sum(map(len, self._state["volumes"][volume].values()))
        return VolumeUse(used_bytes=used, total_bytes=self._state["sizes"].get(volume))

    def resize_volume(self, volume: str, size_bytes: int) -> None:
        if volume not in self._state["sizes"]:
            return
        if size_bytes < self._state["sizes"][volume]:
            self._alone(volume)
            if sum(map(len, self._state["volumes"][volume].values())) > size_bytes:
                raise EngineError(f"the files of the volume {volume} do not fit")
        self._state["sizes"][volume] = size_bytes
        self._save()

    def save_volume(self, volume: str, out: IO[bytes], *, most_bytes: int) -> None:
        if volume not in self._state["volumes"]:
            raise EngineError(f"there is no volume {volume}")
        with tempfile.TemporaryDirectory() as root:
            for name, text in self._state["volumes"][volume].items():
                beneath.write(root, name, text.encode("latin-1"), None)
            try:
                archiving.save(root, out, most_bytes=most_bytes)
            except ValueError as error:
                raise EngineError(str(error)) from error

    def load_volume(self, volume: str, source: IO[bytes], size_bytes: int, *, length: int) -> None:
        self._alone(volume)
        with tempfile.TemporaryDirectory() as root:
            try:
                archiving.load(root, source, None, length=length)
            except (OSError, ValueError, tarfile.TarError) as error:
                raise EngineError(str(error)) from error
            files = {
                str(path.relative_to(root)): path.read_bytes().decode("latin-1")
                for path in sorted(Path(root).rglob("*"))
                if path.is_file() and not path.is_symlink()
            }
        if sum(map(len, files.values())) > size_bytes:
            raise EngineError(f"the files do not fit into the volume {volume}")
        self._state["volumes"][volume] = files
        if volume in self._state["sizes"]:
            self._state["sizes"][volume] = size_bytes
        self._save()

    def _alone(self, volume: str) -> None:
        """Raises `VolumeInUse` while a run has the volume."""
        for run_id, run in self._state["runs"].items():
            self._move_on(run_id, run)
            has = {run["volume"], *(each["name"] for each in run["spec"]["shared"])}
            if volume in has and run["ended"] is None:
                raise VolumeInUse(f"the volume {volume} is in use by another run")

    def reclaim(self, run_id: str) -> None:
        run = self._state["runs"].get(run_id)
        if run is None:
            return
        self._move_on(run_id, run)
        if run["ended"] is None:
            raise EngineError(f"the run {run_id} is still alive")
        self.forget(run_id)

    def delete_volume(self, volume: str) -> None:
        self._alone(volume)
        self._state["volumes"].pop(volume, None)
        self._state["sizes"].pop(volume, None)
        self._save()


def _observation(run: dict[str, Any], now: float) -> Observation:
    ended = run["ended"] is not None
    phase = Phase.ENDED if ended else Phase.RUNNING if now >= run["ready"] else Phase.STARTING
    usage = dict(run.get("usage", {}))
    devices = tuple(AcceleratorUsage(**device) for device in usage.pop("accelerators", ()))
    return Observation(
        phase=phase,
        exit_code=run["exit_code"],
        cause=Cause(run["cause"]) if run["cause"] else None,
        message=run["message"],
        started_at=run["ready"] if now >= run["ready"] and (not ended or run["ended"] >= run["ready"]) else None,
        ended_at=run["ended"],
        usage=Usage(**usage, accelerators=devices),
        activity=Activity(**run.get("activity", {})),
        progress=run.get("progress"),
    )
