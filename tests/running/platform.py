"""A whole Studium for end-to-end tests: its own home, port, edge, web and controller, real sandboxes.

The default environment is built once for the machine and shared by all of them.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import database
from studium.client import Client
from studium.config.options import Options
from studium.operations.supervise import Supervisor, environment


def shared_environments() -> Path:
    """Where test platforms keep built environments: a folder that sandboxes of any uid can pass through."""
    folder = Path(f"/var/tmp/studium-test-{os.getuid()}/environments")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared_libraries() -> Path:
    """Where test platforms keep what draws interactive outputs."""
    folder = shared_environments().with_name("libraries")
    folder.mkdir(exist_ok=True)
    return folder


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(what: Callable[[], Any], *, seconds: float = 30, every: float = 0.02, says: str = "") -> Any:
    """The first truthy answer of `what`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"not within {seconds:.0f} s: {says or what}")


@dataclass
class Platform:
    """One running installation with an administrator, `admin`, and their token."""

    home: Path
    options: Options
    supervisor: Supervisor
    token: str = ""
    log: Path = field(default_factory=Path)

    @property
    def url(self) -> str:
        return self.options.platform_url

    def client(self, token: str = "") -> Client:
        return Client(self.url, token or self.token)

    def manage(self, code: str) -> str:
        """Run Python inside the installation (domains importable, `now` defined); returns what it printed."""
        setup = "from studium.operations.setup import load_django; load_django()\n"
        setup += "from studium.lib import clock; now = clock.now()\n"
        done = subprocess.run(
            [sys.executable, "-c", setup + code],
            env=environment(self.options),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def cli(self, *arguments: str, check: bool = False, **more: Any) -> subprocess.CompletedProcess[str]:
        """The `studium` command as a person types it."""
        env = {
            **environment(self.options),
            "STUDIUM_URL": self.url,
            "STUDIUM_TOKEN": self.token,
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }
        return subprocess.run(
            [str(Path(sys.executable).with_name("studium")), *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
            **more,
        )

    def kill(self, name: str) -> None:
        """`kill -9` one process, children too; the supervisor's next `check` starts it again."""
        child = self.supervisor.children[name]
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def running_platform(
    *, simulate: str = "", plans: tuple[str, ...] = ("open",), empty: bool = False, **settings: Any
) -> Iterator[Platform]:
    """A platform that is up; everything it started is ended and removed at the end. `empty` has it make its own database."""
    home = Path(tempfile.mkdtemp(prefix="st-", dir="/tmp"))
    home.chmod(0o755)
    (home / "environments").symlink_to(shared_environments())
    (home / "libraries").symlink_to(shared_libraries())
    if not empty:
        database.put_at(home)  # not used where the settings name another
    options = Options(home=home, port=free_port(), simulate=simulate, **settings)
    log_path = home / "studium.log"
    platform = None
    try:
        _prepare(options, plans)
        with log_path.open("ab") as log:
            supervisor = Supervisor(options, lambda line: log.write(f"{line}\n".encode()), log)
            platform = Platform(home=home, options=options, supervisor=supervisor, log=log_path)
            supervisor.start()
            supervisor.wait_healthy()
            platform.token = platform.manage(_TOKEN)
            yield platform
    finally:
        if platform is not None:
            _end_runs(platform)
            platform.supervisor.stop()
        shutil.rmtree(home, ignore_errors=True)


_TOKEN = """
from studium.accounts.actions import create_token
from studium.accounts.models import User
from studium.accounts.states import Scope
print(create_token(User.objects.get(username="admin"), "tests", list(Scope), now=now, expires_at=None)[1])
"""


def _prepare(options: Options, plans: tuple[str, ...]) -> None:
    code = f"""
from studium.operations.setup import prepare, first_administrator
prepare(print)
first_administrator()
from studium.compute.actions import load_plan_set
from studium.plans.presets import load_shipped
from studium.lib import clock
for name in {plans!r}:
    load_plan_set(None, load_shipped(name), now=clock.now())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(options), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr


def _end_runs(platform: Platform) -> None:
    """Stop and reclaim every run through the engine itself, so that no sandbox, mount or cgroup is left."""
    platform.supervisor.children.get("controller") and platform.kill("controller")
    platform.manage(
        """
import time
from studium.compute.engines.base import EngineError, Phase
from studium.compute.engines.registry import engines
from studium.compute.models import Run
engine = engines()["local"]
for run in Run.objects.exclude(machine=None).filter(reclaimed_at=None):
    engine.stop(run.pk, 0)
    deadline = time.monotonic() + 20
    while engine.poll(run.pk).phase not in (Phase.ENDED, Phase.UNKNOWN) and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.reclaim(run.pk)
"""
    )
