"""What happened."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Event:
    id: int
    at: datetime
    kind: str
    actor: str
    subject_kind: str
    subject_id: str
    data: dict[str, Any]
