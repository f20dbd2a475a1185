"""Pages of a listing by position, not by number: the next page begins after the last row seen, however the table grows."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from studium.errors import BadInput

M = TypeVar("M", bound=Model)
PER_PAGE = 40


@dataclass(frozen=True)
class Page(Generic[M]):
    """The rows of a page; `more` is the query string of the next one, empty on the last; `first` whether it is the first."""

    rows: list[M]
    more: str
    first: bool


def page(request: HttpRequest, rows: QuerySet[M], field: str, *, size: int = PER_PAGE) -> Page[M]:
    """One page of `rows`, newest first by `field` and key. Other parameters of the address are kept. Raises BadInput."""
    after = request.GET.get("after", "")
    ordered = rows.order_by(f"-{field}", "-pk")
    if after:
        value, key = _read(after)
        ordered = ordered.filter(Q(**{f"{field}__lt": value}) | Q(**{field: value, "pk__lt": key}))
    found = list(ordered[: size + 1])
    if len(found) <= size:
        return Page(found, "", not after)
    last = found[size - 1]
    query = request.GET.copy()
    query["after"] = _write(getattr(last, field), last.pk)
    return Page(found[:size], query.urlencode(), not after)


def _write(value: Any, key: Any) -> str:
    said = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([said, key]).encode()).decode().rstrip("=")


def _read(after: str) -> tuple[Any, Any]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        if isinstance(value, str | int) and isinstance(key, str | int):
            return (datetime.fromisoformat(value) if isinstance(value, str) else value), key
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise BadInput("page.position", "This address does not lead to a page of the list.", "Start from the first page.")
