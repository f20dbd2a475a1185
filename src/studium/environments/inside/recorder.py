"""Keeps what running cells say when no browser is there to keep it.

JupyterLab records outputs in the page. When the page is closed, the kernel goes on but its outputs have nowhere to go; so
the server listens to every cell that was started from a page and, while nobody is connected, writes outputs into the
notebook file. A page that comes back gets the file as of that moment, is handed what is still running, and follows it from
here, not from the kernel: the kernel's channel reaches a new page some time after it opens, and what is said until then
would be missed. The file is also written when the server is told to stop, with a page open or not.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cell_outputs import CellOutputs, NotebookOutputs, output_size
from notebook_file import NotANotebook, read, save

# A page that only lost its connection for a moment comes back with all it had; until then the file is left alone.
GRACE_SECONDS = 15.0
# A page that is being opened has read the file and is about to connect; a change now would look like somebody else's.
OPENING_SECONDS = 20.0
TICK_SECONDS = 2.0
MOST_FINISHED = 300
# How much of what was said lately is kept for pages that follow; one that falls further behind starts again.
JOURNAL_BYTES = 16 * 1024**2

Json = dict[str, Any]


@dataclass
class Running:
    """One execution of one cell that a page asked for. Times are those of the file system's clock."""

    request: str
    kernel: str
    cell: str
    code: str
    outputs: CellOutputs
    requested: float = field(default_factory=time.time)
    finished: float | None = None
    count: int | None = None
    dirty: bool = True

    def hear(self, message: Json) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "execute_input":
            self.count = content.get("execution_count")
        elif kind == "status" and content.get("execution_state") == "idle":
            self.finished = time.time()
        else:
            self.outputs.handle(message)
        self.dirty = True


@dataclass(frozen=True)
class Event:
    """Something one execution said, as pages that follow it are told; `sequence` counts all events of the server."""

    sequence: int
    request: str
    kind: str
    content: Json
    size: int


