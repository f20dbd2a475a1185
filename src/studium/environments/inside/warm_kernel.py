"""Starts the notebook's Python kernel while the server is still being imported, and hands it to the server's manager.

Without it the kernel's start (about 0.3 s) would come after the server's (about 0.6 s). Only the environment's own Python
kernel is started so; any other kernel is started by the server in the usual way.
"""

import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import surroundings

NAME = "python3"


@dataclass(frozen=True)
class WarmKernel:
    """A kernel process that runs already, and the file that says how to reach it."""

    process: "subprocess.Popen[bytes]"
    connection_file: Path


_waiting: list[WarmKernel] = []


def wanted_kernel(notebook: Path) -> str:
    """The kernel the notebook names, or an empty string where it names none or cannot be read."""
    spec = metadata_of(notebook).get("kernelspec")
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else ""


def metadata_of(notebook: Path) -> dict[str, Any]:
    """What the notebook says of itself, nothing where it cannot be read."""
    try:
        with notebook.open(encoding="utf-8") as handle:
            found = json.load(handle)["metadata"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def start(notebook: Path) -> None:
    """Start the kernel for this notebook, if it is one for Python. The server takes it over when it is up."""
    if wanted_kernel(notebook) not in ("", NAME):
        return
    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    identity = str(uuid.uuid4())
    connection_file = runtime / f"kernel-{identity}.json"
    ports = {f"{channel}_port": n for n, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)}
    connection = {
        "transport": "ipc",
        "ip": str(runtime / f"kernel-{identity}-ipc"),
        "key": str(uuid.uuid4()),
        "signature_scheme": "hmac-sha256",
        "kernel_name": NAME,
        "jupyter_session": str(notebook),
        **ports,
    }
    with open(os.open(connection_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        json.dump(connection, handle)
    process = subprocess.Popen(
        [surroundings.PYTHON, "-m", "ipykernel_launcher", "-f", str(connection_file)],
        cwd=notebook.parent if notebook.parent.is_dir() else None,
        env={**os.environ, "JPY_SESSION_NAME": str(notebook), "JPY_PARENT_PID": str(os.getpid())},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    _waiting.append(WarmKernel(process, connection_file))


def take(name: str) -> WarmKernel | None:
    """The kernel that was started beforehand: once, and only while it lives."""
    if name != NAME or not _waiting:
        return None
    kernel = _waiting.pop()
    return kernel if kernel.process.poll() is None else None


class TakesWarmKernel:
    """Mixed into a kernel manager: its first launch takes over the kernel that was started beforehand."""

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        manager: Any = self
        self._warm = take(manager.kernel_name)
        if self._warm:
            manager.connection_file = str(self._warm.connection_file)
            manager.load_connection_file()
            manager._connection_file_written = True
            manager._record_random_port_names()
        return await super()._async_pre_start_kernel(**kw)  # type: ignore[misc]

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        if self._warm:
            _stand_in(self.provisioner, self._warm)  # type: ignore[attr-defined]
            self._warm = None
        await super()._async_launch_kernel(kernel_cmd, **kw)  # type: ignore[misc]


def _stand_in(provisioner: Any, kernel: WarmKernel) -> None:
    """Make the provisioner's next launch answer with the running process; the launch after it (a restart) is its own."""

    async def launch(cmd: list[str], **kwargs: Any) -> Any:
        del provisioner.launch_kernel
        provisioner.process = kernel.process
        provisioner.pid = kernel.process.pid
        provisioner.pgid = os.getpgid(kernel.process.pid)
        provisioner.cwd = kwargs.get("cwd", Path.cwd())
        return provisioner.connection_info

    provisioner.launch_kernel = launch
