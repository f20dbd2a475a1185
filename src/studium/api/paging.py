"""Pages of a listing by cursor: opaque, stable while rows come and go, and never an offset into a growing table."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Query

from studium.errors import BadInput

M = TypeVar("M", bound=Model)
Limit = Annotated[int, Query(50, ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[str, Query("", max_length=200, description="`next_cursor` of the page before.")]


def page(
    rows: QuerySet[M], cursor: str, limit: int, field: str, value: Callable[[M], datetime | int]
) -> tuple[list[M], str]:
    """The items after `cursor`, newest first by `field` then key, and the cursor of what follows ("" at the end)."""
    ordered = rows.order_by(f"-{field}", "-pk")
    if cursor:
        last, key = _read(cursor)
        ordered = ordered.filter(Q(**{f"{field}__lt": last}) | Q(**{field: last, "pk__lt": key}))
    found = list(ordered[: limit + 1])
    if len(found) <= limit:
        return found, ""
    end = found[limit - 1]
    return found[:limit], _write(value(end), end.pk)


def _write(value: datetime | int, key: Any) -> str:
    said = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([said, key]).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime | int, Any]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(key, str | int) and isinstance(value, int | str):
            return (datetime.fromisoformat(value) if isinstance(value, str) else value), key
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise BadInput("input.cursor", "This cursor is not one of ours.", "Start from the first page, without a cursor.")
