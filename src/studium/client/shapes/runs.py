"""Runs, what they use and say, and what one would cost."""

from dataclasses import dataclass
from datetime import datetime

from studium.client.shapes.machines import Waited


@dataclass(frozen=True, kw_only=True)
class CellError:
    cell: int | None
    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    cell: int
    cells: int
    code_cell: int
    code_cells: int
    elapsed_seconds: float
    failed_cells: int
    error: CellError | None


@dataclass(frozen=True, kw_only=True)
class AcceleratorUse:
    id: str
    utilisation: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Use:
    cpu_seconds: float
    cpu_cores: float
    memory_bytes: int
    memory_peak_bytes: int
    disk_bytes: int
    disk_total_bytes: int
    accelerators: list[AcceleratorUse]


@dataclass(frozen=True, kw_only=True)
class Run:
    id: str
    title: str
    team: str
    user: str
    notebook: str
    notebook_name: str
    kind: str | None
    machine_type: str
    machine_label: str
    simulated: bool
    machine: str
    state: str
    reason: str | None
    outcome: str | None
    words: str
    advice: str
    exit_code: int | None
    submitted_at: datetime
    starting_at: datetime | None
    running_at: datetime | None
    ended_at: datetime | None
    running_seconds: int
    wait: Waited | None
    progress: Progress | None
    usage: Use | None
    max_seconds: int
    cell_seconds: int | None
    keep_going: bool
    time_ends_at: datetime | None
    idle_ends_at: datetime | None
    allowance_ends_at: datetime | None
    active_what: str
    cost_micros: int
    cost: str
    document: str
    url: str

    @property
    def ended(self) -> bool:
        return self.state == "ended"


@dataclass(frozen=True, kw_only=True)
class LogPart:
    text: str
    offset: int
    next_offset: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class LogHit:
    line: int
    offset: int
    text: str
    before: list[str]
    after: list[str]


@dataclass(frozen=True, kw_only=True)
class LogHits:
    hits: list[LogHit]
    more: bool


@dataclass(frozen=True, kw_only=True)
class UseLine:
    what: str
    device: str
    mean: float | None
    peak: float | None
    values: list[float | None]


@dataclass(frozen=True, kw_only=True)
class UseOverTime:
    run: str
    started_at: datetime | None
    step_seconds: float
    simulated: bool
    lines: list[UseLine]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    machine_type: str
    machine_label: str
    simulated: bool
    price_micros_hour: int
    max_seconds: int
    max_cost_micros: int
    max_cost: str
    allowance_seconds_left: int | None
    wait: Waited | None
    words: str
