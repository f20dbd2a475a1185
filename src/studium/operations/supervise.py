"""Start edge, web and controller, watch them, end them cleanly. Sessions are not among them and go on."""

import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from studium.config.options import Options
from studium.errors import NotYet

Say = Callable[[str], None]
# Beside the notebook itself a form has fields and a multipart body its frame.
UPLOAD_ROOM = 2 * 1024**2


def web_command(options: Options) -> list[str]:
    """granian serves Django as WSGI on the web socket."""
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--uds",
        str(options.web_socket),
        "--uds-permissions",
        "0o600",
        "--workers",
        "1",
        "--blocking-threads",
        str(options.web_threads),
        "--backlog",
        "1024",
        "--respawn-failed-workers",
        "--no-ws",
        "--log-level",
        "warning",
        "studium.web.wsgi:application",
    ]


def edge_command(options: Options) -> list[str]:
    """The edge on a port of its own; the supervisor gives it an open socket instead, so that a restart refuses nobody."""
    scheme = options.platform_url.split("://", 1)[0]
    return [
        sys.executable,
        "-m",
        "studium.edge",
        "--platform-host",
        options.platform_host,
        "--content-domain",
        options.content_host_suffix,
        "--scheme",
        scheme,
        "--web-socket",
        str(options.web_socket),
        "--key-file",
        str(options.edge_key_file),
        "--bind",
        f"{options.bind}:{options.port}",
        "--hint-socket",
        str(options.edge_hints),
        "--files-folder",
        str(options.home / "blobs"),
        "--platform-body",
        str(options.notebook_bytes + UPLOAD_ROOM),
    ]


def controller_command(options: Options) -> list[str]:
    return [sys.executable, "-m", "studium.controller"]


COMMANDS: dict[str, Callable[[Options], list[str]]] = {
    "web": web_command,
    "controller": controller_command,
    "edge": edge_command,
}


def environment(options: Options) -> dict[str, str]:
    """The environment of the three: ours, plus the settings as they are in force here."""
    mine = {
        f"STUDIUM_{name.upper()}": str(value) for name, value in options.model_dump().items() if name != "secret_key"
    }
    return {**os.environ, **mine, "DJANGO_SETTINGS_MODULE": "studium.config.settings", "PYTHONUNBUFFERED": "1"}


@dataclass
class Supervisor:
    """The three processes of one installation."""

    options: Options
    say: Say
    logs: IO[bytes] | None = None
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    stopping: bool = False
    # The public port's socket is ours: connections wait in it while one edge ends and the next begins.
    listener: socket.socket | None = None

    def start(self) -> None:
        """Start what is not running."""
        if self.listener is None:
            family = socket.AF_INET6 if ":" in self.options.bind else socket.AF_INET
            address = (self.options.bind, self.options.port)
            self.listener = socket.create_server(address, family=family, backlog=4096)
        for name in COMMANDS:
            if name not in self.children and time.monotonic() >= self.not_before.get(name, 0):
                self._spawn(name)

    def _spawn(self, name: str) -> None:
        if name == "web":
            self.options.web_socket.unlink(missing_ok=True)
        command, passed = COMMANDS[name](self.options), []
        if name == "edge" and self.listener is not None:
            passed = [self.listener.fileno()]
            command += ["--fd", str(passed[0])]
        self.children[name] = subprocess.Popen(
            command,
            pass_fds=passed,
            env=environment(self.options),
            stdin=subprocess.DEVNULL,
            stdout=self.logs,
            stderr=self.logs,
            process_group=0,  # Ctrl-C reaches only the supervisor, which ends them in order
        )

    def check(self) -> None:
        """Start again what ended, each time a little later if it keeps ending."""
        for name, child in list(self.children.items()):
            code = child.poll()
            if code is None:
                continue
            del self.children[name]
            self.failures[name] = self.failures.get(name, 0) + 1
            delay = min(30.0, 0.2 * 2 ** min(self.failures[name], 8))
            self.not_before[name] = time.monotonic() + delay
            self.say(f"{name} ended with code {code}; starting it again in {delay:.0f} s")
        self.start()

    def wait_healthy(self, seconds: float = 60) -> None:
        """Return once pages are served through the edge. Raises NotYet with the place of the logs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if healthy(self.options):
                self.failures.clear()
                return
            time.sleep(0.1)
        raise NotYet(
            "up.not_healthy", f"The platform did not answer within {seconds:.0f} s.", "See the log for the reason."
        )

    def stop(self) -> None:
        """End edge first, so that nobody is half served, then the rest. Bounded."""
        for name in ("edge", "web", "controller"):
            child = self.children.get(name)
            if child is not None and child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 15
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()


def healthy(options: Options) -> bool:
    """Whether edge and web answer."""
    everywhere = options.bind in ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
    connection = http.client.HTTPConnection("127.0.0.1" if everywhere else options.bind, options.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": options.platform_host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def port_free(options: Options) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((options.bind, options.port))
        except OSError:
            return False
    return True


@contextmanager
def only_one(options: Options) -> Iterator[None]:
    """Hold the lock of this installation. Raises NotYet when another `studium up` has it."""
    path: Path = options.run_folder / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotYet(
                "up.running",
                f"Studium is already up on {options.home}.",
                f"Open {options.platform_url}, or stop the other one with Ctrl-C.",
            ) from None
        yield
