"""Machine types, machines, devices and the queue."""

from dataclasses import dataclass
from datetime import datetime

from studium.client.shapes.base import Failure


@dataclass(frozen=True, kw_only=True)
class MachineType:
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


@dataclass(frozen=True, kw_only=True)
class Device:
    id: str
    kind: str
    memory_bytes: int
    simulated: bool
    gone: bool


@dataclass(frozen=True, kw_only=True)
class Machine:
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


@dataclass(frozen=True, kw_only=True)
class Waited:
    place: int | None
    expected_at: datetime | None
    at_most_at: datetime | None
    reason: str
    waits_for: str
    words: str


@dataclass(frozen=True, kw_only=True)
class QueueEntry:
    run: str
    title: str
    team: str
    user: str
    machine_type: str
    submitted_at: datetime
    wait: Waited


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    ok: bool
    detail: str
    remedy: str
    isolates: bool
