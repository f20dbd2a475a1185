"""Places to run hostile code in: a home of the local engine, driven as root or as an ordinary user."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import studium
from studium.compute.spec import Limits, RunSpec, Volume

MIB = 1024**2
USER = 30_001
DRIVER = Path(__file__).with_name("driver.py")


@dataclass(frozen=True)
class Ended:
    """What a run came to."""

    seen: dict[str, Any]
    log: str

    @property
    def cause(self) -> str:
        return str(self.seen["cause"])

    @property
    def code(self) -> int | None:
        code = self.seen["exit_code"]
        assert code is None or isinstance(code, int)
        return code


class Place:
    """`who` is `root` or `user`. A user gets a copy of the program, as checkouts may lie in a private folder."""

    def __init__(self, who: str, folder: Path) -> None:
        self.who, self.folder = who, folder
        self.folder.chmod(0o755)
        self.home = folder / "h"
        self._drop: tuple[str, ...] = ()
        self.runs: list[str] = []
        if who == "user" and os.geteuid() == 0:
            self._drop = ("setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups")
            shutil.copytree(
                Path(studium.__file__).parent, folder / "src" / "studium", ignore=shutil.ignore_patterns("__pycache__")
            )
            shutil.copy(DRIVER, folder / "driver.py")
            self.home.mkdir()
            os.chown(self.home, USER, USER)
        (folder / "environment").mkdir()

    @property
    def is_root(self) -> bool:
        return self.who == "root"

    def drive(self, verb: str, argument: str = "", given: str = "", before: tuple[str, ...] = ()) -> str:
        """One command of the driver, as this place's user. `before` is put in front of the command."""
        if self._drop:
            python, driver, source = "/usr/bin/python3", self.folder / "driver.py", self.folder / "src"
        else:
            python, driver, source = sys.executable, DRIVER, Path(studium.__file__).parent.parent
        done = subprocess.run(
            [*before, *self._drop, python, str(driver), str(self.home), verb, argument],
            input=given, capture_output=True, text=True, timeout=90, cwd="/", check=False,
            env={"PYTHONPATH": str(source), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, code: str, *arguments: str, before: tuple[str, ...] = (), **options: Any) -> str:
        """Start Python code in a sandbox with a workspace of its own. Returns the run's id."""
        run_id = f"r{uuid.uuid4().hex[:10]}"
        limits = Limits(vcpu=1, memory_bytes=options.pop("memory", 192 * MIB), pids=options.pop("pids", 64),
                        disk_bytes=options.pop("disk", 16 * MIB), log_bytes=options.pop("log", MIB))  # fmt: skip
        volume = Volume(name=options.pop("volume", run_id))
        command = ("/usr/bin/python3", "-u", "-c", textwrap.dedent(code), *arguments)
        spec = RunSpec(run_id=run_id, command=command, limits=limits, volume=volume,
                       environment_path=str(self.folder / "environment"), **options)  # fmt: skip
        self.runs.append(run_id)
        self.drive("start", given=json.dumps(dataclasses.asdict(spec)), before=before)
        return run_id

    def wait(self, run_id: str, phase: str = "ended") -> Ended:
        return Ended(**json.loads(self.drive("wait", f"{run_id}:{phase}")))

    def run(self, code: str, *arguments: str, **options: Any) -> Ended:
        return self.wait(self.start(code, *arguments, **options))

    def neighbour(self) -> Callable[[], Ended]:
        """A run beside the one under test. The answer ends it: it must have kept its pace and its files meanwhile."""
        run_id = self.start(NEIGHBOUR)
        self.wait(run_id, "running")
        return lambda: self.wait(run_id)

    def close(self) -> None:
        for run_id in self.runs:
            self.drive("stop", run_id)


# Works for a while in small steps, each of which needs a process, memory, disk and the clock.
NEIGHBOUR = """
import os, subprocess, time
for step in range(12):
    kept = bytearray(8 << 20)
    open('mine', 'wb').write(b'x' * 100_000)
    subprocess.run(['/usr/bin/true'], check=True)
    time.sleep(0.1)
assert os.path.getsize('mine') == 100_000
print('neighbour done')
"""
