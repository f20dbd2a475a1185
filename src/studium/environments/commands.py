"""The commands a run starts inside its sandbox, and the folder of our code that must be shown there for them to work."""

from pathlib import Path

# Where a sandbox shows the environment, our code for the inside, and the folder of sockets and reports.
ENVIRONMENT = "/opt/env"
CODE = "/opt/studium"
RUN_FOLDER = "/run/studium"
# The default environment beside one that a team made: the server runs in it, whatever packages the kernels see.
SERVER = "/opt/server"
# The installer that builds of environments use.
UV = "/opt/uv"
ENVIRONMENT_VARIABLE = "STUDIUM_ENVIRONMENT"
# And the kernel files of the operator, where there are any.
KERNELS = "/opt/kernels"

SOCKET = "service.sock"
PROGRESS = "progress.json"
TOKEN_VARIABLE = "JUPYTER_TOKEN"  # noqa: S105 (a name)
NOTEBOOK_VARIABLE = "STUDIUM_NOTEBOOK"
TERMINALS_VARIABLE = "STUDIUM_TERMINALS"


def code_folder() -> Path:
    """The host folder to mount read-only at `CODE`."""
    return Path(__file__).resolve().parent / "inside"


def _python(server: str, script: str, *arguments: str) -> tuple[str, ...]:
    return (f"{server}/bin/python", "-s", f"{CODE}/{script}", *arguments)


def session_command(server: str = ENVIRONMENT) -> tuple[str, ...]:
    """Starts JupyterLab on the run's socket.

    The token comes from the variable `JUPYTER_TOKEN`. `STUDIUM_NOTEBOOK`, a path below the workspace, names the notebook
    whose kernel is started at once; `STUDIUM_TERMINALS=0` leaves terminals out. `server` is where the environment with
    JupyterLab is shown.
    """
    return _python(server, "serve_notebook.py")


def execute_command(
    notebook: str, server: str = ENVIRONMENT, *, cell_seconds: int | None = None, keep_going: bool = False
) -> tuple[str, ...]:
    """Executes the notebook at this path below the workspace, saving it after every cell.

    A cell is interrupted after `cell_seconds`, which is an error in it. The first error ends the run; with `keep_going`
    the other cells are run all the same. Exit code 0, 1 for an error in a cell, 2 for a file that is no notebook, 3 for a
    kernel that does not exist or died, 143 when it was asked to stop. Progress is in `progress.json` in the run's folder.
    """
    options = [] if cell_seconds is None else [f"--cell-seconds={cell_seconds}"]
    options += ["--keep-going"] if keep_going else []
    return _python(server, "execute_notebook.py", *options, "--", notebook)


def build_command() -> tuple[str, ...]:
    """Builds an environment in the workspace from `request.json` there, as `inside/build_environment.py` says."""
    return _python(SERVER, "build_environment.py")
