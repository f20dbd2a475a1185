"""Plan sets from files: those that ship with the platform, and an operator's own in the same format.

A set is one JSON file with `machine_types` and `plans`; a machine type with `counts` stands for one type per count.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studium.errors import BadInput, NotFound
from studium.plans.machine_types import MachineTypeSpec
from studium.plans.rules import PlanSpec

_LARGEST_FILE = 1024 * 1024


class _TypeEntry(MachineTypeSpec):
    counts: tuple[Annotated[int, Field(ge=1, le=64)], ...] = (1,)

    def expanded(self) -> list[MachineTypeSpec]:
        single = MachineTypeSpec.model_validate(self.model_dump(exclude={"counts"}))
        return [single.times(count) for count in self.counts]


class PlanSet(BaseModel):
    """What one file holds: machine types, and plans that refer to them by slug or pattern."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    set: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    note: str = ""
    machine_types: tuple[MachineTypeSpec, ...] = ()
    plans: tuple[PlanSpec, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _expand_counts(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("machine_types"), list):
            return data
        entries = [_TypeEntry.model_validate(entry) for entry in data["machine_types"]]
        return {**data, "machine_types": tuple(made for entry in entries for made in entry.expanded())}

    @model_validator(mode="after")
    def _names_are_unique(self) -> "PlanSet":
        for what, slugs in (
            ("machine type", [machine.slug for machine in self.machine_types]),
            ("plan", [plan.slug for plan in self.plans]),
        ):
            twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
            if twice:
                raise ValueError(f"{what} named twice: {', '.join(twice)}")
        return self

    def types_of(self, plan: PlanSpec) -> tuple[MachineTypeSpec, ...]:
        """The set's machine types that this plan may use, in the file's order."""
        return tuple(machine for machine in self.machine_types if plan.rules.allows_machine(machine.slug))


def shipped_names() -> tuple[str, ...]:
    """The sets that ship with the platform, sorted."""
    folder = resources.files("studium.plans").joinpath("shipped")
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


def load_shipped(name: str) -> PlanSet:
    """A shipped set by name. Raises NotFound."""
    if name not in shipped_names():
        raise NotFound(
            "plan.set_unknown",
            f"There is no plan set called {name!r}.",
            f"Choose one of {', '.join(shipped_names())}, or give the path of a file.",
            {"known": list(shipped_names())},
        )
    text = resources.files("studium.plans").joinpath("shipped", f"{name}.json").read_text(encoding="utf-8")
    return parse_set(text, f"{name}.json")


def load_file(path: Path) -> PlanSet:
    """An operator's own set. Raises BadInput with the place of the first mistakes, NotFound when there is no file."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise NotFound(
            "plan.file_unreadable", f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error
    if len(content) > _LARGEST_FILE:
        raise BadInput("plan.file_too_large", f"{path} is larger than 1 MiB.", "A plan file is a short JSON file.")
    return parse_set(content.decode("utf-8", errors="replace"), path.name)


def parse_set(text: str, name: str) -> PlanSet:
    """The set in a file's text. Raises BadInput."""
    try:
        return PlanSet.model_validate(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadInput(
            "plan.file_not_json", f"{name} is not JSON: {error}.", "Mend the file and load it again."
        ) from error
    except ValidationError as error:
        mistakes = [f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}" for e in error.errors()]
        raise BadInput(
            "plan.file_invalid",
            f"{name} is not a plan set: {'; '.join(mistakes[:3])}.",
            "Every key is explained in docs/operators/plans.md.",
            {"mistakes": mistakes[:20]},
        ) from error
