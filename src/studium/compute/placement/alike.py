"""Runs alike: what all runs of one type, size and limit have in common is worked out once a pass and not once a run."""

import math
from operator import attrgetter

from studium.compute.placement.line import Line
from studium.compute.placement.types import CPU, DurationGuess, Waiting, use_weight
from studium.compute.placement.yard import Shape, Yard, shape_of

common = attrgetter("type_key", "max_seconds", "vcpu", "memory_bytes", "accelerator_kind", "accelerator_count")
"""Of a `Waiting`: what runs that are alike have in common."""


class Size:
    """What is known during a pass about runs of one size.

    `barred`: why no open machine can ever hold it. `full`: it fits on no unreserved machine any more. `too_long`: with
    this limit or a longer one it fits on no reserved machine either.
    """

    __slots__ = ("barred", "full", "line", "shape", "too_long", "weight")

    def __init__(self, shape: Shape, weight: float, barred: str | None) -> None:
        self.shape = shape
        self.weight = weight
        self.barred = barred
        self.full = False
        self.line: Line | None = None
        self.too_long = math.nan  # compares false with every limit: nothing was tried yet


class Alike:
    """A size with a limit and a guess in seconds.

    `amount` is its accelerators or thousandths of a vCPU, `charge` what serving one such run adds to its team's use.
    `open`: one might still start, for all that is known. Room only shrinks during a pass, so what is closed stays closed.
    """

    __slots__ = ("amount", "charge", "guess", "limit", "open", "pool", "size")

    def __init__(self, size: Size, pool: str, limit: float, guess: float) -> None:
        self.size = size
        self.amount = size.shape[3] or size.shape[0]
        self.pool = pool
        self.limit = limit
        self.guess = guess
        self.charge = guess * size.weight
        self.open = size.barred is None


class Alikes:
    """All that are in the queue. Sizes are told by their amounts, whatever the machine type is called."""

    def __init__(self, yard: Yard, expected: DurationGuess) -> None:
        self.by_common: dict[tuple[object, ...], Alike] = {}
        self._yard = yard
        self._expected = expected
        self._sizes: dict[tuple[float, int, str | None, int], Size] = {}

    def add(self, run: Waiting) -> Alike:
        """What is alike with this run, which is the first of its like."""
        limit = math.inf if run.max_seconds is None else run.max_seconds
        pool = CPU if run.accelerator_kind is None or not run.accelerator_count else run.accelerator_kind
        alike = Alike(self._size(run), pool, limit, min(max(1.0, self._expected(run)), limit))
        self.by_common[common(run)] = alike
        return alike

    def _size(self, run: Waiting) -> Size:
        key = run.vcpu, run.memory_bytes, run.accelerator_kind, run.accelerator_count
        size = self._sizes.get(key)
        if size is None:
            shape = shape_of(*key)
            holders = [machine for machine in self._yard.machines if machine.could_hold(shape)]
            barred = "impossible" if not holders else "draining" if all(m.draining for m in holders) else None
            size = self._sizes[key] = Size(shape, use_weight(run.vcpu, run.accelerator_count), barred)
        return size
