"""The default environment, really built, and its programs started as a sandbox would start them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from running.platform import shared_environments
from studium.environments.build import build_default
from studium.environments.commands import code_folder


@pytest.fixture(scope="session")
def environment() -> Path:
    """Built once for the machine, by whoever comes first."""
    return build_default(shared_environments().parent, progress=print)


@dataclass
class Inside:
    """The surroundings of one run: its workspace, folder of sockets and scratch, and the environment's Python."""

    environment: Path
    workspace: Path
    run_folder: Path
    scratch: Path
    started: list["subprocess.Popen[str]"]

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python")

    def variables(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.workspace}/.local/bin:{self.environment}/bin:{os.defpath}",
            "HOME": str(self.workspace),
            "STUDIUM_WORKSPACE": str(self.workspace),
            "STUDIUM_PACKAGES": str(self.workspace / ".local"),
            "STUDIUM_RUN_FOLDER": str(self.run_folder),
            "STUDIUM_SCRATCH": str(self.scratch),
            # Two suites side by side with a thread for each core of both spend their time waiting for one another.
            "STUDIUM_VCPU": "1",
            "PIP_USER": "1",  # as the sandbox sets it
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def start(self, program: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """One of our programs for the inside, with its output captured."""
        process = subprocess.Popen(
            [self.python, "-s", str(code_folder() / program), *arguments],
            env=self.variables(**variables),
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def execute(self, notebook: str, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start("execute_notebook.py", notebook, *options, **variables)
        out, err = process.communicate(timeout=170)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            env=self.variables(**variables),
            cwd=self.workspace,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def inside(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    # Sockets' paths are short, which a test's own folder may not be.
    scratch = Path(subprocess.check_output(["mktemp", "-d", "/tmp/studium-XXXXXX"], text=True).strip())
    folder = tmp_path_factory.mktemp("run")
    made = Inside(environment, folder / "ws", scratch / "run", scratch / "s", [])
    made.workspace.mkdir()
    made.run_folder.mkdir()
    yield made
    for process in made.started:
        with process:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
    subprocess.run(["rm", "-rf", str(scratch)], check=True)
