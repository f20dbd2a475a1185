"""What a team stores, what goes with a clean-up, and what more of it would cost."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    id: str
    kind: str
    title: str
    url: str
    bytes: int
    used_at: datetime | None
    kept: str


@dataclass(frozen=True, kw_only=True)
class StoragePart:
    kind: str
    title: str
    words: str
    how: str
    counts: bool
    bytes: int
    items: list[StoredItem]


@dataclass(frozen=True, kw_only=True)
class Storage:
    team: str
    plan: str
    plan_name: str
    bytes: int
    included_bytes: int | None
    room_bytes: int | None
    over_bytes: int
    charged_bytes: int
    price_micros_month: int | None
    cost_micros_month: int
    cost: str
    cap_bytes: int | None
    cap_micros_month: int | None
    agreed_by: str
    agreed_at: datetime | None
    parts: list[StoragePart]


@dataclass(frozen=True, kw_only=True)
class StorageEstimate:
    bytes: int
    stored_bytes: int
    over_bytes: int
    cost_micros_month: int
    cost: str
    allowed: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    dry_run: bool
    freed_bytes: int
    counted_bytes: int
    exact: bool
    items: list[StoredItem]
    kept: list[StoredItem]
    gone: int


@dataclass(frozen=True, kw_only=True)
class StorageCharge:
    month: datetime
    hours: int
    late_hours: int
    mean_bytes: int
    included_bytes: int
    price_micros_month: int
    cost_micros: int
    cost: str
    words: str
