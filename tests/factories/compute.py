"""Machines, plans and runs for tests, without any engine."""

from datetime import datetime
from typing import Any

from factories.accounts import NOW
from studium.accounts.models import Team, User
from studium.compute import actions
from studium.compute.models import Accelerator, Machine, MachineType, Run
from studium.compute.spec import Limits, RunSpec
from studium.compute.states import State
from studium.compute.transitions import move
from studium.lib.units import GIB
from studium.plans.presets import load_shipped


def load_plans(*names: str, now: datetime = NOW) -> None:
    """Load shipped plan sets, `open` by default."""
    for name in names or ("open",):
        actions.load_plan_set(None, load_shipped(name), now=now)


def make_machine(
    name: str = "box", *, vcpu: float = 8, memory_bytes: int = 32 * GIB, engine: str = "fake", now: datetime = NOW
) -> Machine:
    return Machine.objects.create(name=name, engine=engine, vcpu=vcpu, memory_bytes=memory_bytes, seen_at=now)


def make_accelerator(machine: Machine, kind: str = "P100", index: int = 0, *, simulated: bool = True) -> Accelerator:
    return Accelerator.objects.create(
        id=f"{machine.name}-{kind}-{index}",
        machine=machine,
        kind=kind,
        index=index,
        memory_bytes=16 * GIB,
        simulated=simulated,
    )


def make_spec(run_id: str = "") -> RunSpec:
    return RunSpec(
        run_id=run_id or actions.new_run_id(),
        command=("true",),
        limits=Limits(vcpu=1, memory_bytes=GIB),
        environment_path="/usr",
    )


def make_run(
    user: User, team: Team | None = None, *, machine_type: str = "cpu-small", interactive: bool = True, owner_id: str = "",
    now: datetime = NOW, **more: Any,
) -> Run:  # fmt: skip
    """A queued run, through the same action as everybody's."""
    spec = make_spec()
    return actions.submit_run(
        user, team or user.personal_team, MachineType.objects.get(pk=machine_type), spec, title="A run", owner_kind="test",
        owner_id=owner_id or spec.run_id, interactive=interactive, now=now, **more,
    )  # fmt: skip


def drive(run: Run, to: State, *, machine: Machine | None = None, now: datetime = NOW) -> Run:
    """Move a queued run forward to a state by the only way there is."""
    path = [State.ASSIGNED, State.STARTING, State.RUNNING, State.STOPPING]
    for state in path[: path.index(to) + 1]:
        extra = {"machine": machine or Machine.objects.first()} if state == State.ASSIGNED else {}
        assert move(run, state, now=now, **extra)
    run.refresh_from_db()
    return run
