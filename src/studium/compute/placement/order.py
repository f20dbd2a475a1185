"""The order of service: fair by team, then plan priority, then age.

Every team has a lane per pool (an accelerator kind, or `cpu`), sorted once; a heap holds the front run of each lane.
A run's key is its team's band of recent use minus the bands its own wait is worth, so waiting beats any past use.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heapify, heappop, heapreplace

from studium.compute.placement.types import Holding, Policy, Waiting, use_weight
from studium.compute.placement.yard import Yard

CPU = "cpu"
_PRIORITY_BITS = 32
_Front = tuple[int, float, int]
"""Band and priority in one number, seconds waited below zero, number of the lane: short, as it is compared a lot."""


class Team:
    """A team's use during the pass: what it has used, what its running runs will use, what it is given now."""

    __slots__ = ("use",)

    def __init__(self) -> None:
        self.use = 0.0


class Lane:
    """One team's runs for one pool, in the team's own order. `owed` is the use of those that will be served first."""

    __slots__ = ("ages", "keys", "next", "owed", "pool", "runs", "team")

    def __init__(self, team: Team, pool: str) -> None:
        self.team = team
        self.pool = pool
        self.runs: list[Waiting] = []
        self.keys: list[int] = []
        self.ages: list[float] = []
        self.next = 0
        self.owed = 0.0

    def sort(self, now: datetime, seconds_per_band: float) -> None:
        """Put the team's runs in order: most bands waited, then priority, then age. The clock may have gone back."""
        keyed = []
        for run in self.runs:
            waited = (now - run.submitted_at).total_seconds()
            bands = int(waited / seconds_per_band) if waited > 0 else 0
            keyed.append(((-bands << _PRIORITY_BITS) - run.priority, -waited, run.run_id, run))
        keyed.sort()
        self.keys = [key[0] for key in keyed]
        self.ages = [key[1] for key in keyed]
        self.runs = [key[3] for key in keyed]

    def front(self, number: int, per_band: float) -> _Front:
        """The key of the next run; `number` tells the lane in the heap."""
        band = int((self.team.use + self.owed) * per_band)
        return (band << _PRIORITY_BITS) + self.keys[self.next], self.ages[self.next], number


class Order:
    """The queue as a stream of runs in the order of service; charging a team moves its next runs back."""

    def __init__(
        self, queue: Sequence[Waiting], running: Sequence[Holding], yard: Yard, now: datetime, policy: Policy
    ) -> None:
        self.teams: dict[str, Team] = {}
        self._lanes: list[Lane] = []
        self._fill(queue)
        for lane in self._lanes:
            lane.sort(now, policy.patience_seconds * policy.band)
        self._note_use(running, now)
        self._per_band = 1.0 / (self._scale(yard) * policy.band)

    def _fill(self, queue: Sequence[Waiting]) -> None:
        lanes: dict[tuple[str, str], Lane] = {}
        for run in queue:
            kind = run.accelerator_kind
            key = (run.team_id, CPU if kind is None or not run.accelerator_count else kind)
            lane = lanes.get(key)
            if lane is None:
                lane = lanes[key] = Lane(self.teams.setdefault(run.team_id, Team()), key[1])
            lane.runs.append(run)
            if run.recent_use > lane.team.use:
                lane.team.use = run.recent_use
        self._lanes = [lanes[key] for key in sorted(lanes)]

    def _note_use(self, running: Sequence[Holding], now: datetime) -> None:
        """Count what running runs are still expected to use as used: it is as good as spent."""
        for holding in sorted(running, key=lambda h: h.run_id):
            owner = self.teams.get(holding.team_id)
            end = holding.expected_end or holding.max_end
            if owner is not None and end is not None:
                rest = max(0.0, (end - now).total_seconds())
                owner.use += rest * use_weight(holding.vcpu, len(holding.devices))

    def _scale(self, yard: Yard) -> float:
        """What a share is a share of: everybody's use, and an hour of all machines so that no share starts huge."""
        machines = sum(use_weight(m.whole_cpu / 1000, sum(m.whole.values())) for m in yard.machines)
        return math.fsum(team.use for team in self.teams.values()) + max(1.0, machines) * 3600.0

    def __iter__(self) -> Iterator[tuple[Waiting, Lane]]:
        """Each run once. Charge `lane.team.use` or `lane.owed` before asking for the next."""
        lanes, per_band = self._lanes, self._per_band
        heap = [lane.front(number, per_band) for number, lane in enumerate(lanes)]
        heapify(heap)
        while heap:
            first, _, number = heap[0]
            lane = lanes[number]
            # The team may have been given something in another lane since this key was made.
            if (int((lane.team.use + lane.owed) * per_band) << _PRIORITY_BITS) + lane.keys[lane.next] > first:
                heapreplace(heap, lane.front(number, per_band))
                continue
            yield lane.runs[lane.next], lane
            lane.next += 1
            if lane.next == len(lane.runs):
                heappop(heap)
            else:
                heapreplace(heap, lane.front(number, per_band))
