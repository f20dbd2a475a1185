"""Options of a run of all cells, as people write them."""

from django.http import QueryDict

from studium.errors import BadInput
from studium.lib.units import parse_duration
from studium.notebooks.states import RunOptions


def seconds_of(text: str) -> int | None:
    """The longest time for one cell, None where nothing is written. Raises BadInput."""
    if not text.strip():
        return None
    try:
        return parse_duration(text)
    except ValueError:
        raise BadInput(
            "run.cell_timeout",
            f"{text[:40]!r} is not a length of time.",
            "Write it as 90s, 10min or 2h, or leave it empty.",
        ) from None


def options_of(sent: QueryDict) -> RunOptions:
    """The options in a form that has `parts/run_options.html`. Raises BadInput."""
    return RunOptions(cell_seconds=seconds_of(sent.get("cell_timeout", "")), keep_going=bool(sent.get("keep_going")))
