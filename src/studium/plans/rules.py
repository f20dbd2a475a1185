"""What a plan allows, as data: the model behind plan files, the plan table and every check.

Times are whole seconds, sizes bytes, money millionths of a dollar; None means "no limit". `docs/operators/plans.md`
explains each key.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from studium.plans.amounts import Bytes, Count, Grace, Micros, Seconds
from studium.plans.machine_types import MachineClass, MachineTypeSpec

Visibility = Literal["private", "team", "public"]
Resource = Literal["gpu", "tpu", "accelerator", "cpu"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Data):
    """An allowance: `seconds` of one resource per week from a fixed instant, per month, or in any `length_seconds`.

    An accelerator machine counts once per accelerator: an hour on two cards is two hours. All times are UTC.
    """

    resource: Resource
    seconds: Seconds
    kind: Literal["weekly", "rolling", "monthly"]
    weekday: Weekday = "monday"
    time: str = Field(default="00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    length_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "Window":
        if (self.kind == "rolling") != (self.length_seconds is not None):
            raise ValueError("length_seconds belongs to a rolling window, and only to one")
        if (
            self.kind != "weekly"
            and {"weekday", "time"} & self.model_fields_set
            and (self.weekday, self.time) != ("monday", "00:00")
        ):
            raise ValueError("weekday and time belong to a weekly window")
        return self

    def counts(self, machine_class: MachineClass) -> bool:
        """Does time on a machine of this class use up this window?"""
        if self.resource == "accelerator":
            return machine_class != "cpu"
        return self.resource == machine_class


class SessionSeconds(_Data):
    """The longest session. The narrowest entry wins: by machine class, then free or paid machine, then the default."""

    default: Seconds
    free_machines: Seconds | None = None
    paid_machines: Seconds | None = None
    by_class: dict[MachineClass, Seconds] = Field(default_factory=dict)

    def limit_for(self, machine: MachineTypeSpec) -> int:
        by_price = self.free_machines if machine.free_of_charge else self.paid_machines
        return self.by_class.get(machine.machine_class) or by_price or self.default


class Overdraft(_Data):
    """What may be used beyond what is left: time to save after an allowance ran out, and money in a month."""

    grace_seconds: Grace = 0
    spend_micros_month: Micros | None = None


def _one_length(value: Any) -> Any:
    return {"default": value} if isinstance(value, (int, str)) and not isinstance(value, bool) else value


class PlanRules(_Data):
    """Everything a plan decides. A key left out of a file has the value shown here."""

    machine_types: tuple[str, ...] = ("*",)
    session_seconds: Annotated[SessionSeconds, BeforeValidator(_one_length)] = SessionSeconds(default=12 * 3600)
    idle_seconds: Seconds | None = None
    windows: tuple[Window, ...] = ()
    running_notebooks: Count | None = None
    running_runs: Count | None = None
    queued_runs: Count | None = None
    projects: Count | None = None
    storage_bytes_team: Bytes | None = None
    storage_bytes_notebook: Bytes | None = None
    storage_overage_micros_per_gib_month: Micros | None = None
    terminal: bool = True
    internet: bool = True
    visibilities: frozenset[Visibility] = frozenset(("private", "team", "public"))
    extend: bool = True
    priority: int = 0
    price_micros_month: Micros = 0
    overdraft: Overdraft = Overdraft()

    @model_validator(mode="after")
    def _something_is_allowed(self) -> "PlanRules":
        if not self.visibilities:
            raise ValueError("a plan must allow at least one visibility")
        if len({(w.resource, w.kind, w.length_seconds) for w in self.windows}) != len(self.windows):
            raise ValueError("two windows of the same resource and kind: keep the smaller one")
        return self

    def allows_machine(self, slug: str) -> bool:
        """Is this machine type among the plan's? Entries are slugs or patterns such as `a100*`."""
        return any(fnmatchcase(slug, pattern) for pattern in self.machine_types)

    def windows_for(self, machine_class: MachineClass) -> tuple[Window, ...]:
        return tuple(window for window in self.windows if window.counts(machine_class))


class PlanSpec(_Data):
    """One plan as written in a file."""

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    rules: PlanRules


class TeamPlan(PlanSpec):
    """A plan as one team has it. `agreed_bytes` is how much storage beyond what is included its owners agreed to pay for."""

    agreed_bytes: int = 0


def storage_room(plan: PlanSpec) -> int | None:
    """The most bytes the team may store: what is included and what its owners agreed to pay for; None where nothing limits it."""
    included = plan.rules.storage_bytes_team
    if included is None:
        return None
    return included + (plan.agreed_bytes if isinstance(plan, TeamPlan) else 0)
