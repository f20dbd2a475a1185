"""How a team's storage stands to its plan, and what more of it would cost."""

from dataclasses import dataclass

from studium.accounts.models import Team
from studium.errors import Refused
from studium.lib.units import money_words, size_words
from studium.notebooks.stored.measuring import Kind, counted, parts
from studium.plans.checks import check_team_storage
from studium.plans.estimates import HOURS_PER_MONTH, overage_bytes, overage_charge
from studium.plans.models import OverageCap
from studium.plans.queries import cap_of, team_plan
from studium.plans.rules import TeamPlan, storage_room


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a team stores and how that stands to its plan. Sizes are bytes; `included` and `room` are None without a limit.

    `room` is the most it may store; `price` is for a GiB and month beyond what is included, None where that is not sold.
    """

    plan: TeamPlan
    parts: list[tuple[Kind, int]]
    cap: OverageCap | None

    @property
    def counted(self) -> int:
        return sum(size for kind, size in self.parts if kind.counts)

    @property
    def included(self) -> int | None:
        return self.plan.rules.storage_bytes_team

    @property
    def room(self) -> int | None:
        return storage_room(self.plan)

    @property
    def price(self) -> int | None:
        return self.plan.rules.storage_overage_micros_per_gib_month if self.included is not None else None

    @property
    def over(self) -> int:
        return overage_bytes(self.plan.rules, self.counted)

    @property
    def charged(self) -> int:
        """Bytes beyond what is included that are charged: as far as an owner agreed."""
        return min(self.over, self.plan.agreed_bytes)

    @property
    def month_micros(self) -> int:
        """What a month costs if it stays so."""
        return overage_charge(self.plan.rules, (self.included or 0) + self.charged, HOURS_PER_MONTH)


def stored_of(team: Team) -> Stored:
    """The team's storage at this moment."""
    return _stored(team, team_plan(team))


def _stored(team: Team, plan: TeamPlan) -> Stored:
    sold = plan.rules.storage_overage_micros_per_gib_month is not None
    return Stored(plan=plan, parts=parts(team), cap=cap_of(team) if sold else None)


@dataclass(frozen=True, kw_only=True)
class More:
    """What storing so many more bytes would come to: what they cost a month, in words, or why they are refused."""

    adding: int
    stored: int
    over: int
    micros_month: int
    refusal: Refused | None
    words: str


def more(team: Team, adding: int) -> More:
    """What storing `adding` more bytes would cost a month, before anything is sent; no words where it costs nothing."""
    plan, stored = team_plan(team), counted(team)
    before = overage_charge(plan.rules, stored, HOURS_PER_MONTH)
    over, refusal, micros, words = overage_bytes(plan.rules, stored + adding), None, 0, ""
    try:
        micros = check_team_storage(plan, stored, adding)
    except Refused as error:
        refusal, words = error, f"{error.message} {error.next_step}"
    price, extra = plan.rules.storage_overage_micros_per_gib_month, max(0, micros - before)
    if extra and price:
        words = (
            f"{size_words(adding)} more make {size_words(over)} beyond the {size_words(plan.rules.storage_bytes_team or 0)} of "
            f"{plan.name}: {money_words(extra)} a month more, at {money_words(price)} per GiB and month."
        )
    return More(adding=adding, stored=stored, over=over, micros_month=extra, refusal=refusal, words=words)


def room_of_team(team: Team) -> str:
    """`room_words` of the team; nothing is measured where its plan sets no limit."""
    plan = team_plan(team)
    return room_words(_stored(team, plan)) if storage_room(plan) is not None else ""


def room_words(stored: Stored) -> str:
    """How much is left and what more would cost, for where something is about to be stored; empty without a limit."""
    included, room, price = stored.included, stored.room, stored.price
    if included is None or room is None:
        return ""
    left = (
        f"{size_words(max(0, included - stored.counted))} of the {size_words(included)} of {stored.plan.name} are left."
    )
    if price is None:
        return left
    at = f"{money_words(price)} per GiB and month"
    if room == included:
        return (
            f"{left} More would cost {at}; nothing is charged or stored beyond until an owner of the team agrees to it."
        )
    beyond = room - included
    return f"{left} Up to {size_words(beyond)} more cost {at}, by the hour; now that is {money_words(stored.month_micros)} a month."
