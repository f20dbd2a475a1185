"""Plans, allowances and what was used."""

from datetime import datetime
from typing import Any

from pydantic import Field

from studium.api.shapes.base import Asked, Shape, Slug
from studium.api.shapes.storage import StorageChargeShape
from studium.lib.units import duration_words, money_words
from studium.plans.models import Plan
from studium.plans.queries import ChargedRun, WindowUse


class PlanShape(Shape):
    """A loaded plan. `rules` are those of the plan file; docs/operators/plans.md explains each key."""

    slug: str
    name: str
    description: str
    price_micros_month: int
    price: str
    loaded_at: datetime
    rules: dict[str, Any]

    @classmethod
    def of(cls, row: Plan) -> "PlanShape":
        price = row.parsed.price_micros_month
        return cls(
            slug=row.slug,
            name=row.name,
            description=row.description,
            price_micros_month=price,
            price=f"{money_words(price)} a month" if price else "free",
            loaded_at=row.loaded_at,
            rules=row.parsed.model_dump(mode="json"),
        )


class PlanSets(Shape):
    """The sets of plans that ship with the platform."""

    shipped: list[str]


class Loading(Asked):
    """Sets to load: shipped ones by name, or the content of a plan file."""

    names: list[Slug] = Field([], max_length=20)
    content: dict[str, Any] | None = None


class Assigning(Asked):
    team: Slug
    plan: Slug


class Assigned(Shape):
    team: str
    plan: str
    since: datetime


class AllowanceShape(Shape):
    """One allowance in its present window, in device seconds. `held` is kept for runs that are live."""

    resource: str
    kind: str
    limit_seconds: int
    used_seconds: int
    held_seconds: int
    left_seconds: int
    starts_at: datetime
    ends_at: datetime
    words: str

    @classmethod
    def of(cls, use: WindowUse) -> "AllowanceShape":
        window = use.window
        return cls(
            resource=window.resource,
            kind=window.kind,
            limit_seconds=window.seconds,
            used_seconds=use.used,
            held_seconds=use.held,
            left_seconds=use.left,
            starts_at=use.start,
            ends_at=use.end,
            words=f"{duration_words(use.left)} of {duration_words(window.seconds)} left",
        )


class UsageLine(Shape):
    """What one run was charged, with the sum explained in words."""

    run: str
    title: str
    user: str
    machine_type: str
    resource: str
    seconds: int
    cost_micros: int
    cost: str
    started_at: datetime
    ended_at: datetime
    words: str

    @classmethod
    def of(cls, line: ChargedRun, title: str, user: str, *, simulated: bool) -> "UsageLine":
        spent = duration_words(line.seconds)
        each = f" ({line.devices} devices)" if line.devices > 1 else ""
        per_hour = f"{spent}{each} on {line.machine_type}{' (simulated)' if simulated else ''}"
        if line.price_micros_hour:
            per_hour += f" at {money_words(line.price_micros_hour)}/h: {money_words(line.cost_micros)}"
        return cls(
            run=line.holder,
            title=title,
            user=user,
            machine_type=line.machine_type,
            resource=line.resource,
            seconds=line.seconds,
            cost_micros=line.cost_micros,
            cost=money_words(line.cost_micros),
            started_at=line.started_at,
            ended_at=line.ended_at,
            words=per_hour,
        )


class UsageShape(Shape):
    """A team's plan, allowances and charges of the last `days` days, newest first.

    `storage` is for what lay beyond the plan, by month; `cost_micros` has both.
    """

    team: str
    plan: str
    plan_name: str
    days: int
    allowances: list[AllowanceShape]
    seconds_by_resource: dict[str, int]
    cost_micros: int
    cost: str
    lines: list[UsageLine]
    more_lines: int
    storage: list[StorageChargeShape]


class EventShape(Shape):
    """Something that happened, for operators."""

    id: int
    at: datetime
    kind: str
    actor: str
    subject_kind: str
    subject_id: str
    data: dict[str, Any]
