"""The one place where the platform reads the time. Take `now` once at the top of a request or pass and hand it down."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, timezone-aware, in UTC."""
    return datetime.now(UTC)
