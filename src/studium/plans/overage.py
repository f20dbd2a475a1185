"""Storage beyond a plan: how much a cap comes to, what an hour costs, which hours are due. Pure, in whole numbers."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from studium.lib.units import GIB
from studium.plans.estimates import HOURS_PER_MONTH
from studium.plans.rules import PlanRules

HOUR = timedelta(hours=1)
PARTS = GIB * HOURS_PER_MONTH
"""Parts of a micro-unit: a byte for an hour at a price of one micro-unit costs one."""
LONGEST_MONTH = 31 * 24
_UNBOUNDED = 2**62


def agreed_bytes(rules: PlanRules, cap_bytes: int | None, cap_micros_month: int | None) -> int:
    """Bytes beyond what is included that a cap comes to; none where the plan sells none.

    A cap in money is as many bytes as may lie there all of the longest month, so no month costs more.
    """
    price = rules.storage_overage_micros_per_gib_month
    if price is None or rules.storage_bytes_team is None or (cap_bytes is None and cap_micros_month is None):
        return 0
    found = _UNBOUNDED if cap_bytes is None else cap_bytes
    if cap_micros_month is not None and price:
        found = min(found, cap_micros_month * PARTS // (price * LONGEST_MONTH))
    return max(0, found)


def hour_cost(charged_bytes: int, price_micros: int, carry: int) -> tuple[int, int]:
    """What an hour costs in micro-units, rounded down, and what is carried into the next one, in parts of a micro-unit."""
    return divmod(charged_bytes * price_micros + carry, PARTS)


def hour_of(at: datetime) -> datetime:
    """The hour in which `at` lies, by its start."""
    return at.replace(minute=0, second=0, microsecond=0)


def hours_due(charged_until: datetime, now: datetime, most: int) -> Iterator[datetime]:
    """The starts of the hours that have ended since, oldest first; none where the clock went back."""
    hour = charged_until
    while most > 0 and hour + HOUR <= now:
        yield hour
        hour, most = hour + HOUR, most - 1
