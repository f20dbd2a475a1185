"""What the server gives, under the names of its OpenAPI document without `Shape`. Sizes bytes, times UTC, money micros.

A test compares every class with the document, so a field that changes there fails here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """Part of a listing; `next_cursor` is empty at its end."""

    items: list[Item]
    next_cursor: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    code: str
    message: str
    next_step: str
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Team:
    slug: str
    name: str
    personal: bool
    role: str
    plan: str


@dataclass(frozen=True, kw_only=True)
class TeamDetail(Team):
    created_at: datetime
    members: int
    projects: int
    notebooks: int


@dataclass(frozen=True, kw_only=True)
class Me:
    username: str
    email: str
    operator: bool
    scopes: list[str]
    expires_at: datetime | None
    team: str
    teams: list[Team]
    version: str
    largest_notebook_bytes: int


@dataclass(frozen=True, kw_only=True)
class Member:
    username: str
    email: str
    role: str
    since: datetime
    active: bool


@dataclass(frozen=True, kw_only=True)
class Project:
    slug: str
    name: str
    notebooks: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Invitation:
    id: int
    role: str
    email: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    url: str


@dataclass(frozen=True, kw_only=True)
class Token:
    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    secret: str


@dataclass(frozen=True, kw_only=True)
class Secret:
    name: str
    scope: str
    team: str
    project: str
    notebook: str
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    given_at: datetime | None
    attached: bool
    hidden: bool


@dataclass(frozen=True, kw_only=True)
class User:
    username: str
    email: str
    active: bool
    operator: bool
    joined_at: datetime
    last_login_at: datetime | None
    live_runs: int


@dataclass(frozen=True, kw_only=True)
class LoginLink:
    username: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class MachineType:
    slug: str
    label: str
    description: str
    vcpu: float
    memory_bytes: int
    accelerator_kind: str
    accelerator_count: int
    accelerator_memory_bytes: int
    machine_class: str
    price_micros_hour: int
    price: str
    simulated: bool
    free: int
    total: int
    waiting: int
    allowed: bool
    refusal: Failure | None


@dataclass(frozen=True, kw_only=True)
class Device:
    id: str
    kind: str
    memory_bytes: int
    simulated: bool
    gone: bool


@dataclass(frozen=True, kw_only=True)
class Machine:
    name: str
    engine: str
    vcpu: float
    memory_bytes: int
    simulated: bool
    draining: bool
    gone: bool
    seen_at: datetime
    runs: int
    accelerators: list[Device]


@dataclass(frozen=True, kw_only=True)
class Waited:
    place: int | None
    expected_at: datetime | None
    at_most_at: datetime | None
    reason: str
    waits_for: str
    words: str


@dataclass(frozen=True, kw_only=True)
class QueueEntry:
    run: str
    title: str
    team: str
    user: str
    machine_type: str
    submitted_at: datetime
    wait: Waited


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    ok: bool
    detail: str
    remedy: str
    isolates: bool


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


@dataclass(frozen=True, kw_only=True)
class Origin:
    name: str
    id: str
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Notebook:
    id: str
    name: str
    team: str
    project: str
    slug: str
    title: str
    visibility: str
    language: str
    internet: bool
    machine_type: str
    cells: int
    document_bytes: int
    created_by: str
    created_at: datetime
    changed_at: datetime
    may_change: bool
    copied_from: Origin | None
    url: str
    run: Run | None


@dataclass(frozen=True, kw_only=True)
class Version:
    number: int
    kind: str
    note: str
    pinned: bool
    created_by: str | None
    created_at: datetime
    cells: int
    document_bytes: int
    files_count: int
    files_bytes: int
    environment: str
    internet: bool
    state: str
    settled: bool
    run: Run | None
    machine_label: str
    simulated: bool
    running_seconds: int | None
    cost_micros: int | None
    cost: str
    fault: str
    again_of: int | None
    url: str


@dataclass(frozen=True, kw_only=True)
class VersionFile:
    path: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class VersionFiles:
    files: list[VersionFile]
    left_out: int
    left_bytes: int


@dataclass(frozen=True, kw_only=True)
class ComparedCell:
    change: str
    left: int | None
    right: int | None
    cell_type: str
    source: list[list[str]]
    outputs: str


@dataclass(frozen=True, kw_only=True)
class ComparisonCounts:
    same: int
    changed: int
    added: int
    removed: int
    moved: int
    outputs: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    counts: ComparisonCounts
    cells: list[ComparedCell]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    id: str
    cron: str
    words: str
    zone: str
    machine_type: str
    missed: str
    overlap: str
    retries: int
    keep_last: int | None
    notify: str
    paused: bool
    trouble: str
    next_times: list[datetime]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Turn:
    due_at: datetime
    state: str
    tries: int
    message: str
    ended_at: datetime | None
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Opened:
    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Plan:
    slug: str
    name: str
    description: str
    price_micros_month: int
    price: str
    loaded_at: datetime
    rules: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PlanSets:
    shipped: list[str]


@dataclass(frozen=True, kw_only=True)
class Assigned:
    team: str
    plan: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Allowance:
    resource: str
    kind: str
    limit_seconds: int
    used_seconds: int
    held_seconds: int
    left_seconds: int
    starts_at: datetime
    ends_at: datetime
    words: str


@dataclass(frozen=True, kw_only=True)
class UsageLine:
    run: str
    title: str
    user: str
    machine_type: str
    resource: str
    seconds: int
    cost_micros: int
    cost: str
    started_at: datetime
    ended_at: datetime
    words: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    team: str
    plan: str
    plan_name: str
    days: int
    allowances: list[Allowance]
    seconds_by_resource: dict[str, int]
    cost_micros: int
    cost: str
    lines: list[UsageLine]
    more_lines: int


@dataclass(frozen=True, kw_only=True)
class Event:
    id: int
    at: datetime
    kind: str
    actor: str
    subject_kind: str
    subject_id: str
    data: dict[str, Any]
