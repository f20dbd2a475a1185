"""What a run used over its life as small charts: a stepped curve for each figure, with mean and peak in words beside it."""

from dataclasses import dataclass

from studium.compute.engines.base import EngineError
from studium.compute.models import Run
from studium.compute.queries import is_simulated
from studium.compute.series import UseLine, UseSeries, use_series
from studium.compute.states import State
from studium.errors import StudiumError
from studium.lib.units import duration_words, size_words

WIDTH, HEIGHT = 360, 40
# Fewer steps than that are no curve.
FEWEST = 3
_MOST_DRAWN = 180
_LABELS = {"cpu_cores": "CPU", "memory_bytes": "Memory", "disk_bytes": "Workspace"}


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One curve. `line` and `area` are SVG paths, empty where nothing was told; `told` says all of it in a sentence."""

    label: str
    words: str
    told: str
    line: str = ""
    area: str = ""


@dataclass(frozen=True, kw_only=True)
class Charts:
    """The curves of a run, `span` long; without any `empty` says why."""

    charts: list[Chart]
    span: str = ""
    empty: str = ""


def use_charts(run: Run) -> Charts | None:
    """The charts of a run that has begun to run; None before that."""
    if run.running_at is None:
        return None
    try:
        found = use_series(run)
    except (OSError, EngineError, StudiumError):
        return Charts(charts=[], empty="What it used cannot be read at this moment. Load the page again.")
    if found is None or found.points < FEWEST:
        live = run.state != State.ENDED
        soon = "Curves appear here within seconds." if live else "It ran too short a time for curves."
        return Charts(charts=[], empty=soon)
    simulated = is_simulated(run)
    span = duration_words(found.seconds)
    return Charts(charts=[c for line in found.lines for c in _chart(run, line, found, simulated)], span=span)


def _chart(run: Run, line: UseLine, found: UseSeries, simulated: bool) -> list[Chart]:
    label = _LABELS.get(line.what) or f"{line.device} {'busy' if line.what == 'utilisation' else 'memory'}"
    if line.peak is None or line.mean is None:
        if line.what == "memory_used_bytes":
            return []  # said once a device
        words = "simulated, computes on the CPU" if simulated else "the device tells no figures"
        return [Chart(label=line.device if line.device else label, words=words, told=f"{label}: {words}")]
    most = _most(run, line)
    words = f"mean {_figure(line, line.mean)}, peak {_figure(line, line.peak)}"
    of = f" of {_figure(line, most)}" if most and line.what != "utilisation" else ""
    line_path, area = _paths(line, most)
    return [
        Chart(
            label=label,
            words=words + of,
            told=f"{label} over {duration_words(found.seconds)}: {words}{of}",
            line=line_path,
            area=area,
        )
    ]


def _most(run: Run, line: UseLine) -> float:
    kind = run.machine_type
    disk = (run.usage or {}).get("disk_total_bytes") or 0
    return {
        "cpu_cores": kind.vcpu,
        "memory_bytes": kind.memory_bytes,
        "disk_bytes": disk,
        "utilisation": 1,
        "memory_used_bytes": kind.accelerator_memory_bytes,
    }[line.what]


def _figure(line: UseLine, value: float) -> str:
    if line.what == "cpu_cores":
        return f"{value:.1f}".removesuffix(".0")
    return f"{100 * value:.0f} %" if line.what == "utilisation" else size_words(value)


def _paths(line: UseLine, most: float) -> tuple[str, str]:
    """The stepped curve and the area below it. The top is the limit where the curve comes near it, else its own peak."""
    peak = line.peak or 0
    top = most if most and peak >= most / 2 else peak * 1.15
    drawn = _fewer(line.values)
    wide = WIDTH / len(drawn)
    line_path, area, open_at = [], [], False
    for place, value in enumerate(drawn):
        if value is None:
            if open_at:
                area.append(f"V{HEIGHT}Z")
            open_at = False
            continue
        x, end = f"{place * wide:.1f}", f"{(place + 1) * wide:.1f}"
        y = f"{HEIGHT - 1 - (HEIGHT - 3) * min(1.0, value / top):.1f}" if top else f"{HEIGHT - 1}"
        line_path.append(f"{'V' if open_at else f'M{x} '}{y}H{end}")
        area.append(f"{f'V{y}' if open_at else f'M{x} {HEIGHT}V{y}'}H{end}")
        open_at = True
    if open_at:
        area.append(f"V{HEIGHT}Z")
    return "".join(line_path), "".join(area)


def _fewer(values: list[float | None]) -> list[float | None]:
    """At most as many as are worth drawing: the largest of each few."""
    each = -(-len(values) // _MOST_DRAWN)
    parts = [values[n : n + each] for n in range(0, len(values), each)]
    return [max((v for v in part if v is not None), default=None) for part in parts]
