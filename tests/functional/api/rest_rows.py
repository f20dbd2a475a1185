"""A route and what every sort of caller gets of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rest_world import World

from studium.accounts.states import Scope

PEOPLE = ("stranger", "reader", "teammate", "owner")
ALL, READERS, CHANGERS, ADMINS = (200,) * 4, (404, 200, 200, 200), (404, 403, 200, 200), (404, 403, 403, 200)
Parts = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One route: the scope it needs, and the status for stranger, reader, teammate and owner.

    `make` gives what fills the path, `query` and `body` what goes with it; all are made anew for every caller.
    """

    scope: Scope
    statuses: tuple[int, int, int, int]
    make: Callable[[World], Parts] = lambda world: {}
    body: Any = None
    query: str = ""
    more: Parts = field(default_factory=dict)