class Recorder:
    """One for the server. All of it runs on the server's event loop, so nothing here is locked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running: dict[str, Running] = {}
        self._notebooks: dict[str, NotebookOutputs] = {}
        self._paths: dict[str, str] = {}
        self._connections: dict[str, int] = {}
        self._alone_since: dict[str, float] = {}
        self._opened: dict[str, float] = {}
        self._journal: deque[Event] = deque()
        self._journal_size = 0
        self.sequence = 0
        self.on_event: Callable[[], None] = _nobody

    def belongs(self, paths: dict[str, str]) -> None:
        """Which notebook each kernel is for: kernel ids to paths below the root."""
        self._paths = paths

    def connected(self, kernel: str, count: int) -> None:
        """How many pages are connected to the kernel now."""
        if self._connections.get(kernel, 0) and not count:
            self._alone_since[kernel] = time.monotonic()
        self._connections[kernel] = count

    def requested(self, kernel: str, message: Json) -> None:
        """A page asks for a cell to be run."""
        cell, content = (message.get("metadata") or {}).get("cellId"), message.get("content") or {}
        if not isinstance(cell, str) or not cell or content.get("silent"):
            return
        for earlier in [r for r in self._running.values() if r.kernel == kernel and r.cell == cell]:
            del self._running[earlier.request]
            self._tell(earlier.request, "replaced", {})
        notebook = self._notebooks.setdefault(kernel, NotebookOutputs(notebook_limit=1024**3))
        request = message["header"]["msg_id"]
        outputs = CellOutputs(notebook)
        self._running[request] = Running(request, kernel, cell, str(content.get("code", "")), outputs)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        finished = [r for r in self._running.values() if r.finished is not None]
        for old in finished[: max(0, len(finished) - MOST_FINISHED)]:
            del self._running[old.request]

    def heard(self, kernel: str, message: Json) -> None:
        """A message of the kernel's output channel."""
        if message["header"]["msg_type"] == "status" and message["content"].get("execution_state") == "starting":
            self.ended(kernel, "The kernel was started anew while this cell was running.")
        found = self._running.get((message.get("parent_header") or {}).get("msg_id", ""))
        if found and found.kernel == kernel:
            found.hear(message)
            self._tell(found.request, message["header"]["msg_type"], message["content"])

    def _tell(self, request: str, kind: str, content: Json) -> None:
        self.sequence += 1
        event = Event(self.sequence, request, kind, content, output_size(content))
        self._journal.append(event)
        self._journal_size += event.size
        while self._journal_size > JOURNAL_BYTES:
            self._journal_size -= self._journal.popleft().size
        self.on_event()

    def events(self, after: int) -> list[Event] | None:
        """What was said after this point in the sequence; None if that is no longer known."""
        oldest = self._journal[0].sequence if self._journal else self.sequence + 1
        if not oldest - 1 <= after <= self.sequence:
            return None
        return [event for event in self._journal if event.sequence > after]

    def ended(self, kernel: str, words: str) -> None:
        """The kernel is gone, and with it what it was running."""
        for each in self._running.values():
            if each.kernel == kernel and each.finished is None:
                each.outputs.note(words)
                each.finished, each.dirty = time.time(), True
                self._tell(each.request, "stream", {"name": "stderr", "text": f"{words}\n"})
                self._tell(each.request, "status", {"execution_state": "idle"})

    def opening(self, path: str) -> None:
        """A page is about to read the notebook: give it all there is, then leave the file alone for a moment."""
        if not self._busy_with(path):
            return
        if not any(self._connections.get(kernel) for kernel, its in self._paths.items() if its == path):
            self.write(path)
        self._opened[path] = time.monotonic()

    def tick(self) -> None:
        """Write the notebooks that nobody is looking at."""
        now = time.monotonic()
        for kernel, path in self._paths.items():
            alone = not self._connections.get(kernel) and now - self._alone_since.get(kernel, now) > GRACE_SECONDS
            if alone and now - self._opened.get(path, -OPENING_SECONDS) > OPENING_SECONDS:
                self.write(path)

    def write_all(self) -> None:
        """The server stops: what the pages have not saved by now they will not."""
        for path in set(self._paths.values()):
            self.write(path)

    def state(self, path: str) -> list[Json]:
        """What is running of a notebook, for a page that has just opened it."""
        return [
            {
                "request": each.request,
                "kernel": each.kernel,
                "cell": each.cell,
                "count": each.count,
                "outputs": each.outputs.as_list(),
                "displays": each.outputs.displays(),
            }
            for each in self._running.values()
            if each.finished is None and self._paths.get(each.kernel) == path
        ]

    def _busy_with(self, path: str) -> bool:
        return any(self._paths.get(each.kernel) == path for each in self._running.values())

    def write(self, path: str) -> None:
        """Bring the notebook file up to date. A file that is gone or cannot be written is left as it is."""
        mine = [each for each in self._running.values() if self._paths.get(each.kernel) == path]
        with contextlib.suppress(OSError, NotANotebook):
            file = self._root / path
            saved = file.stat().st_mtime
            for each in [r for r in mine if r.finished is not None and r.finished < saved]:
                self._done(each)  # the page has saved since, and with it this cell as it wants it
                mine.remove(each)
            if not any(each.dirty for each in mine):
                return
            notebook = read(file)
            for each in mine:
                _apply(notebook, each, saved)
            save(file, notebook)
            for each in mine:
                each.dirty = False
                if each.finished is not None:
                    self._done(each)

    def _done(self, each: Running) -> None:
        self._running.pop(each.request, None)
        if not any(r.kernel == each.kernel for r in self._running.values()):
            self._notebooks.pop(each.kernel, None)


def _nobody() -> None:
    """Nobody follows."""


def _apply(notebook: Json, running: Running, saved: float) -> None:
    """Put the outputs into their cell. What the page had not saved before it asked to run it is put there as well."""
    cells = notebook["cells"]
    cell = next((c for c in cells if c.get("id") == running.cell and c.get("cell_type") == "code"), None)
    unsaved = saved < running.requested
    if cell is None:
        if not unsaved:
            return  # it was there and has been removed
        cell = {"cell_type": "code", "id": running.cell, "metadata": {}, "source": running.code}
        cells.append(cell)
    if unsaved:
        cell["source"] = running.code
    cell["outputs"] = json.loads(json.dumps(running.outputs.as_list()))
    cell["execution_count"] = running.count
