"""What a waiting run waits for, in words: the same on pages, in REST and in the terminal. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studium.lib.units import duration_words

_HEADROOM = "headroom:"
_BUCKETS = {
    "notebooks": "as many notebooks are running as the plan allows at once",
    "runs": "as many runs are going on as the plan allows at once",
    "gpu": "the team's GPU allowance is used up or held by its running sessions",
    "tpu": "the team's TPU allowance is used up or held by its running sessions",
    "cpu": "the team's CPU allowance is used up or held by its running sessions",
}


@dataclass(frozen=True, kw_only=True)
class Waited:
    """A wait as placement noted it on the run. `place` is None before the first pass has looked at the run."""

    place: int | None
    expected_at: datetime | None
    at_most_at: datetime | None
    reason: str
    waits_for: str


def read_wait(noted: dict[str, Any]) -> Waited:
    """`Run.wait` as a value."""

    def instant(name: str) -> datetime | None:
        said = noted.get(name)
        return datetime.fromisoformat(said) if said else None

    return Waited(
        place=noted.get("place"),
        expected_at=instant("expected_at"),
        at_most_at=instant("at_most_at"),
        reason=noted.get("reason") or "",
        waits_for=noted.get("waits_for") or "",
    )


def wait_words(wait: Waited, *, now: datetime) -> str:
    """One sentence: `Place 2 for P100: about 12 min, at most 2 h 00 min.`"""
    if wait.reason == "impossible":
        return "No machine here is large enough for this type; an administrator can add one."
    if wait.place is None:
        return "In the queue; the place is known in a moment."
    line = f"Place {wait.place}"
    if wait.reason.startswith(_HEADROOM):
        line += f": {_BUCKETS.get(wait.reason.rsplit(':', 1)[-1], 'the plan allows no more at once')}"
    elif wait.waits_for:
        line += f" for {wait.waits_for}"
    return f"{line}: {start_words(wait, now=now)}."


def start_words(wait: Waited, *, now: datetime) -> str:
    """When it is expected to start: `about 12 min, at most 2 h 00 min`."""
    expected, most = _ahead(wait.expected_at, now), _ahead(wait.at_most_at, now)
    if expected is None and most is None:
        return "the start cannot be foreseen"
    said = [] if expected is None else ["about now" if expected < 30 else f"about {duration_words(expected)}"]
    if most is not None and most > (expected or 0) + 60:
        said.append(f"at most {duration_words(most)}")
    return ", ".join(said)


def _ahead(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (at - now).total_seconds())
