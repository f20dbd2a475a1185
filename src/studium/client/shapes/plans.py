"""Plans, allowances and the account of what was used."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studium.client.shapes.storage import StorageCharge


@dataclass(frozen=True, kw_only=True)
class Plan:
    slug: str
    name: str
    description: str
    price_micros_month: int
    price: str
    loaded_at: datetime
    rules: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PlanSets:
    shipped: list[str]


@dataclass(frozen=True, kw_only=True)
class Assigned:
    team: str
    plan: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Allowance:
    resource: str
    kind: str
    limit_seconds: int
    used_seconds: int
    held_seconds: int
    left_seconds: int
    starts_at: datetime
    ends_at: datetime
    words: str


@dataclass(frozen=True, kw_only=True)
class UsageLine:
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


@dataclass(frozen=True, kw_only=True)
class Usage:
    team: str
    plan: str
    plan_name: str
    days: int
    allowances: list[Allowance]
    seconds_by_resource: dict[str, int]
    cost_micros: int
    cost: str
    lines: list[UsageLine]
    more_lines: int
    storage: list[StorageCharge]
