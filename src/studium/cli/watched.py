"""What is seen of a run over its life: lines of its log that hold a text, and what it used as a table with small curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from studium.cli import output
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import LogHit, UseLine, UseOverTime

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24
_NAMES = {
    "cpu_cores": "CPU",
    "memory_bytes": "memory",
    "disk_bytes": "workspace",
    "utilisation": "busy",
    "memory_used_bytes": "memory",
}


def search(client: Client, run_id: str, text: str, *, context: int, as_json: bool) -> None:
    """Print every line that has the text, with its number and the lines around it, as searching a file would."""
    hits: list[LogHit] = []
    while True:
        found = client.runs.search_log(run_id, text, after=hits[-1].line if hits else 0, limit=200, context=context)
        hits += found.hits
        if not found.more or not found.hits:
            break
    if as_json:
        output.show_json({"run": run_id, "hits": hits})
        return
    if not hits:
        output.note(f"Nothing that run {run_id} printed has {text!r}.")
    _show(hits)


def _show(hits: list[LogHit]) -> None:
    """Lines once each, though the lines around two hits may be the same."""
    lines: dict[int, tuple[str, str]] = {}
    for hit in hits:
        around = [*range(hit.line - len(hit.before), hit.line), *range(hit.line + 1, hit.line + 1 + len(hit.after))]
        for number, text in zip(around, [*hit.before, *hit.after], strict=True):
            lines.setdefault(number, ("-", text))
        lines[hit.line] = (":", hit.text)
    last = 0
    for number in sorted(lines):
        if last and number > last + 1:
            typer.echo("--")
        mark, text = lines[number]
        typer.echo(f"{number}{mark} {output.printable(text)}")
        last = number


def show_use(found: UseOverTime) -> None:
    """Mean, peak and curve of each figure."""
    rows = [
        (_name(line, found), _figure(line, line.mean), _figure(line, line.peak), _curve(line)) for line in found.lines
    ]
    empty = "Nothing is known yet: a run is looked at every two seconds while it runs."
    output.table(["what", ">mean", ">peak", "over time"], rows, empty)
    if found.lines:
        seconds = found.step_seconds * len(found.lines[0].values)
        output.note(f"Over {duration_words(seconds)}.")


def _name(line: UseLine, found: UseOverTime) -> str:
    if not line.device:
        return _NAMES[line.what]
    simulated = " (simulated, uses the CPU)" if found.simulated else ""
    return f"{line.device} {_NAMES[line.what]}{simulated}"


def _figure(line: UseLine, value: float | None) -> str:
    if value is None:
        return "not told"
    if line.what == "cpu_cores":
        return f"{value:.2f} cores"
    return f"{100 * value:.0f} %" if line.what == "utilisation" else size_words(value)


def _curve(line: UseLine) -> str:
    """The figure over time, from nothing to its peak."""
    if not line.peak:
        return ""
    parts = [
        line.values[n * len(line.values) // _WIDTH : -(-(n + 1) * len(line.values) // _WIDTH)] for n in range(_WIDTH)
    ]
    tops = [max((v for v in part if v is not None), default=None) for part in parts]
    return "".join(
        " " if top is None else _BARS[min(len(_BARS) - 1, int(len(_BARS) * top / line.peak))] for top in tops
    )
