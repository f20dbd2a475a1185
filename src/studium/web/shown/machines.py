"""Machine types as a person chooses among them: what is free, what it costs, and why some may not be used."""

from dataclasses import dataclass, replace

from studium.compute import queries
from studium.compute.models import MachineType
from studium.errors import StudiumError
from studium.lib.units import size_words
from studium.plans import checks
from studium.plans.estimates import estimate
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.queries import Standing


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One machine type in the start form. `refusal` is why the plan does not give it, empty when it does."""

    kind: MachineType
    free: int
    total: int
    waiting: int
    simulated: bool
    refusal: str
    session_seconds: int
    left_seconds: int | None
    # What a whole session would cost and take of an allowance, in a sentence; empty where it would be nothing.
    estimate: str

    @property
    def sizes(self) -> str:
        return sizes(self.kind)

    @property
    def available(self) -> str:
        """How soon it would start, in a few words."""
        if not self.total:
            return "no machine here has it"
        if self.free:
            return f"{self.free} free now"
        return f"queue of {self.waiting}" if self.waiting else "all in use"


def sizes(kind: MachineType) -> str:
    """`2 vCPU · 13 GiB · P100 with 16 GiB`."""
    parts = [f"{kind.vcpu:g} vCPU", size_words(kind.memory_bytes)]
    if kind.accelerator_count:
        count = f"{kind.accelerator_count} x " if kind.accelerator_count > 1 else ""
        card = f" with {size_words(kind.accelerator_memory_bytes)}" if kind.accelerator_memory_bytes else ""
        parts.append(f"{count}{kind.accelerator_kind}{card}")
    return " · ".join(parts)


def choices(standing: Standing) -> list[Choice]:
    """Every machine type for a team, those it may use and that exist here first."""
    found = []
    for now in queries.types_now():
        spec = now.kind.as_spec()
        refusal = ""
        try:
            checks.check_machine(standing.plan, spec)
        except StudiumError as error:
            refusal = f"{error.message} {error.next_step}".strip()
        found.append(
            Choice(
                kind=now.kind,
                free=now.free,
                total=now.total,
                waiting=now.waiting,
                simulated=now.simulated,
                refusal=refusal,
                session_seconds=standing.rules.session_seconds.limit_for(spec),
                left_seconds=standing.left_for(spec),
                estimate=_estimate(standing, spec),
            )
        )
    return sorted(found, key=lambda c: (bool(c.refusal), not c.total))


def _estimate(standing: Standing, spec: MachineTypeSpec) -> str:
    left = {use.window: use.left for use in standing.windows}
    seconds = standing.rules.session_seconds.limit_for(spec)
    found = estimate(spec, seconds, standing.rules, left)
    return found.sentence if found.cost_micros or found.allowance_seconds else ""


def offer(standing: Standing, wanted: str) -> dict[str, object]:
    """What the start form shows: `choices` to pick from, `refused` with reasons, and the `chosen` one.

    A type that no machine here has is among the refused once any machine has reported at all.
    """
    found = choices(standing)
    if any(c.total for c in found):
        nowhere = "No machine of this installation has it."
        found = [c if c.total or c.refusal else replace(c, refusal=nowhere) for c in found]
    usable = [c for c in found if not c.refusal]
    slugs = [c.kind.slug for c in usable]
    chosen = wanted if wanted in slugs else next(iter(slugs), "")
    usable.sort(key=lambda c: c.kind.slug != chosen)  # in sight without scrolling
    return {"choices": usable, "refused": [c for c in found if c.refusal], "chosen": chosen}
