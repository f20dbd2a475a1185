"""Machine types, machines and the queue."""

from datetime import datetime

from studium.api.shapes.base import Failure, Shape
from studium.compute.models import Machine
from studium.compute.queries import TypeNow
from studium.lib.units import money_words


class MachineTypeShape(Shape):
    """What a run can ask for. `allowed` and `refusal` are about the team that was asked for.

    `free` is how many more would fit now, `total` how many fit on empty machines, `waiting` how many runs queue for it.
    """

    slug: str
    label: str
    description: str
    vcpu: float
    memory_bytes: int
    accelerator_kind: str
    accelerator_count: int
    accelerator_memory_bytes: int
    machine_class: str
    price_micros_hour: int
    price: str
    simulated: bool
    free: int
    total: int
    waiting: int
    allowed: bool
    refusal: Failure | None

    @classmethod
    def of(cls, now: TypeNow, refusal: Failure | None) -> "MachineTypeShape":
        kind = now.kind
        return cls(
            slug=kind.slug,
            label=kind.label,
            description=kind.description,
            vcpu=kind.vcpu,
            memory_bytes=kind.memory_bytes,
            accelerator_kind=kind.accelerator_kind,
            accelerator_count=kind.accelerator_count,
            accelerator_memory_bytes=kind.accelerator_memory_bytes,
            machine_class=kind.machine_class,
            price_micros_hour=kind.price_micros_hour,
            price=f"{money_words(kind.price_micros_hour)}/h",
            simulated=now.simulated,
            free=now.free,
            total=now.total,
            waiting=now.waiting,
            allowed=refusal is None,
            refusal=refusal,
        )


class Device(Shape):
    id: str
    kind: str
    memory_bytes: int
    simulated: bool
    gone: bool


class MachineShape(Shape):
    """A place where runs are put. `simulated` means that its size is made up."""

    name: str
    engine: str
    vcpu: float
    memory_bytes: int
    simulated: bool
    draining: bool
    gone: bool
    seen_at: datetime
    runs: int
    accelerators: list[Device]

    @classmethod
    def of(cls, row: Machine, runs: int) -> "MachineShape":
        devices = [
            Device(id=d.pk, kind=d.kind, memory_bytes=d.memory_bytes, simulated=d.simulated, gone=d.gone)
            for d in sorted(row.accelerators.all(), key=lambda d: (d.kind, d.index))
        ]
        return cls(
            name=row.name,
            engine=row.engine,
            vcpu=row.vcpu,
            memory_bytes=row.memory_bytes,
            simulated=row.simulated,
            draining=row.draining,
            gone=row.gone,
            seen_at=row.seen_at,
            runs=runs,
            accelerators=devices,
        )


class Waited(Shape):
    """How long a run may have to wait. Times are expectations; `reason` and `words` say what it waits for."""

    place: int | None
    expected_at: datetime | None
    at_most_at: datetime | None
    reason: str
    waits_for: str
    words: str


class QueueEntry(Shape):
    """A waiting run. Of other teams' runs only the machine type and the time are told."""

    run: str
    title: str
    team: str
    user: str
    machine_type: str
    submitted_at: datetime
    wait: Waited


class Check(Shape):
    """One line of what isolates and limits runs here."""

    name: str
    ok: bool
    detail: str
    remedy: str
    isolates: bool
