"""The poll loop over a started sandbox: its output, its end, commands to the runner, readiness, samples, activity."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from . import ending, processes, programs, statusfile
from .activity import Activity, kernels_path
from .cgroups import Group, Reading
from .launch import Sandbox
from .logfile import CHUNK, Log
from .probe import Exchange, pin_socket
from .remotes import Remotes
from .sampling import Disk, Sampler
from .series import Series
from .showing import Showing

_READINESS_PAUSE, _READINESS_ANSWER = 0.02, 10.0
_KERNELS_EVERY, _KERNELS_ANSWER = 4.0, 3.0
# A flood beyond the log's limit is read at this pace (bytes a second), so that it does not become the host's load.
_FLOOD_PACE = 8 * 1024**2
_MOST_AT_ONCE = 16 * CHUNK


class Watch:
    """Watches one sandbox to its end. `tell` publishes changes of the status."""

    def __init__(
        self,
        spec: dict[str, Any],
        folder: str,
        group: Group,
        started: Sandbox,
        log: Log,
        output: int,
        disk: Disk,
        tell: Callable[..., None],
        showing: Showing | None,
        remotes: Remotes | None,
    ) -> None:
        self.spec, self.folder, self.group, self.started = spec, folder, group, started
        self.log, self.output, self.disk, self.tell, self.showing = log, output, disk, tell, showing
        self.remotes = remotes
        self.sampler = Sampler(spec, group, started.init, disk)
        self.series = Series(
            folder,
            began=time.monotonic(),
            started=time.time(),
            devices=[device["id"] for device in spec["devices"]],
        )
        self.activity = Activity()
        self.service: dict[str, Any] | None = spec["service"]
        self.exchange: Exchange | None = None
        self.ready = False
        self.stop_at: float | None = None
        self.stop_asked = False
        self.exit_code: int | None = None
        self._next_sample = self._next_ask = self._output_from = 0.0
        self._pidfd = os.pidfd_open(started.pid)
        self._commands = os.open(os.path.join(folder, "commands"), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def until_ended(self) -> ending.Verdict:
        try:
            self.started.release()
            if self.service is None and self.started.init:
                self._become_ready()
            while not self._turn():
                pass
            return self._verdict()
        finally:
            if self.exchange is not None:
                self.exchange.close()
            os.close(self._pidfd)
            os.close(self._commands)

    def _become_ready(self) -> None:
        self.ready = True
        self.tell(hint=True, phase="running", started_at=time.time())

    def _turn(self) -> bool:
        """One round of the loop. True when the sandbox has ended."""
        poller = select.poll()
        now = time.monotonic()
        watched = [self._pidfd, self._commands, *([self.started.status] if self.started.status >= 0 else [])]
        if self.output >= 0 and now >= self._output_from:
            watched.append(self.output)
        for descriptor in watched:
            poller.register(descriptor, select.POLLIN)
        if self.exchange is not None and not self.exchange.finished:
            poller.register(self.exchange.descriptor, self.exchange.events)
        stirred = {descriptor for descriptor, _ in poller.poll(self._pause(now) * 1000)}
        if self.output in stirred:
            self._take_output()
        if self.started.status in stirred:
            self._take_status()
        if self._commands in stirred:
            with contextlib.suppress(OSError):
                os.read(self._commands, 4096)
        self._obey()
        if self.showing is not None:
            self.showing.obey()
        self._ask()
        self._sample()
        return self._pidfd in stirred

    def _pause(self, now: float) -> float:
        """Seconds until something is due."""
        due = [self._next_sample]
        if self.exchange is not None and self.exchange.finished:
            due.append(now)
        if self.service is not None and self.exchange is None:
            due.append(self._next_ask)
        if self.stop_at is not None:
            due.append(self.stop_at)
        if self.output >= 0 and self._output_from > now:
            due.append(self._output_from)
        return max(0.0, min(due) - now)

    def _take_output(self) -> None:
        taken = 0
        while taken < _MOST_AT_ONCE:
            try:
                data = os.read(self.output, CHUNK)
            except BlockingIOError:
                break
            if not data:
                self.output = -1  # every writer is gone; the descriptor is its owner's to close
                break
            self.log.take(data)
            taken += len(data)
        if self.log.cut:
            self._output_from = time.monotonic() + taken / _FLOOD_PACE

    def _take_status(self) -> None:
        data = os.read(self.started.status, 4096)
        if not data:
            os.close(self.started.status)
            self.started.status = -1
        for line in data.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self.exit_code = int(json.loads(line)["exit-code"])

    def _obey(self) -> None:
        """Carry out a stop that was asked for: a signal to the command, and after the grace an end to everything."""
        now = time.monotonic()
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            with open(os.path.join(self.folder, "stop.json"), encoding="ascii") as stream:
                asked = json.load(stream)
            os.unlink(os.path.join(self.folder, "stop.json"))
            until = now + float(asked["grace"])
            if self.stop_at is None or until < self.stop_at:
                self.stop_at = until
            if not self.stop_asked:
                self.stop_asked = True
                self._signal_command()
        if self.stop_at is not None and now >= self.stop_at:
            self._kill()
            self.stop_at = now + 1.0

    def _signal_command(self) -> None:
        """SIGTERM to the command itself: the first process of a pid namespace is deaf to it."""
        commands = processes.children(self.started.init) if self.started.init else []
        if not commands:
            self._kill()
        for pid in commands[:1]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)

    def _kill(self) -> None:
        for pid in (self.started.init, self.started.pid):
            if pid:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _ask(self) -> None:
        """Ask the service whether it is ready, and later for its kernels; one exchange at a time."""
        if self.service is None:
            return
        if self.exchange is not None:
            self.exchange.advance()
            if not self.ready and self.exchange.status is not None:
                if self.exchange.status < 500:
                    self._become_ready()
                self.exchange.close()
            if self.exchange.finished:
                if self.ready and self.exchange.status == 200:
                    self.activity.note_kernels(self.exchange.body)
                self.exchange = None
                self._next_ask = time.monotonic() + (_KERNELS_EVERY if self.ready else _READINESS_PAUSE)
            return
        now = time.monotonic()
        if now < self._next_ask or (self.ready and self.service["kind"] != "jupyter" and not self._repin_due(now)):
            return
        self._next_ask = now + (_KERNELS_EVERY if self.ready else _READINESS_PAUSE)
        socket_path = self._pinned()
        if socket_path is None or (self.ready and self.service["kind"] != "jupyter"):
            return
        target = kernels_path(self.service["path"]) if self.ready else self.service["path"]
        answer = _KERNELS_ANSWER if self.ready else _READINESS_ANSWER
        # It may be over already, cut off by the service; that is dealt with in the next round.
        self.exchange = Exchange(socket_path, target, self.service["token"], answer)
        self.exchange.advance()

    def _repin_due(self, now: float) -> bool:
        """A service that makes its socket anew is followed, at the pace of the kernels' question."""
        return now >= self._next_ask

    def _pinned(self) -> str | None:
        assert self.service is not None
        source = os.path.join(self.folder, "io", "in", self.service["socket"])
        target = os.path.join(self.folder, "io", "out", "service.sock")
        return target if pin_socket(source, target) else None

    def _sample(self) -> None:
        now = time.monotonic()
        if now < self._next_sample:
            return
        usage = self.sampler.sample(now)
        self.series.add(now, usage)
        if self.remotes is not None and (lost := self.remotes.look()):
            self.log.take(lost)
        terminal = processes.has_foreground_command(self.sampler.pids)
        self._next_sample = now + self.sampler.interval
        activity = self.activity.judge(
            time.time(), terminal=terminal, cores=self.sampler.cores_lately, accelerators=usage["accelerators"]
        )
        self.tell(usage=usage, activity=activity, progress=self._progress())
        if self.sampler.over_memory or self.disk.must_stop:
            self._kill()

    def _verdict(self) -> ending.Verdict:
        """Collect the ended sandbox: the rest of its output, its codes, a last reading."""
        outer = programs.wait(self.started.pid, 10)
        self.started.pid = 0
        if self.started.status >= 0:
            self._take_status()
        self._output_from = 0.0
        if self.output >= 0:
            self._take_output()
        reading = self.group.read() if self.group.backend else self.sampler.last
        now = time.monotonic()
        self.disk.measure(now)
        self._last_sample(now, reading)
        self.tell_last(reading.memory_peak, reading.cpu_seconds)
        return ending.judge(
            ending.Seen(
                exit_code=self.exit_code,
                outer_code=outer,
                words=self.log.latest.decode(errors="replace"),
                stopped=self.stop_asked,
                oom_kills=reading.oom_kills,
                over_memory=self.sampler.over_memory,
                over_disk=self.disk.must_stop,
                disk_full=self.disk.full,
                memory_bytes=self.spec["limits"]["memory_bytes"],
                forks_refused=reading.forks_refused,
            )
        )

    def _last_sample(self, now: float, reading: Reading) -> None:
        """What was used since the last sample: for a run of a second there is no other."""
        usage: dict[str, Any] = {"disk_bytes": self.disk.used}
        cores = self.sampler.cores_since(now, reading.cpu_seconds)
        self.series.add(now, usage if cores is None else {**usage, "cpu_cores": cores})
        self.series.finish(reading.memory_peak)

    def _progress(self) -> dict[str, Any] | None:
        """What the run reported of itself, without its secrets: the platform keeps and shows it."""
        report = statusfile.read_progress(os.path.join(self.folder, "io", "in", "progress.json"))
        return self.log.hidden.in_report(report)

    def tell_last(self, peak: int, cpu_seconds: float) -> None:
        """The final use: nothing runs any more, what was spent and the peak stay."""
        final = {"memory_peak_bytes": peak, "cpu_seconds": round(cpu_seconds, 3), "disk_bytes": self.disk.used}
        idle = {"cpu_cores": 0.0, "memory_bytes": 0, "pids": 0, "disk_total_bytes": self.disk.total}
        self.tell(usage={**final, **idle, "accelerators": []}, progress=self._progress())
