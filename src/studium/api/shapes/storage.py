"""What a team stores, what goes with a clean-up, and what more of it would cost."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from studium.api import addresses
from studium.api.shapes.base import Asked, Shape
from studium.lib.units import money_words, size_words
from studium.notebooks.stored.cleaning import CLEANERS, MOST_ITEMS, Choice
from studium.notebooks.stored.items import Item
from studium.notebooks.stored.measuring import Kind
from studium.notebooks.stored.queries import More, Stored
from studium.plans.queries import StorageCharge


class StoredItemShape(Shape):
    """One thing that takes room. `id` names it in a clean-up; `kept` says why you cannot clean it up, empty where you can.

    `bytes` of a dataset's version is what it added when it was made.
    """

    id: str
    kind: str
    title: str
    url: str
    bytes: int
    used_at: datetime | None
    kept: str

    @classmethod
    def of(cls, item: Item) -> "StoredItemShape":
        return cls(
            id=item.id,
            kind=item.kind,
            title=item.title,
            url=addresses.below(item.page) if item.page else "",
            bytes=item.bytes,
            used_at=item.used_at,
            kept=item.kept,
        )


class StoragePartShape(Shape):
    """A kind of what a team stores: `counts` says whether it counts against the plan, `how` what a clean-up takes away."""

    kind: str
    title: str
    words: str
    how: str
    counts: bool
    bytes: int
    items: list[StoredItemShape]

    @classmethod
    def of(cls, kind: Kind, size: int, items: Iterable[Item]) -> "StoragePartShape":
        return cls(
            kind=kind.slug,
            title=kind.title,
            words=kind.words,
            how=CLEANERS[kind.slug].how if kind.slug in CLEANERS else "",
            counts=kind.counts,
            bytes=size,
            items=[StoredItemShape.of(item) for item in items],
        )


class StorageShape(Shape):
    """What a team stores that counts, against its plan. `room_bytes` is the most it may; None: no limit.

    `price_micros_month` is for a GiB beyond what is included; it is charged only as far as an owner agreed to, `charged_bytes`.
    """

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
    parts: list[StoragePartShape]

    @classmethod
    def of(cls, team: str, stored: Stored, parts: list[StoragePartShape]) -> "StorageShape":
        cap = stored.cap
        return cls(
            team=team,
            plan=stored.plan.slug,
            plan_name=stored.plan.name,
            bytes=stored.counted,
            included_bytes=stored.included,
            room_bytes=stored.room,
            over_bytes=stored.over,
            charged_bytes=stored.charged,
            price_micros_month=stored.price,
            cost_micros_month=stored.month_micros,
            cost=money_words(stored.month_micros),
            cap_bytes=cap.cap_bytes if cap else None,
            cap_micros_month=cap.cap_micros_month if cap else None,
            agreed_by=cap.agreed_by.username if cap and cap.agreed_by else "",
            agreed_at=cap.agreed_at if cap else None,
            parts=parts,
        )


class StorageEstimateShape(Shape):
    """What `bytes` more would come to: `cost_micros_month` more a month, or not `allowed`, for the reason in `words`."""

    bytes: int
    stored_bytes: int
    over_bytes: int
    cost_micros_month: int
    cost: str
    allowed: bool
    words: str

    @classmethod
    def of(cls, found: More) -> "StorageEstimateShape":
        return cls(
            bytes=found.adding,
            stored_bytes=found.stored,
            over_bytes=found.over,
            cost_micros_month=found.micros_month,
            cost=money_words(found.micros_month),
            allowed=found.refusal is None,
            words=found.words,
        )


class CleanUp(Asked):
    """What to clean up, by ids as they are listed. A dry run changes nothing and says what would go.

    With `snapshots` one of each workspace is taken first, which takes room; where that fails the workspace stays.
    """

    items: list[Annotated[str, Field(max_length=100)]] = Field(max_length=MOST_ITEMS)
    dry_run: bool = False
    snapshots: bool = False


class CleanedShape(Shape):
    """What went, or would go: `items`; `kept` stays for the reason it has, `gone` were gone already.

    `counted_bytes` of the `freed_bytes` count against the plan. Not `exact`, it is at most so much.
    """

    dry_run: bool
    freed_bytes: int
    counted_bytes: int
    exact: bool
    items: list[StoredItemShape]
    kept: list[StoredItemShape]
    gone: int

    @classmethod
    def of(cls, choice: Choice, *, dry_run: bool) -> "CleanedShape":
        return cls(
            dry_run=dry_run,
            freed_bytes=choice.bytes,
            counted_bytes=choice.counted,
            exact=choice.exact,
            items=[StoredItemShape.of(item) for item in choice.going],
            kept=[StoredItemShape.of(item) for item in choice.staying],
            gone=choice.gone,
        )


class CapAsked(Asked):
    """How much beyond the plan an owner agrees to pay for: bytes, money a month, or the smaller of both; neither: none."""

    bytes: int | None = Field(None, ge=0, le=2**60)
    micros_month: int | None = Field(None, ge=0, le=2**60)


class StorageChargeShape(Shape):
    """What storage beyond the plan cost in one month, with the sum explained in words."""

    month: datetime
    hours: int
    late_hours: int
    mean_bytes: int
    included_bytes: int
    price_micros_month: int
    cost_micros: int
    cost: str
    words: str

    @classmethod
    def of(cls, line: StorageCharge) -> "StorageChargeShape":
        return cls(
            month=line.month,
            hours=line.hours,
            late_hours=line.late_hours,
            mean_bytes=line.mean_bytes,
            included_bytes=line.included_bytes,
            price_micros_month=line.price_micros,
            cost_micros=line.cost_micros,
            cost=money_words(line.cost_micros),
            words=charge_words(line),
        )


def charge_words(line: StorageCharge) -> str:
    """The line as a bill explains it."""
    late = f"; {line.late_hours} of them were not measured and cost what was measured before" if line.late_hours else ""
    hours = f"{line.hours:,} hour{'' if line.hours == 1 else 's'}"
    return (
        f"{size_words(line.mean_bytes)} on average beyond the {size_words(line.included_bytes)} included, for {hours} "
        f"at {money_words(line.price_micros)} per GiB and month: {money_words(line.cost_micros)}{late}."
    )
