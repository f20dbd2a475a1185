"""Versions of notebooks: what was saved, what running it gave, and what differs between two."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from studium.api.shapes.base import Asked, Line, Shape, Slug, no_control
from studium.api.shapes.running import HowToRun
from studium.api.shapes.runs import RunShape
from studium.compute.states import ENDINGS, Outcome, Reason, State
from studium.notebooks.models import Version
from studium.notebooks.states import VersionKind
from studium.notebooks.versions.comparing import Change
from studium.notebooks.versions.queries import OutputFiles

Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True), AfterValidator(no_control)]
LONGEST_RUN = 366 * 86400


class Standing(StrEnum):
    """Where a version is: its run's state until that has ended, then how it went."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETE = "complete"
    FAILED = "failed"


class VersionShape(Shape):
    """A version. `state` is its run's until that has ended, then `complete` or `failed`; a quick one is `complete`.

    While `settled` is false, document and files follow the run. What runs tell is the team's: for others who read a public
    notebook `run`, `running_seconds` and `cost_micros` are null, `fault` is empty, and who ran it is not told.
    """

    number: int
    kind: VersionKind
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
    commit: str
    state: Standing
    settled: bool
    run: RunShape | None
    machine_label: str
    simulated: bool
    running_seconds: int | None
    cost_micros: int | None
    cost: str
    fault: str
    files_removed_at: datetime | None
    again_of: int | None
    url: str

    @classmethod
    def of(cls, row: Version, run: RunShape | None, *, theirs: bool, simulated: bool, url: str) -> "VersionShape":
        """`theirs`: whether the reader may see runs; `run` is then the run's shape, and null in a quick version."""
        return cls(
            number=row.number,
            kind=VersionKind(row.kind),
            note=row.note,
            pinned=row.pinned,
            created_by=row.created_by.username if theirs or row.run is None else None,
            created_at=row.created_at,
            cells=row.cells,
            document_bytes=row.document_bytes,
            files_count=row.files_count,
            files_bytes=row.files_bytes,
            environment=row.environment,
            internet=row.internet,
            commit=row.commit if theirs else "",
            state=standing_of(row),
            settled=row.settled_at is not None,
            run=run,
            machine_label=row.run.machine_type.label if row.run else "",
            simulated=simulated,
            running_seconds=run.running_seconds if run else None,
            cost_micros=run.cost_micros if run else None,
            cost=run.cost if run else "",
            fault=row.fault if theirs else "",
            files_removed_at=row.files_removed_at,
            again_of=row.again_of.number if row.again_of else None,
            url=url,
        )


def standing_of(row: Version) -> Standing:
    """Where a version is. A run that was stopped or came to a limit did not run all cells, so it failed."""
    if row.run is None:
        return Standing.COMPLETE
    if row.run.state != State.ENDED:
        return Standing(row.run.state)
    return Standing.COMPLETE if ENDINGS[Reason(row.run.reason)].outcome == Outcome.GOOD else Standing.FAILED


class NewVersion(HowToRun):
    """Without `run` a quick save. With it all cells are run; `machine` is a type's slug or label, the last one if left out."""

    run: bool = False
    machine: Line = ""
    note: Note = ""
    max_seconds: int | None = Field(None, ge=60, le=LONGEST_RUN)


class RunAgain(Asked):
    """`machine` is a type's slug or label; the one that the version was run on when left out. Its options are the same."""

    machine: Line = ""
    note: Note = ""
    max_seconds: int | None = Field(None, ge=60, le=LONGEST_RUN)


class VersionChange(Asked):
    """What to change; what is left out stays. A pinned version is kept by every clean-up."""

    note: Note | None = None
    pinned: bool | None = None


class Fork(Asked):
    """Where the copy goes, and of what: the document as it is now when `version` is left out."""

    team: Slug = Field("", description="The personal team when left out.")
    project: Slug = "main"
    version: int | None = Field(None, ge=1, le=999_999_999)


class VersionFile(Shape):
    """An output file. `digest` is the SHA-256 of its bytes."""

    path: str
    size: int
    digest: str


class VersionFiles(Shape):
    """The output files by path. `left_out` counts those that went beyond the limits, `left_bytes` what they had."""

    files: list[VersionFile]
    left_out: int
    left_bytes: int

    @classmethod
    def of(cls, found: OutputFiles) -> "VersionFiles":
        files = [VersionFile(path=each.path, size=each.size, digest=each.digest) for each in found.files]
        return cls(files=files, left_out=found.left_out, left_bytes=found.left_bytes)


class ComparedCell(Shape):
    """A cell of one or both. `left` and `right` are its places, counted from 0, null where it is not.

    `source` has every line as `[" " | "+" | "-", text]` and is empty where the source is the same.
    """

    change: Change
    left: int | None
    right: int | None
    cell_type: str
    source: list[list[str]]
    outputs: Literal["same", "changed", "added", "removed", "none"]


class ComparisonCounts(Shape):
    """How many cells are what; `outputs` counts those whose outputs differ."""

    same: int
    changed: int
    added: int
    removed: int
    moved: int
    outputs: int


class Comparison(Shape):
    """What changed from the left version to the right one, cell by cell."""

    counts: ComparisonCounts
    cells: list[ComparedCell]
