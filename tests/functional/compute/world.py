"""A small world for tests of passes: a fake engine, a clock that is moved by hand, and every pass run in turn."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from factories.accounts import NOW
from studium.compute.engines.base import FoundAccelerator, FoundMachine
from studium.compute.engines.fake import FakeEngine
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.reconcile import machines, place, reclaim, start, stop, trees, watch
from studium.compute.states import State
from studium.lib.units import GIB


def machine(name: str = "fake", vcpu: float = 8, **kinds: int) -> FoundMachine:
    """A machine with so many simulated accelerators of each kind."""
    devices = tuple(
        FoundAccelerator(
            id=f"{name}-{kind}-{i}", kind=kind.replace("_", "-"), index=i, memory_bytes=16 * GIB, simulated=True
        )
        for kind, count in kinds.items()
        for i in range(count)
    )
    return FoundMachine(name=name, vcpu=vcpu, memory_bytes=64 * GIB, accelerators=devices)


@dataclass
class World:
    """`now` is the world's time. `tick` lets it pass and the controller work."""

    machines: list[FoundMachine] = field(default_factory=lambda: [machine()])
    now: datetime = NOW
    controller: str = "controller-1"

    def __post_init__(self) -> None:
        self.engine = FakeEngine(lambda: self.now.timestamp(), self.machines)
        self.engines: Engines = {"fake": self.engine}
        self._machines_at = self.now
        machines.run_pass(self.engines, self.now)

    def work(self, holder: str = "") -> None:
        """One round of every pass; that of machines every ten seconds, as the controller does."""
        if abs(self.now - self._machines_at) >= timedelta(seconds=10):
            self._machines_at = self.now
            machines.run_pass(self.engines, self.now)
        place.run_pass(holder or self.controller, self.now)
        trees.run_pass(self.engines, self.now)
        start.run_pass(self.engines, self.now)
        watch.run_pass(self.engines, self.now)
        stop.run_pass(self.engines, self.now)
        reclaim.run_pass(self.engines, self.now)

    def tick(self, seconds: float = 1, *, step: float = 1) -> None:
        """Let time pass in steps, working after each."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=step))
            self.work()

    def until(self, run: Run, state: State, *, seconds: float = 200) -> Run:
        """Tick until the run is in a state."""
        for _ in range(int(seconds)):
            run.refresh_from_db()
            if State(run.state) == state:
                return run
            self.tick(1)
        raise AssertionError(f"{run} did not become {state} within {seconds} s")
