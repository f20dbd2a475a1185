"""The machines pass: what engines report becomes rows; and what may no longer run is stopped."""

from datetime import datetime

from django.db import transaction

from studium.compute.actions import load_machine_types, stop_all_of
from studium.compute.engines.base import FoundAccelerator, FoundMachine
from studium.compute.engines.registry import Engines
from studium.compute.models import Accelerator, Machine, MachineType, Run
from studium.compute.states import LIVE, State
from studium.compute.transitions import move
from studium.events.actions import hint, record
from studium.plans import actions as plans
from studium.plans.machine_types import types_for_found


def run_pass(engines: Engines, now: datetime) -> int:
    """Take over every engine's inventory, requeue runs of vanished machines that were not started, stop inactive users' runs."""
    for name, engine in engines.items():
        take_over(name, engine.inventory(), now)
    for run in Run.objects.filter(state=State.ASSIGNED, machine__gone=True):
        with transaction.atomic():
            if move(run, State.QUEUED, now=now, machine=None):
                plans.settle(run.pk, until=None, now=now)
    stopped = 0
    for run in Run.objects.filter(state__in=LIVE, user__is_active=False).select_related("user"):
        stopped += stop_all_of(None, run.user, now=now)
    return stopped


@transaction.atomic
def take_over(engine: str, found: list[FoundMachine], now: datetime) -> None:
    """Make the rows of one engine's machines match its report. A device that vanished is marked, not deleted."""
    names = [machine.name for machine in found]
    for vanished in Machine.objects.filter(engine=engine, gone=False).exclude(name__in=names):
        Machine.objects.filter(pk=vanished.pk).update(gone=True)
        Accelerator.objects.filter(machine=vanished).update(gone=True)
        record("machine.gone", subject=("machine", vanished.pk), now=now)
    for machine in found:
        known = Machine.objects.filter(pk=machine.name).first()
        row, made = Machine.objects.update_or_create(
            name=machine.name,
            defaults={
                "engine": engine,
                "vcpu": machine.vcpu,
                "memory_bytes": machine.memory_bytes,
                "simulated": machine.simulated,
                "seen_at": now,
                "gone": False,
            },
        )
        if made or (known is not None and known.gone):
            record("machine.found", subject=("machine", row.pk), now=now)
            hint(["machines"])
        _devices(row, machine)
        _offer(machine)


def _offer(machine: FoundMachine) -> None:
    """Machine types for kinds of device that no loaded set describes, so that what is found can be picked."""
    by_kind: dict[str, list[FoundAccelerator]] = {}
    for device in machine.accelerators:
        by_kind.setdefault(device.kind, []).append(device)
    known = set(MachineType.objects.exclude(accelerator_kind="").values_list("accelerator_kind", flat=True))
    for kind, devices in by_kind.items():
        if kind not in known:
            load_machine_types(
                types_for_found(
                    kind,
                    devices[0].memory_bytes,
                    len(devices),
                    machine_vcpu=machine.vcpu,
                    machine_memory_bytes=machine.memory_bytes,
                    devices_on_machine=len(machine.accelerators),
                    machine_class="tpu" if kind.lower().startswith("tpu") else "gpu",
                    simulated=devices[0].simulated,
                )
            )


def _devices(row: Machine, machine: FoundMachine) -> None:
    Accelerator.objects.filter(machine=row).exclude(pk__in=[d.id for d in machine.accelerators]).update(gone=True)
    for device in machine.accelerators:
        Accelerator.objects.update_or_create(
            id=device.id,
            defaults={
                "machine": row,
                "kind": device.kind,
                "index": device.index,
                "memory_bytes": device.memory_bytes,
                "simulated": device.simulated,
                "paths": list(device.paths),
                "variables": dict(device.variables),
                "gone": False,
            },
        )
