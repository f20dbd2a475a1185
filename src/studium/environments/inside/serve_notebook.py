"""Starts JupyterLab on the run's unix socket. The command of every session; everything it obeys is in server_config.py."""

import os
import sys
from pathlib import Path

import kernel_specs
import surroundings
import warm_kernel


def _ask_no_node() -> None:
    """Keep JupyterLab from asking Node.js, where the host has one, for the address that its builds would take packages from.

    Nothing is built in a session, and the answer takes longer (0.3 s) than all else that is imported.
    """
    from jupyterlab import commands

    commands._yarn_config = lambda logger: {"yarn config": {}, "npm config": {}}


def main() -> None:
    surroundings.prepare()
    notebook = os.environ.get("STUDIUM_NOTEBOOK", "").strip("/")
    if notebook:
        warm_kernel.start(surroundings.WORKSPACE / notebook)
    kernel_specs.install()
    _ask_no_node()
    from jupyterlab.labapp import LabApp

    here = Path(__file__).resolve().parent
    # A socket left by a run that was killed would make the server choose another name.
    (surroundings.RUN_FOLDER / "service.sock").unlink(missing_ok=True)
    sys.argv[1:] = [f"--config={here / 'server_config.py'}"]
    LabApp.launch_instance()


if __name__ == "__main__":
    main()
