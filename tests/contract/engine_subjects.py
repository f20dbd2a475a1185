"""The engines under the contract, each with a way to make its runs do what a test needs and to let time pass."""

import textwrap
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from studium.compute.engines.base import Cause, Engine, Observation
from studium.compute.engines.fake import FakeEngine
from studium.compute.engines.local import LocalEngine
from studium.compute.spec import Limits, RunSpec, Service, Volume

MIB = 1024**2


class Subject(ABC):
    """`engine` is the one under test; `again` gives another over the same state, as after a restart."""

    engine: Engine
    machine: str
    folder: Path

    @abstractmethod
    def again(self) -> Engine: ...

    @abstractmethod
    def wait(self, happened: Callable[[], bool]) -> None:
        """Let time pass until it happened; fails when it does not."""

    @abstractmethod
    def spec_exiting(self, run_id: str, code: int, text: str = "", volume: str | None = None) -> RunSpec: ...

    @abstractmethod
    def after_start(self, run_id: str) -> None:
        """Called once a run of `spec_exiting` is started."""

    def spec_running(self, run_id: str, volume: str | None = None, *, service: bool = False) -> RunSpec:
        return self.spec(run_id, LONG_SERVICE if service else LONG, volume, service=service)

    def spec(self, run_id: str, code: str, volume: str | None = None, *, service: bool = False) -> RunSpec:
        environment = self.folder / "environment"
        environment.mkdir(exist_ok=True)
        return RunSpec(
            run_id=run_id,
            command=("/usr/bin/python3", "-u", "-c", textwrap.dedent(code)),
            limits=Limits(vcpu=1, memory_bytes=128 * MIB, pids=64, disk_bytes=16 * MIB, log_bytes=MIB),
            environment_path=str(environment),
            volume=Volume(name=volume) if volume else None,
            service=Service() if service else None,
        )

    def phase(self, run_id: str) -> str:
        return self.engine.poll(run_id).phase.value

    def until(self, run_id: str, phase: str) -> Observation:
        self.wait(lambda: self.phase(run_id) == phase)
        return self.engine.poll(run_id)


LONG = "import time\nprint('going', flush=True)\ntime.sleep(600)"
LONG_SERVICE = """
import os, socket
server = socket.socket(socket.AF_UNIX)
server.bind(os.environ['STUDIUM_SOCKET'])
server.listen()
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    connection.close()
"""


class LocalSubject(Subject):
    machine = "local"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine: Engine = LocalEngine(folder / "h")

    def again(self) -> Engine:
        return LocalEngine(self.folder / "h")

    def wait(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not happened():
            assert time.monotonic() < end, "it did not happen within 30 s"
            time.sleep(0.005)

    def spec_exiting(self, run_id: str, code: int, text: str = "", volume: str | None = None) -> RunSpec:
        return self.spec(run_id, f"import sys\nsys.stdout.write({text!r})\nsys.exit({code})", volume)

    def after_start(self, run_id: str) -> None:
        pass


class FakeSubject(Subject):
    machine = "fake"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_800_000_000.0
        self._planned: dict[str, tuple[int, str]] = {}
        self.engine: Engine = self.again()

    def again(self) -> Engine:
        return FakeEngine(lambda: self.now, path=self.folder / "fake.json", endpoint_folder=self.folder)

    def wait(self, happened: Callable[[], bool]) -> None:
        for _ in range(1000):
            if happened():
                return
            self.now += 1
        raise AssertionError("it did not happen")

    def spec_exiting(self, run_id: str, code: int, text: str = "", volume: str | None = None) -> RunSpec:
        self._planned[run_id] = (code, text)
        return self.spec(run_id, "the fake engine runs nothing", volume)

    def after_start(self, run_id: str) -> None:
        code, text = self._planned[run_id]
        assert isinstance(self.engine, FakeEngine)
        self.engine.output(run_id, text.encode())
        self.engine.finish(run_id, code, Cause.EXIT)
