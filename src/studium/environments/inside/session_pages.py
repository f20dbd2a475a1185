"""Where pages meet the server: their requests to run cells, and their reading of notebooks, pass through here."""

import contextlib
import io
import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hidden_outputs import hide_in_text
from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.connection.base import deserialize_binary_message, deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from notebook_file import write_whole
from recorder import Recorder
from tornado import web
from tornado.locks import Condition

# How long a page that follows is kept waiting for news.
FOLLOW = timedelta(seconds=20)
V1 = "v1.kernel.websocket.jupyter.org"


class Asking:
    """The kernels that wait for a person's answer to `input()`, each by the request whose cell asks.

    Questions and states come on two ways, and what a kernel said first may come second: only the end of the request
    that asks ends its question, also where it came before it, or the end of the process that asked.
    """

    def __init__(self) -> None:
        self._asking: dict[
            str, tuple[str, str]
        ] = {}  # the request, and the process, which messages name as their session
        self._ended: deque[str] = deque(maxlen=100)

    def __contains__(self, kernel: str) -> bool:
        return kernel in self._asking

    def asked(self, kernel: str, request: str, process: str) -> None:
        if request not in self._ended:
            self._asking[kernel] = (request, process)

    def answered(self, kernel: str) -> None:
        self._asking.pop(kernel, None)

    def heard(self, kernel: str, message: dict[str, Any]) -> None:
        """Something the kernel said to all."""
        header, request = message["header"], message["parent_header"].get("msg_id", "")
        idle = header["msg_type"] == "status" and message["content"].get("execution_state") == "idle"
        if idle:
            self._ended.append(request)
        asks, process = self._asking.get(kernel, ("", ""))
        if asks and ((idle and asks == request) or process != header.get("session", "")):
            del self._asking[kernel]


# Set once by the extension before the server answers; Jupyter makes these classes itself and hands them nothing of ours.
recorder: Recorder | None = None
watch: Callable[[str], None] | None = None
heard = Condition()
asking = Asking()


class SessionConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """One page's connection to one kernel."""

    def connect(self) -> Any:
        # Before the page can ask for anything, so that no output of its first cell is missed.
        if watch:
            watch(self.kernel_id)
        connected = super().connect()
        self._count()
        return connected

    def disconnect(self) -> None:
        super().disconnect()
        self._count()

    def _count(self) -> None:
        if recorder:
            recorder.connected(self.kernel_id, self.multi_kernel_manager._kernel_connections.get(self.kernel_id, 0))

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        if recorder:
            try:
                channel, message = opened(incoming_msg, v1=self.subprotocol == V1)
                if channel == "shell" and message["header"]["msg_type"] == "execute_request":
                    recorder.requested(self.kernel_id, message)
                elif channel == "stdin":
                    asking.answered(self.kernel_id)
            except (ValueError, KeyError, TypeError, IndexError):
                pass  # the server has its own words for what is no message
        super().handle_incoming_message(incoming_msg)

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        if stream == "stdin" or getattr(stream, "channel", "") == "stdin":
            _, (_, header, parent, *_) = self.session.feed_identities(outgoing_msg)
            asking.asked(self.kernel_id, json.loads(parent).get("msg_id", ""), json.loads(header).get("session", ""))
        super().handle_outgoing_message(stream, outgoing_msg)


def opened(raw: Any, *, v1: bool) -> tuple[str, dict[str, Any]]:
    """The channel and the message of what a page sent. Raises ValueError and its like for what is no message."""
    if v1:
        channel, parts = deserialize_msg_from_ws_v1(raw)
        names = ("header", "parent_header", "metadata", "content")
        return str(channel), dict(zip(names, map(json.loads, parts[:4]), strict=True))
    message: dict[str, Any] = deserialize_binary_message(raw) if isinstance(raw, bytes) else json.loads(raw)
    return str(message.get("channel")), message


class SessionContents(AsyncLargeFileManager):  # type: ignore[misc]
    """The workspace's files. A notebook that is read holds what its cells have said until now."""

    async def get(self, path: str, content: bool = True, *args: Any, **kwargs: Any) -> Any:
        if recorder and content and path.endswith(".ipynb"):
            recorder.opening(path.strip("/"))
        return await super().get(path, content, *args, **kwargs)

    @contextlib.contextmanager
    def atomic_writing(self, os_path: str, *args: Any, text: bool = True, **kwargs: Any) -> Iterator[Any]:
        """Collect the file and replace it at once. The inherited way empties the file before it writes it, so that a
        reader, or whoever comes after a kill at that moment, finds half a notebook."""
        whole = io.StringIO(newline="") if text else io.BytesIO()
        with self.perm_to_403(os_path):
            yield whole
            content = whole.getvalue()
            if isinstance(content, str) and os_path.endswith(".ipynb"):
                content = hide_in_text(content)
            write_whole(Path(os_path).resolve(), content.encode("utf-8") if isinstance(content, str) else content)


class RunningCells(APIHandler):  # type: ignore[misc]
    """What runs of a notebook.

    GET `/studium/running?path=` answers `{"sequence", "cells"}`, with the outputs so far. With `&after=<sequence>` it waits
    until there is news and answers `{"sequence", "events"}`, or as without it when so much happened that part is gone.
    """

    @web.authenticated
    async def get(self) -> None:
        assert recorder
        path, after = self.get_argument("path").strip("/"), self.get_argument("after", "")
        answer: dict[str, Any] = {}
        if after.isdigit():
            if recorder.sequence == int(after):
                await heard.wait(timeout=FOLLOW)
            events = recorder.events(int(after))
            if events is not None:
                answer["events"] = [{"request": e.request, "kind": e.kind, "content": e.content} for e in events]
        if not answer:
            answer["cells"] = recorder.state(path)
        # Read together with the answer: nothing can be said in between.
        self.finish(json.dumps({"sequence": recorder.sequence, **answer}))
