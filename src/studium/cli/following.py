"""Following a run from the terminal: its place in the queue, its progress, what it prints, until it has ended.

The server may be away for a minute, as when it restarts: nothing is lost and nothing is said. The first Ctrl-C stops
the run, the second leaves it alone.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Run


PATIENCE_SECONDS = 60.0
_WAITING_PAUSE, _RUNNING_PAUSE = 1.0, 0.4
# After a run has ended its results are taken over by a pass of the server.
_SETTLE_SECONDS = 30.0


class Display(Protocol):
    """Where the follower tells what it sees."""

    def show(self, run: Run) -> None:
        """The run as it is now."""

    def text(self, text: str) -> None:
        """A piece of what the run printed."""

    def remark(self, text: str) -> None:
        """A sentence of our own."""


class Interrupts:
    """Ctrl-C as a question: asked once it is noted, asked twice it breaks off."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.told = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked.is_set():
            raise KeyboardInterrupt
        self.asked.set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Listen while the block runs. Signals reach only the main thread; elsewhere there is nothing to listen to."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: Any = signal.signal(signal.SIGINT, self.handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past a Ctrl-C that has not been seen yet."""
        if self.told:
            threading.Event().wait(seconds)
        else:
            self.asked.wait(seconds)


class Follower:
    """Follows one run. `log` False leaves out what it prints."""

    def __init__(self, client: Client, display: Display, interrupts: Interrupts, *, log: bool = True) -> None:
        self._client = client
        self._display = display
        self._interrupts = interrupts
        self._log = log
        self._offset = 0

    def follow(self, run: Run, *, until_running: bool = False) -> Run:
        """The run once it has ended (or runs). Raises KeyboardInterrupt on a second Ctrl-C."""
        before, self._client.patience = self._client.patience, PATIENCE_SECONDS
        try:
            while True:
                self._display.show(run)
                if self._log and run.running_at is not None:
                    self._drain(run)
                if run.ended or (until_running and run.state == "running"):
                    return run
                self._stop_if_asked(run)
                self._interrupts.pause(_RUNNING_PAUSE if run.running_at else _WAITING_PAUSE)
                run = self._client.runs.get(run.id)
        finally:
            self._client.patience = before

    def _drain(self, run: Run) -> None:
        """Show all that has been printed since the last look."""
        while True:
            part = self._client.runs.log(run.id, self._offset)
            if part.text:
                self._display.text(part.text)
            moved, self._offset = part.next_offset > self._offset, part.next_offset
            if not moved or part.ended:
                return

    def _stop_if_asked(self, run: Run) -> None:
        if not self._interrupts.asked.is_set() or self._interrupts.told:
            return
        self._interrupts.told = True
        self._display.remark("Stopping the run; what it has computed is kept. Ctrl-C again leaves it alone.")
        self._client.runs.stop(run.id)


def settled(client: Client, run: Run) -> Run:
    """The ended run once its notebook has been taken over, or after half a minute as it is then."""
    import time

    give_up_at = time.monotonic() + _SETTLE_SECONDS
    while run.document == "partial" and time.monotonic() < give_up_at:
        time.sleep(0.2)
        run = client.runs.get(run.id)
    return run


def wait_until_running(client: Client, run: Run, *, quiet: bool) -> Run:
    """Follow a session from the queue until it runs; Ctrl-C stops it."""
    from studium.cli.displays import display_for

    interrupts = Interrupts()
    with interrupts.watched(), display_for(quiet=quiet) as display:
        return Follower(client, display, interrupts, log=False).follow(run, until_running=True)
