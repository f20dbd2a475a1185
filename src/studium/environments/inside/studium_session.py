"""Jupyter server extension of a session: the notebook's kernel and its session exist before the server answers, and what
cells say is kept when no page is open.

JupyterLab attaches to a running session of the notebook it opens, by path, so by the time the page is drawn the first
cell finds a kernel that is ready; and two clients that ask at once are given the same one.
"""

import atexit
import os
from pathlib import Path, PurePosixPath
from typing import Any

import kernel_specs
import session_pages
import warm_kernel
from jupyter_client.session import Session
from recorder import TICK_SECONDS, Recorder
from tornado.ioloop import PeriodicCallback


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "studium_session"}]


def _load_jupyter_server_extension(server: Any) -> None:
    listener = Listener(server, Recorder(Path(server.root_dir)))
    session_pages.recorder = listener.recorder
    listener.recorder.on_event = session_pages.heard.notify_all
    server.web_app.add_handlers(".*$", [(r"/studium/running", session_pages.RunningCells)])
    notebook = os.environ.get("STUDIUM_NOTEBOOK", "").strip("/")
    if notebook:
        server.io_loop.run_sync(lambda: start_session(server, notebook))
    server.io_loop.run_sync(listener.look)
    listener.begin()
    # Kernels are shut down before this, so whatever they still had to say has been heard.
    atexit.register(listener.recorder.write_all)


class Listener:
    """Brings the server's kernels and sessions to the recorder's attention."""

    def __init__(self, server: Any, recorder: Recorder) -> None:
        self._server, self.recorder = server, recorder
        self._streams: dict[str, Any] = {}
        self._ticking: PeriodicCallback | None = None

    def begin(self) -> None:
        session_pages.watch = self.watch
        self._ticking = PeriodicCallback(self._tick, TICK_SECONDS * 1000)
        self._server.io_loop.add_callback(self._ticking.start)

    async def _tick(self) -> None:
        await self.look()
        self.recorder.tick()

    async def look(self) -> None:
        """Learn which kernel is for which notebook, and listen to those that are new."""
        sessions = await self._server.session_manager.list_sessions()
        self.recorder.belongs({s["kernel"]["id"]: s["path"] for s in sessions if s.get("type") == "notebook"})
        alive = set(self._server.kernel_manager.list_kernel_ids())
        for kernel in alive - self._streams.keys():
            self.watch(kernel)
        for kernel in alive:
            if self._server.kernel_manager.get_kernel(kernel).execution_state == "starting":
                # What a kernel says first may be said before anyone is listening, so it is asked until it is heard.
                ask_for_state(self._server, kernel)
        for kernel in self._streams.keys() - alive:
            self.recorder.ended(kernel, "The kernel was shut down while this cell was running.")
            self._streams.pop(kernel).close()

    def watch(self, kernel: str) -> None:
        if kernel in self._streams:
            return
        manager = self._server.kernel_manager.get_kernel(kernel)
        session = Session(config=manager.session.config, key=manager.session.key)

        def heard(parts: list[bytes]) -> None:
            _, rest = session.feed_identities(parts)
            message = session.deserialize(rest)
            session_pages.asking.heard(kernel, message)
            self.recorder.heard(kernel, message)

        stream = manager.connect_iopub()
        stream.on_recv(heard)
        self._streams[kernel] = stream
        manager.add_restart_callback(lambda: self._died(kernel))

    def _died(self, kernel: str) -> None:
        """The kernel ended by itself; the server is about to start it again."""
        self.recorder.ended(kernel, "The kernel ended while this cell was running; it may have run out of memory.")
        # The server leaves it at "busy" with what the dead one was doing, unless it hears the new one's first word.
        self._server.kernel_manager.get_kernel(kernel).execution_state = "starting"


async def start_session(server: Any, notebook: str) -> None:
    """Start the notebook's kernel under its path. What goes wrong is left for the person's own first try to show."""
    try:
        session = await server.session_manager.create_session(
            path=notebook,
            name=PurePosixPath(notebook).name,
            type="notebook",
            kernel_name=kernel_name(server, notebook),
        )
        ask_for_state(server, session["kernel"]["id"])
    except Exception:
        server.log.exception("The kernel of %s could not be started beforehand", notebook)


def ask_for_state(server: Any, kernel: str) -> None:
    """A question that makes the kernel say that it is idle."""
    client = server.kernel_manager.get_kernel(kernel).client()
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
    client.kernel_info()
    server.io_loop.call_later(5, client.stop_channels)


def kernel_name(server: Any, notebook: str) -> str:
    """The kernel the notebook asks for; where it is not installed one for its language, else the default one."""
    path, specs = Path(server.root_dir, notebook), server.kernel_spec_manager
    wanted = warm_kernel.wanted_kernel(path)
    if wanted in specs.find_kernel_specs():
        return wanted
    return kernel_specs.stand_in(warm_kernel.metadata_of(path), specs) or str(server.kernel_manager.default_kernel_name)
