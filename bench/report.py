"""How every bench says a figure: one JSON object a line on standard output, always with the same keys."""

import json
import os
import platform
import sys
from typing import Any


def figure(
    bench: str,
    figure: str,
    value: float,
    unit: str,
    *,
    peer: str | None = None,
    peer_value: float | None = None,
    ratio: float | None = None,
    goal: str | None = None,
    ok: bool | None = None,
    conditions: str = "",
) -> None:
    """Print one figure. What does not apply stays None and is printed as null.

    `ratio` is value / peer_value unless said otherwise; `goal` is in words (`"< 100"`, `"<= 0.5 x"`) and `ok` whether it
    was met. What the machine is, and how busy it has been in the last minute, goes with the conditions.
    """
    if ratio is None and peer_value:
        ratio = value / peer_value
    machine = (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )
    line: dict[str, Any] = {
        "bench": bench,
        "figure": figure,
        "value": _short(value),
        "unit": unit,
        "peer": peer,
        "peer_value": _short(peer_value),
        "ratio": _short(ratio),
        "goal": goal,
        "ok": ok,
        "conditions": f"{conditions}; {machine}" if conditions else machine,
    }
    print(json.dumps(line, ensure_ascii=False))
    sys.stdout.flush()


def _short(number: float | None) -> float | None:
    """Four significant digits; whole numbers stay whole."""
    if number is None or number == int(number):
        return number
    return float(f"{number:.4g}")
