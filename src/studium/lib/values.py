"""Values of tables as people read them."""

from typing import Any


def value_words(value: Any) -> str:
    """A value of a cell or of what is told of a column."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return str(value)[:500]


def cell_words(value: Any) -> str:
    """A value of a row as the file has it: an id or a time in seconds is no amount, so its digits stand together."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return value_words(value)
