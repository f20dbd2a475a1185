"""The controller: reconcile passes in threads, woken by hints and by the clock. Several copies may run.

It holds nothing: what it must know after `kill -9` is in rows and with the engines.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.db import close_old_connections, connection

from studium.lib import clock, hints
from studium.lib.ids import new_id

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One kind of work. `run` returns how much it did; `every` is the longest wait between two looks, in seconds.

    `hinted` passes also look when something changed. They, and those that are to go on `again`, look once more at once
    when there was work.
    """

    name: str
    run: Callable[[datetime], int]
    every: float
    hinted: bool = False
    again: bool = False


class Controller:
    """Runs passes until stopped."""

    def __init__(self, passes: list[Pass], hint_path: Path, told: Callable[[str], None] = lambda run_id: None) -> None:
        """`told` receives the id of each run whose runner says that it changed."""
        self.passes = passes
        self._told = told
        self.name = f"{socket.gethostname()}-{os.getpid()}-{new_id(6)}"[:40]
        self._hint_path = hint_path
        self._stopping = threading.Event()
        self._wakers = {p.name: threading.Event() for p in passes if p.hinted}

    def run(self) -> None:
        """Work until `stop` is called."""
        threads = [threading.Thread(target=self._loop, args=(p,), name=p.name) for p in self.passes]
        listener = threading.Thread(target=self._listen, name="hints")
        for thread in (*threads, listener):
            thread.start()
        log.info("controller_started", name=self.name, passes=[p.name for p in self.passes])
        for thread in (*threads, listener):
            thread.join()
        log.info("controller_stopped", name=self.name)

    def stop(self) -> None:
        self._stopping.set()
        for waker in self._wakers.values():
            waker.set()

    def _listen(self) -> None:
        with hints.listen(self._hint_path) as sock:
            sock.settimeout(0.5)
            while not self._stopping.is_set():
                try:
                    said = sock.recv(65536)
                except TimeoutError:
                    continue
                if not said.startswith(b"{"):  # topics are JSON, a runner says its run's id
                    self._told(said.decode(errors="replace"))
                for waker in self._wakers.values():
                    waker.set()

    def _loop(self, work: Pass) -> None:
        waker = self._wakers.get(work.name)
        while not self._stopping.is_set():
            did = 0
            try:
                close_old_connections()
                if waker:
                    waker.clear()
                did = work.run(clock.now())
            except Exception:
                # A pass that crashes as a whole (database away, disk full) must not end the controller.
                log.exception("pass_crashed", pass_name=work.name)
                connection.close()
                self._stopping.wait(2.0)
                continue
            if did and (work.hinted or work.again):
                continue_at_once = 0.02
                self._stopping.wait(continue_at_once)
                continue
            started = time.monotonic()
            while not self._stopping.is_set() and time.monotonic() - started < work.every:
                if (waker or self._stopping).wait(min(1.0, work.every)):
                    break
        connection.close()
