"""Which waiting run starts where: a pure function of queue, machines, running runs and headroom.

`plan` is the whole interface; `docs/members/queue.md` says in words what it does.
"""

from studium.compute.placement.plan import plan
from studium.compute.placement.types import (
    Decision,
    DurationGuess,
    Holding,
    MachineCapacity,
    Placement,
    Policy,
    TypicalDurations,
    Wait,
    Waiting,
    use_weight,
)

__all__ = [
    "Decision",
    "DurationGuess",
    "Holding",
    "MachineCapacity",
    "Placement",
    "Policy",
    "TypicalDurations",
    "Wait",
    "Waiting",
    "plan",
    "use_weight",
]
