"""Jupyter server extension of a session: starts the notebook's kernel together with the server.

JupyterLab attaches to a running session of the notebook it opens, by path, so by the time the page is drawn the first
cell finds a kernel that is ready.
"""

import json
import os
from pathlib import PurePosixPath
from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "studium_session"}]


def _load_jupyter_server_extension(server: Any) -> None:
    notebook = os.environ.get("STUDIUM_NOTEBOOK", "").strip("/")
    if notebook:
        server.io_loop.add_callback(start_session, server, notebook)


async def start_session(server: Any, notebook: str) -> None:
    """Start the notebook's kernel under its path. What goes wrong is left for the person's own first try to show."""
    try:
        name = kernel_name(server, notebook)
        await server.session_manager.create_session(
            path=notebook, name=PurePosixPath(notebook).name, type="notebook", kernel_name=name
        )
    except Exception:
        server.log.exception("The kernel of %s could not be started beforehand", notebook)


def kernel_name(server: Any, notebook: str) -> str:
    """The kernel the notebook asks for, or the default one where it asks for none that is installed."""
    path = os.path.join(server.root_dir, notebook)
    try:
        with open(path, encoding="utf-8") as handle:
            wanted = json.load(handle)["metadata"]["kernelspec"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        wanted = ""
    installed = server.kernel_spec_manager.find_kernel_specs()
    return wanted if wanted in installed else server.kernel_manager.default_kernel_name
