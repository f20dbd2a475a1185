"""Machine types as data: what a person picks, its size and its price. Read from preset files, made from found devices.

Sizes are bytes, money is millionths of a dollar.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from studium.lib.units import GIB, size_words
from studium.plans.amounts import Bytes, Count, Micros

MachineClass = Literal["cpu", "gpu", "tpu"]
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class MachineTypeSpec(BaseModel):
    """One machine type. `slug` is for URLs and rules, `label` is what people and the clients of other systems write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    label: str = Field(min_length=1, max_length=64)
    vcpu: float = Field(gt=0)
    memory_bytes: Bytes = Field(gt=0)
    accelerator_kind: str | None = None
    accelerator_count: Count = 0
    accelerator_memory_bytes: Bytes = 0
    machine_class: MachineClass = "cpu"
    price_micros_hour: Micros = 0
    description: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _accelerators_agree(self) -> "MachineTypeSpec":
        has = self.accelerator_kind is not None
        if has != (self.accelerator_count > 0) or has != (self.machine_class != "cpu"):
            raise ValueError(f"{self.slug}: give kind, count and class of the accelerator together, or none of them")
        return self

    @property
    def free_of_charge(self) -> bool:
        return self.price_micros_hour == 0

    def times(self, count: int) -> "MachineTypeSpec":
        """The same with `count` times everything; the label gets `x<count>`, as `A6000x4`."""
        if count == 1:
            return self
        return self.model_copy(
            update={
                "slug": f"{self.slug}x{count}",
                "label": f"{self.label}x{count}",
                "vcpu": self.vcpu * count,
                "memory_bytes": self.memory_bytes * count,
                "accelerator_count": self.accelerator_count * count,
                "price_micros_hour": self.price_micros_hour * count,
            }
        )


def slug_of(label: str) -> str:
    """A slug for a label or device kind: `GPU+` is `gpu-plus`, `NVIDIA H200` is `nvidia-h200`."""
    return _NOT_SLUG.sub("-", label.lower().replace("+", "-plus")).strip("-")[:63].rstrip("-")


def find_type(types: Iterable[MachineTypeSpec], word: str) -> MachineTypeSpec | None:
    """The type a person or a script means by `word`: its slug or its label, in any case."""
    wanted = word.strip().lower()
    known = list(types)
    return next((t for t in known if t.slug == wanted), None) or next(
        (t for t in known if t.label.lower() == wanted), None
    )


def types_for_found(
    kind: str,
    memory: int,
    counts: Sequence[int] | int,
    *,
    machine_vcpu: float = 8,
    machine_memory_bytes: int = 30 * GIB,
    devices_on_machine: int = 0,
    machine_class: MachineClass = "gpu",
    simulated: bool = False,
) -> list[MachineTypeSpec]:
    """The types offered for devices that a machine shows: one per count, each device with its share of it.

    `memory` is one device's own, in bytes (0 when it cannot be read); `counts` are the numbers of devices to offer, or
    one number n for 1, 2, 4 ... up to n. `devices_on_machine` is how many share the machine (the largest count if 0).
    An eighth of the memory stays with the host. Beside real devices a quarter of the machine stays free for runs without
    an accelerator, so that neither keeps the other waiting.
    """
    offered = _doubling(counts) if isinstance(counts, int) else sorted(set(counts))
    if not offered:
        return []
    sharing = max(devices_on_machine, offered[-1])
    share = (1 if simulated else 3 / 4) / sharing
    card = f", {size_words(memory)} on the card" if memory else ""
    said = "Simulated: computes on the CPU." if simulated else "Found on this machine."
    single = MachineTypeSpec(
        slug=slug_of(kind),
        label=kind,
        vcpu=max(1.0, float(int(machine_vcpu * share))),
        memory_bytes=max(GIB, int(machine_memory_bytes * 7 / 8 * share)),
        accelerator_kind=kind,
        accelerator_count=1,
        accelerator_memory_bytes=memory,
        machine_class=machine_class,
        description=f"{kind}{card}. {said}",
        source="simulated" if simulated else "found",
    )
    return [single.times(count) for count in offered]


def _doubling(most: int) -> list[int]:
    counts = [1 << power for power in range(max(0, most).bit_length())]
    return sorted({*counts, most}) if most > 0 else []
