"""Jupyter server extension of a session: the notebook's kernel and its session exist before the server answers.

JupyterLab attaches to a running session of the notebook it opens, by path, so by the time the page is drawn the first
cell finds a kernel that is ready; and two clients that ask at once are given the same one.
"""

import os
from pathlib import Path, PurePosixPath
from typing import Any

import warm_kernel


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "studium_session"}]


def _load_jupyter_server_extension(server: Any) -> None:
    notebook = os.environ.get("STUDIUM_NOTEBOOK", "").strip("/")
    if notebook:
        server.io_loop.run_sync(lambda: start_session(server, notebook))


async def start_session(server: Any, notebook: str) -> None:
    """Start the notebook's kernel under its path. What goes wrong is left for the person's own first try to show."""
    try:
        session = await server.session_manager.create_session(
            path=notebook,
            name=PurePosixPath(notebook).name,
            type="notebook",
            kernel_name=kernel_name(server, notebook),
        )
        # The kernel said that it was idle before anyone listened; a question makes it say so again.
        client = server.kernel_manager.get_kernel(session["kernel"]["id"]).client()
        client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        client.kernel_info()
        server.io_loop.call_later(5, client.stop_channels)
    except Exception:
        server.log.exception("The kernel of %s could not be started beforehand", notebook)


def kernel_name(server: Any, notebook: str) -> str:
    """The kernel the notebook asks for, or the default one where it asks for none that is installed."""
    wanted = warm_kernel.wanted_kernel(Path(server.root_dir, notebook))
    installed = server.kernel_spec_manager.find_kernel_specs()
    return wanted if wanted in installed else str(server.kernel_manager.default_kernel_name)
