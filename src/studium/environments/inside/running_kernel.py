"""A kernel that executes cells one after the other and yields what it says. Used by execute_notebook.py only."""

import json
import queue
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.kernelspec import NoSuchKernel as _NoSpec
from jupyter_client.manager import KernelManager
from kernel_specs import FollowsItsFile, described, stand_in, why_unknown
from warm_kernel import TakesWarmKernel

START_SECONDS = 60.0
# How long a message is waited for before the caller gets a chance to look at the clock.
POLL_SECONDS = 0.2
# The kernel says "idle" on another channel than its reply; after the reply it is given this long.
IDLE_SECONDS = 10.0
# After a cell was interrupted and the kernel has replied, nothing more is expected once nothing has come for so long.
SILENT_SECONDS = 3.0

Json = dict[str, Any]


class NoSuchKernel(Exception):
    """The notebook asks for a kernel that this environment does not have."""


class KernelGone(Exception):
    """The kernel ended by itself; the text says what is known of why."""


class _Manager(TakesWarmKernel, FollowsItsFile, KernelManager):  # type: ignore[misc]
    """Takes over the kernel that was started beforehand, and starts others as their files say."""


class RunningKernel:
    """Of the name, or where there is none of it, one for the language that the notebook's metadata says: `name` tells."""

    def __init__(self, name: str, *, cwd: Path, metadata: Json | None = None) -> None:
        specs = KernelSpecManager()
        self.name = name if name in specs.find_kernel_specs() else stand_in(metadata, specs) or name
        try:
            spec = specs.get_kernel_spec(self.name)
        except _NoSpec:
            known = ", ".join(sorted(specs.find_kernel_specs())) or "none"
            raise NoSuchKernel(
                f"This environment has no kernel named {name!r}; it has: {known}. "
                + (why_unknown(name) or "Choose another kernel for the notebook, or an environment that has this one.")
            ) from None
        # One kernel may run several languages, and then does not know which of them the notebook is written in.
        self.languages: list[str] = described(spec).get("languages", [])
        self._fence: str = described(spec).get("fence", "")
        self._manager = _Manager(kernel_name=self.name, transport="ipc")
        self._manager.start_kernel(cwd=str(cwd) if cwd.is_dir() else None)
        self._client = self._manager.client()
        self._client.start_channels(stdin=False, hb=False)
        self.idle, self._running = True, ""
        self.language_info = self._wait_until_heard()

    def _wait_until_heard(self) -> Json:
        """Both channels live: an answer came, and so did word of it on the channel of outputs. Before that, outputs
        of the first cell could be lost."""
        deadline = time.monotonic() + START_SECONDS
        reply: Json | None = None
        while time.monotonic() < deadline:
            asked = self._client.kernel_info()
            until = time.monotonic() + 1.0
            heard = False
            while time.monotonic() < until and not (reply and heard):
                heard = heard or self._is_about(self._next(self._client.get_iopub_msg, 0.02), asked)
                reply = reply or self._next(self._client.get_shell_msg, 0.02)
                self._check_alive()
            if reply and heard:
                self._drain()
                info: Json = reply["content"].get("language_info", {})
                return info
        raise KernelGone(f"The kernel did not answer within {START_SECONDS:.0f} s of its start.")

    def _drain(self) -> None:
        while self._next(self._client.get_iopub_msg, 0) is not None:
            pass

    @staticmethod
    def _next(get: Any, timeout: float) -> Json | None:
        try:
            message: Json = get(timeout=timeout)
        except queue.Empty:
            return None
        return message

    @staticmethod
    def _is_about(message: Json | None, *requests: str) -> bool:
        return message is not None and message.get("parent_header", {}).get("msg_id") in requests

    def _check_alive(self) -> None:
        process = self._manager.provisioner.process
        code = process.poll() if process else 0
        if code is None:
            return
        if code == -9:
            raise KernelGone(
                "The kernel was killed, as happens when a cell needs more memory than the machine has. "
                "Choose a machine with more memory, or work on less data at a time."
            )
        ended = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        raise KernelGone(f"The kernel ended {ended} while the notebook was running.")

    def execute(self, code: str) -> Iterator[Json | None]:
        """Yield the messages of this cell, and None whenever there was none for a moment. Raises KernelGone."""
        self._running = request = self._client.execute(code, allow_stdin=False, stop_on_error=True)
        replied: float | None = None
        while True:
            message = self._next(self._client.get_iopub_msg, POLL_SECONDS)
            if self._is_about(message, request):
                assert message is not None
                if message["header"]["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    break
                yield message
            elif message is None:
                self._check_alive()
                reply = self._next(self._client.get_shell_msg, 0)
                replied = time.monotonic() if self._is_about(reply, request) else replied
                if replied and time.monotonic() - replied > IDLE_SECONDS:
                    break
                yield None
        if replied is None:
            self._await_reply(request)
        if self._fence:
            yield from self._late(request)

    def _late(self, request: str) -> Iterator[Json]:
        """What the cell said before its end, from a kernel that tells of the end first.

        The kernel is asked to print and to display a mark; whatever it had to say before has come when both have. What it
        says meanwhile is the cell's, even when it takes it for an answer to this request.
        """
        mark = uuid.uuid4().hex
        fence = self._fence.replace("{mark}", mark)
        asked = self._client.execute(fence, silent=True, store_history=False, allow_stdin=False)
        awaited = {"stream", "display_data"}
        deadline = time.monotonic() + IDLE_SECONDS
        while awaited and time.monotonic() < deadline:
            message = self._next(self._client.get_iopub_msg, POLL_SECONDS)
            if message is None:
                self._check_alive()
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if mark in json.dumps(content):
                awaited.discard(kind)
                if kind != "stream" or content["text"] == f"{mark}\n":
                    continue
                # Text that was printed just before has been joined to the mark.
                content["text"] = content["text"].replace(f"{mark}\n", "")
            if kind not in ("status", "execute_input") and self._is_about(message, request, asked):
                yield message

    def _await_reply(self, request: str) -> None:
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline:
            if self._is_about(self._next(self._client.get_shell_msg, POLL_SECONDS), request):
                return
            self._check_alive()

    def interrupt(self, *, seconds: float, drain: float = 0) -> Iterator[Json]:
        """Interrupt what runs and yield its last messages; `idle` then says whether the kernel let go of it.

        It has so many seconds for that. What a flood had put before its end may take up to `drain` longer to arrive; a kernel
        whose flood was cut off may not tell of the end at all, so a silence ends it too.
        """
        self.idle = False
        self._manager.interrupt_kernel()
        heard = time.monotonic()
        deadline = heard + seconds
        while (now := time.monotonic()) < deadline or (
            drain and now < deadline + drain and self._let_go() and now < heard + SILENT_SECONDS
        ):
            message = self._next(self._client.get_iopub_msg, POLL_SECONDS)
            if not self._is_about(message, self._running):
                continue  # an interrupt sent as a message is told of as well
            assert message is not None
            if message["header"]["msg_type"] == "status" and message["content"].get("execution_state") == "idle":
                self.idle = True
                return
            yield message
            heard = time.monotonic()  # not before: taking it may have taken long

    def _let_go(self) -> bool:
        """Whether the reply has come, on a channel that no flood of outputs stands in."""
        self.idle = self.idle or self._is_about(self._next(self._client.get_shell_msg, 0), self._running)
        return self.idle

    def shut_down(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
