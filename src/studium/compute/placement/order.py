"""The order of service: fair by team, then plan priority, then age.

Every team has a lane per pool (an accelerator kind, or `cpu`), sorted once; a heap holds the front run of each lane.
A run's key is its team's band of recent use minus the bands its own wait is worth, so waiting beats any past use.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from itertools import accumulate

from studium.compute.placement.alike import Alike, Alikes, common
from studium.compute.placement.types import Holding, Policy, Waiting, use_weight
from studium.compute.placement.yard import Yard

_PRIORITY_BITS = 32
_Front = tuple[int, float, int]
"""Band and priority in one number, seconds waited below zero, number of the lane: short, as it is compared a lot."""

Queued = tuple[int, float, str, Waiting, Alike]
"""A run in its lane: bands waited and priority in one number, seconds waited below zero, its id, the run itself."""

Turn = tuple[int, float, int, Queued, str | None]
"""When a run is served: like `_Front`, then the run, and the bucket that does not hold enough for it. They sort."""


class Team:
    """A team's use during the pass: what it has used, what its running runs will use, what it is given now.

    `needed` is what all of its runs take from each bucket, `plenty` whether there is enough of all of that.
    """

    __slots__ = ("needed", "plenty", "use")

    def __init__(self) -> None:
        self.use = 0.0
        self.needed: dict[str, float] = {}
        self.plenty = False


class Lane:
    """One team's runs for one pool, in the team's own order: most bands waited, then priority, then age.

    `number` is its place among all lanes, `next` tells the run that is at its front now, `owed` is the use of those that
    will be served first.
    """

    __slots__ = ("next", "number", "owed", "rows", "team")

    def __init__(self, team: Team) -> None:
        self.team = team
        self.rows: list[Queued] = []
        self.number = 0
        self.next = 0
        self.owed = 0.0

    def front(self, per_band: float) -> _Front:
        """The key of the next run."""
        row = self.rows[self.next]
        return (int((self.team.use + self.owed) * per_band) << _PRIORITY_BITS) + row[0], row[1], self.number


class Order:
    """The queue as a stream of runs in the order of service; charging a team moves its next runs back."""

    def __init__(
        self,
        queue: Sequence[Waiting],
        alikes: Alikes,
        running: Sequence[Holding],
        yard: Yard,
        now: datetime,
        policy: Policy,
    ) -> None:
        self.teams: dict[str, Team] = {}
        self.lanes: list[Lane] = []
        self._fill(queue, alikes, now, policy.patience_seconds * policy.band)
        self._note_use(running, now)
        self._per_band = 1.0 / (self._scale(yard) * policy.band)

    def _fill(self, queue: Sequence[Waiting], alikes: Alikes, now: datetime, seconds_per_band: float) -> None:
        """The only step that looks at each run by itself. The clock may have gone back."""
        known, teams = alikes.by_common, self.teams
        pools: dict[str, dict[str, Lane]] = {}
        for run in queue:
            alike = known.get(common(run)) or alikes.add(run)
            lanes = pools.get(alike.pool)
            if lanes is None:
                lanes = pools[alike.pool] = {}
            lane = lanes.get(run.team_id)
            if lane is None:
                lane = lanes[run.team_id] = Lane(teams.setdefault(run.team_id, Team()))
            waited = (now - run.submitted_at).total_seconds()
            bands = int(waited / seconds_per_band) if waited > 0 else 0
            lane.rows.append(((-bands << _PRIORITY_BITS) - run.priority, -waited, run.run_id, run, alike))
            team = lane.team
            if run.recent_use > team.use:
                team.use = run.recent_use
            needed = team.needed
            for bucket, amount in run.needs.items():
                needed[bucket] = needed.get(bucket, 0.0) + amount
        numbered = sorted((team_id, pool) for pool, lanes in pools.items() for team_id in lanes)
        self.lanes = [pools[pool][team_id] for team_id, pool in numbered]
        for number, lane in enumerate(self.lanes):
            lane.number = number
            lane.rows.sort()

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

    def served(self, lanes: Iterable[Lane]) -> Iterator[tuple[Queued, Lane]]:
        """Each run of these lanes once. Charge `lane.team.use` or `lane.owed` before asking for the next."""
        per_band = self._per_band
        by_number = {lane.number: lane for lane in lanes}
        heap = [lane.front(per_band) for lane in by_number.values() if lane.next < len(lane.rows)]
        heapify(heap)
        while heap:
            first, _, number = heap[0]
            lane = by_number[number]
            row = lane.rows[lane.next]
            # The team may have been given something in another lane since this key was made.
            if (int((lane.team.use + lane.owed) * per_band) << _PRIORITY_BITS) + row[0] > first:
                heapreplace(heap, lane.front(per_band))
                continue
            lane.next += 1
            yield row, lane
            if lane.next == len(lane.rows):
                heappop(heap)
            else:
                heapreplace(heap, lane.front(per_band))

    def turn(self, row: Queued, lane: Lane, short: str | None) -> Turn:
        """The turn of a run that was just served, asked for before it is charged."""
        band = int((lane.team.use + lane.owed) * self._per_band)
        return (band << _PRIORITY_BITS) + row[0], row[1], lane.number, row, short

    def turns(self, lane: Lane, charges: Iterable[float]) -> list[Turn]:
        """The turns of all that are left in the lane if only these charges, one a run, move it back."""
        use, per_band, number = lane.team.use, self._per_band, lane.number
        rows = lane.rows[lane.next :]
        lane.next = len(lane.rows)
        return [
            ((int((use + owed) * per_band) << _PRIORITY_BITS) + row[0], row[1], number, row, None)
            for owed, row in zip(accumulate(charges, initial=lane.owed), rows, strict=False)
        ]
