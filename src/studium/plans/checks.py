"""What a plan refuses: one function per rule. Each returns quietly or raises with the rule, the figures and what to do.

`Refused` when the plan never allows it, `NotYet` when waiting helps. Amounts used so far are counted by the caller.
"""

from datetime import datetime

from studium.errors import BadInput, NotYet, Refused
from studium.lib.units import duration_words, money_words, size_words
from studium.plans.estimates import HOURS_PER_MONTH, overage_charge
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.rules import PlanRules, PlanSpec, Visibility, storage_room
from studium.plans.windows import reset_words, resource_words

_SWITCH = "Switch the team to another plan"
_VISIBILITIES: tuple[Visibility, ...] = ("private", "team", "public")
SHORTEST_SESSION = 60


def check_machine(plan: PlanSpec, machine: MachineTypeSpec) -> None:
    """May this plan use this machine type at all?"""
    if plan.rules.allows_machine(machine.slug):
        return
    allowed = list(plan.rules.machine_types)
    shown = ", ".join(allowed[:8]) + (" and more" if len(allowed) > 8 else "")
    raise Refused(
        "plan.machine_not_allowed",
        f"The plan {plan.name} does not include {machine.label}; it has {shown or 'no machines'}.",
        f"Choose one of those, or: {_SWITCH.lower()}.",
        {"plan": plan.slug, "machine": machine.slug, "allowed": allowed},
    )


def check_session(
    plan: PlanSpec, machine: MachineTypeSpec, asked: int | None, left: int | None, *, now: datetime | None = None
) -> int:
    """The seconds a session may last: what was asked for, or the plan's limit. `left` is the allowance or None.

    A session may be longer than what is left: it ends when that is used up. With nothing left it does not start.
    """
    longest = plan.rules.session_seconds.limit_for(machine)
    if asked is not None and asked < SHORTEST_SESSION:
        raise BadInput(
            "plan.session_too_short",
            f"A session lasts at least {duration_words(SHORTEST_SESSION)}, not {duration_words(asked)}.",
            "Ask for more time.",
            {"asked": asked, "least": SHORTEST_SESSION},
        )
    if asked is not None and asked > longest:
        raise Refused(
            "plan.session_length",
            f"{plan.name} gives at most {duration_words(longest)} on {machine.label}, not {duration_words(asked)}.",
            f"Ask for {duration_words(longest)} or less.",
            {"plan": plan.slug, "asked": asked, "limit": longest},
        )
    if left is not None:
        check_allowance(plan, machine, left, now=now)
    return longest if asked is None else asked


def check_allowance(plan: PlanSpec, machine: MachineTypeSpec, left: int, *, now: datetime | None = None) -> None:
    """Is there enough of the allowance left to be worth starting? `left` counts device seconds."""
    devices = max(1, machine.accelerator_count)
    if left >= SHORTEST_SESSION * devices:
        return
    windows = plan.rules.windows_for(machine.machine_class)
    name = resource_words(windows[0]) if windows else "time"
    when = f" It {reset_words(windows[0], (), now)}." if windows and now is not None else ""
    total = min((window.seconds for window in windows), default=0)
    raise NotYet(
        "plan.allowance_used",
        f"{duration_words(left)} of the {duration_words(total)} of {name} are left, too little to start.{when}",
        "Wait until it comes back, or choose a machine that does not count against it.",
        {"plan": plan.slug, "left": left, "total": total, "machine": machine.slug},
    )


def check_queue(plan: PlanSpec, queued: int) -> None:
    """May the team queue one more run?"""
    limit = plan.rules.queued_runs
    if limit is not None and queued >= limit:
        raise NotYet(
            "plan.queued_runs",
            f"{queued} runs wait in the queue and {plan.name} allows {limit}.",
            "Wait until one starts, or cancel one.",
            {"plan": plan.slug, "limit": limit, "have": queued},
        )


def check_visibility(plan: PlanSpec, wanted: str) -> None:
    """May things of this team be this visible?"""
    allowed = [v for v in _VISIBILITIES if v in plan.rules.visibilities]
    if wanted in allowed:
        return
    if wanted not in _VISIBILITIES:
        raise BadInput(
            "plan.visibility_unknown",
            f"There is no visibility {wanted!r}.",
            f"Choose {' or '.join(allowed)}.",
            {"allowed": allowed},
        )
    raise Refused(
        "plan.visibility",
        f"{plan.name} allows {' and '.join(allowed)} work only, not {wanted}.",
        f"Make it {' or '.join(allowed)}, or: {_SWITCH.lower()}.",
        {"plan": plan.slug, "wanted": wanted, "allowed": allowed},
    )


def default_visibility(plan: PlanSpec) -> Visibility:
    """What new things are if nobody says: the most private that the plan allows."""
    return next(v for v in _VISIBILITIES if v in plan.rules.visibilities)


def check_internet(plan: PlanSpec) -> None:
    """May sessions reach the network?"""
    if not plan.rules.internet:
        raise Refused(
            "plan.internet",
            f"{plan.name} has no network access.",
            f"Turn the network off, or: {_SWITCH.lower()}.",
            {"plan": plan.slug},
        )


def check_team_storage(plan: PlanSpec, used: int, adding: int) -> int:
    """May the team store `adding` more bytes? Returns what it will cost a month beyond what is included, in micros."""
    included, room = plan.rules.storage_bytes_team, storage_room(plan)
    if included is None or room is None or used + adding <= included:
        return 0
    if used + adding <= room:
        return overage_charge(plan.rules, used + adding, HOURS_PER_MONTH)
    agreed, price = room - included, plan.rules.storage_overage_micros_per_gib_month
    beyond = f" and its owners agreed to {size_words(agreed)} more" if agreed else ""
    after = "set a higher cap" if agreed else f"agree to pay {money_words(price or 0)} per GiB and month for more"
    raise Refused(
        "plan.storage_cap" if agreed else "plan.storage_team",
        f"{plan.name} gives {size_words(included)} for the team's storage{beyond}; "
        f"{size_words(used)} are used" + (f" and {size_words(adding)} more do not fit." if adding else "."),
        "Clean up on the team's storage page, or "
        + (f"have an owner {after} there." if price is not None else f"{_SWITCH[0].lower()}{_SWITCH[1:]}."),
        {"plan": plan.slug, "limit": room, "included": included, "agreed": agreed, "used": used, "adding": adding},
    )


def check_spend(plan: PlanSpec, spent_micros: int, adding_micros: int) -> None:
    """May the team spend this much more this month?"""
    limit = plan.rules.overdraft.spend_micros_month
    if limit is not None and adding_micros > 0 and spent_micros + adding_micros > limit:
        figures = f"{money_words(spent_micros)} are spent and this takes up to {money_words(adding_micros)}"
        raise NotYet(
            "plan.spend_limit",
            f"The team's limit is {money_words(limit)} a month; {figures}.",
            "Ask for less time, use a machine at no charge, or wait for the next month.",
            {"plan": plan.slug, "limit": limit, "spent": spent_micros, "adding": adding_micros},
        )


def session_ends_after(rules: PlanRules, allowance_left: int | None, devices: int) -> int | None:
    """Seconds until a running session must stop because its allowance is gone, with the plan's grace to save."""
    if allowance_left is None:
        return None
    return max(0, allowance_left) // max(1, devices) + rules.overdraft.grace_seconds
