"""The tail of the queue: its order once nothing more can start in this pass, and no run moves another lane's any more.

Then a team is charged for what waits ahead in the same lane and for nothing else, so that the turns of each lane can be
told by themselves and all of them sorted at once. That takes a fraction of the time of serving run by run.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat

from studium.compute.placement.order import Lane, Order, Queued, Team, Turn

_ROUNDING = 1e-9  # sums within this share of what is left are counted one by one, as serving would


def short_of(needs: Mapping[str, float], left: Mapping[str, float]) -> str | None:
    """The first bucket, by name, that does not hold enough."""
    return min((bucket for bucket, amount in needs.items() if amount > left.get(bucket, 0.0)), default=None)


def spend(needs: Mapping[str, float], left: dict[str, float]) -> None:
    for bucket, amount in needs.items():
        left[bucket] = left.get(bucket, 0.0) - amount


def note_plenty(teams: Iterable[Team], headroom: Mapping[str, float]) -> bool:
    """Mark teams for whose every run there is enough. Returns whether no bucket serves two teams."""
    teams = list(teams)
    buckets = [bucket for team in teams for bucket in team.needed]
    if len(buckets) != len(set(buckets)):
        return False
    for team in teams:
        team.plenty = all(_enough(needed, headroom.get(bucket, 0.0)) for bucket, needed in team.needed.items())
    return True


def _enough(needed: float, left: float) -> bool:
    return left == math.inf or needed + max(abs(left), needed) * _ROUNDING < left


def startable(order: Order, left: Mapping[str, float]) -> Iterator[Queued]:
    """A run that might still start, the same again as long as that is so. The end: nothing can start any more.

    Each run is passed over once and for all, as room and what is `left` of allowances only shrink during a pass.
    """
    for lane in order.lanes:
        plenty = lane.team.plenty
        for place, row in enumerate(lane.rows):
            while row[4].open and place >= lane.next and (plenty or short_of(row[3].needs, left) is None):
                yield row


def turns_of(order: Order, left: dict[str, float]) -> list[Turn]:
    """All that are left in the lanes, in the order of service, if nothing can start and no bucket serves two teams.

    `left` is what allowances hold once everybody in line so far has started; it is used up here.
    """
    teams: dict[Team, list[Lane]] = {}
    for lane in order.lanes:
        teams.setdefault(lane.team, []).append(lane)
    turns: list[Turn] = []
    for team, lanes in teams.items():
        if team.plenty:
            for lane in lanes:
                charges = [0.0 if row[4].size.barred else row[4].charge for row in lane.rows[lane.next :]]
                turns += order.turns(lane, charges)
        else:
            turns += _one_by_one(order, lanes, left)
    turns.sort()
    return turns


def _one_by_one(order: Order, lanes: list[Lane], left: dict[str, float]) -> list[Turn]:
    """The turns of a team that has not enough for all of its runs: who finds nothing left is not charged."""
    rows = [row for lane in lanes for row in lane.rows[lane.next :]]
    users = Counter(bucket for row in rows for bucket in row[3].needs)
    turns: list[Turn] = []
    for row, lane in order.served(lanes):
        alike, needs = row[4], row[3].needs
        short = None if alike.size.barred is not None else short_of(needs, left)
        turns.append(order.turn(row, lane, short))
        if short is not None:
            if users[short] == len(rows) and left.get(short, 0.0) < min(row[3].needs[short] for row in rows):
                break  # this bucket holds up all of the team's runs: none is charged any more
        elif alike.size.barred is None:
            spend(needs, left)
            lane.owed += alike.charge
    for lane in lanes:
        for key, age, number, row, _ in order.turns(lane, repeat(0.0)):
            short = None if row[4].size.barred is not None else short_of(row[3].needs, left)
            turns.append((key, age, number, row, short))
    return turns
