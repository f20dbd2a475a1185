"""What running and storing costs, in whole millionths of a dollar, before and after the fact. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from studium.lib.units import GIB, duration_words, money_words, size_words
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.rules import PlanRules, Window
from studium.plans.windows import resource_words

HOURS_PER_MONTH = 730
"""A month of storage, as it is billed: 8,760 hours a year by twelve."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A run before its start: at most this much money and this many device seconds of an allowance."""

    cost_micros: int
    allowance_seconds: int
    sentence: str


def cost_of(price_micros_hour: int, seconds: int) -> int:
    """The price of `seconds` on a machine. Rounded down on the total, so that charged parts add up to it exactly."""
    return price_micros_hour * seconds // 3600


def device_seconds(machine: MachineTypeSpec, seconds: int) -> int:
    """What running this long takes from an allowance: each accelerator counts."""
    return seconds * max(1, machine.accelerator_count)


def session_limit(rules: PlanRules, machine: MachineTypeSpec, allowance_left: int | None) -> int:
    """Seconds that a session on this machine can last: the plan's limit, or what is left if that is less."""
    longest = rules.session_seconds.limit_for(machine)
    if allowance_left is None:
        return longest
    return max(0, min(longest, allowance_left // max(1, machine.accelerator_count)))


def estimate(machine: MachineTypeSpec, seconds: int, rules: PlanRules, windows_left: Mapping[Window, int]) -> Estimate:
    """The estimate for running `seconds`. `windows_left` has what is left in each window now."""
    cost = cost_of(machine.price_micros_hour, seconds)
    counted = rules.windows_for(machine.machine_class)
    taken = device_seconds(machine, seconds) if counted else 0
    money = (
        "No charge" if not cost else f"At most {money_words(cost)} at {money_words(machine.price_micros_hour)} an hour"
    )
    parts = [f"{money} for {duration_words(seconds)} on {machine.label}"]
    for window in counted:
        have = windows_left.get(window, window.seconds)
        used = min(taken, have)
        parts.append(
            f"it uses {duration_words(used)} of the {duration_words(have)} of {resource_words(window)} left"
            + (", and ends when that is used up" if taken > have else "")
        )
    return Estimate(cost_micros=cost, allowance_seconds=taken, sentence="; ".join(parts) + ".")


def overage_bytes(rules: PlanRules, stored: int) -> int:
    """Bytes above what the plan includes."""
    return 0 if rules.storage_bytes_team is None else max(0, stored - rules.storage_bytes_team)


def overage_charge(rules: PlanRules, stored: int, hours: int) -> int:
    """The price of storing `stored` bytes for `hours`, for the part above what the plan includes. Rounded down."""
    price = rules.storage_overage_micros_per_gib_month or 0
    return overage_bytes(rules, stored) * price * hours // (GIB * HOURS_PER_MONTH)


def overage_words(rules: PlanRules, stored: int) -> str:
    """The overage as a bill explains it, empty when there is none."""
    over = overage_bytes(rules, stored)
    price = rules.storage_overage_micros_per_gib_month
    if not over or not price or rules.storage_bytes_team is None:
        return ""
    month = overage_charge(rules, stored, HOURS_PER_MONTH)
    return (
        f"{size_words(over)} more than the {size_words(rules.storage_bytes_team)} included, "
        f"at {money_words(price)} per GiB and month: {money_words(month)} a month."
    )
