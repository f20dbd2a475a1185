"""`studium up`: from whatever is there to a running platform, and the address to open."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from studium.compute.engines.local_checks import SANDBOX
from studium.compute.engines.registry import local_engine
from studium.config.options import options
from studium.errors import Refused, StudiumError
from studium.operations import setup, system
from studium.operations.supervise import Supervisor, only_one, port_free


def up(*, first_notebook: bool = True) -> int:
    """Prepare, start, watch until stopped. Returns the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    say = console.print
    settings = options()
    setup.make_folders(settings)
    with only_one(settings):
        lacking = system.install_missing(say)
        if any(need.required for need in lacking):
            raise Refused("up.system", "A program that every run needs is missing.", system.install_command(lacking))
        say_degraded(say)
        if not port_free(settings):
            raise Refused(
                "up.port_taken",
                f"Port {settings.port} on {settings.bind} is taken by another program.",
                f"Stop that program, or choose another port: STUDIUM_PORT={settings.port + 1} studium up",
            )
        first = setup.prepare(say)
        log_path = settings.home / "studium.log"
        log_path.touch(mode=0o600)
        with log_path.open("ab") as logs:
            return _serve(
                Supervisor(settings, say, logs), console, log_path, first=first, first_notebook=first_notebook
            )


def say_degraded(say: setup.Say) -> None:
    """Say what does not isolate here, each with its remedy. Raises Refused where no run could start at all."""
    for check in local_engine(options()).checks():
        if check.ok or not check.isolates:
            continue
        if check.name == SANDBOX:
            raise Refused("up.sandbox", f"No sandbox can be made on this machine: {check.detail}.", check.remedy)
        say(f"Degraded: {check.name}. {check.detail} {check.remedy}".rstrip())


def prove(say: setup.Say) -> None:
    """Run the first notebook. A platform that serves goes on serving when that is slow or refused."""
    from studium.operations.first_run import run_first_notebook

    try:
        run_first_notebook(say)
    except StudiumError as error:
        say(f"{error.message} {error.next_step}".strip())


def _serve(supervisor: Supervisor, console: Console, log_path: Path, *, first: bool, first_notebook: bool) -> int:
    say = console.print

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.stopping = True

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, ask_to_stop)
    try:
        say("Starting edge, web and controller")
        supervisor.start()
        supervisor.wait_healthy()
        link = setup.first_administrator() if first or setup.nobody_can_administer() else ""
        if first and first_notebook:
            prove(say)
        say("")
        say(f"[bold]Studium is up:[/bold] {supervisor.options.platform_url}")
        if link:
            say(f"Sign in as administrator with this link, which works once: {link}")
        say(f"Logs: {log_path}   Stop with Ctrl-C; running sessions go on.")
        sys.stdout.flush()
        while not supervisor.stopping:
            supervisor.check()
            time.sleep(0.3)
        say("Stopping; running sessions go on.")
        return 0
    finally:
        supervisor.stop()
