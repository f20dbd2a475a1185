"""Where files of datasets come from, what is being brought, and what reads them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.api.shapes.datasets import Number
from studium.datasets.sources.kinds import kind_of
from studium.datasets.sources.models import Import
from studium.datasets.sources.states import LIVE, ImportState, SourceKind, next_step
from studium.notebooks.lineage import MadeFrom, Use


class DatasetImportShape(Shape):
    """Files that are brought from a source. `total` is null where the server did not say how much there is.

    `version` is the number of what was made of them: null before, and where nothing was new.
    """

    id: str
    kind: SourceKind
    source: str
    state: ImportState
    code: str
    message: str
    next_step: str
    doing: str
    done: int
    total: int | None
    files: int
    bytes: int
    left_out: int
    version: int | None
    run: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Import) -> "DatasetImportShape":
        done, total = progress_of(row)
        return cls(
            id=row.pk,
            kind=SourceKind(row.kind),
            source=kind_of(row.kind).words(row.asked, row.facts),
            state=ImportState(row.state),
            code=row.code,
            message=row.message,
            next_step=next_step(row.code) if row.state == ImportState.FAILED else "",
            doing=doing_of(row),
            done=done,
            total=total,
            files=row.files_count,
            bytes=row.files_bytes,
            left_out=row.facts.get("left_out", 0),
            version=row.version.number if row.version else None,
            run=row.run_id or "",
            created_by=row.created_by.username,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )


def _told(row: Import) -> Mapping[str, Any]:
    told = row.run.progress if row.run is not None else None
    return told if isinstance(told, dict) and told.get("work") == row.pk else {}


def progress_of(row: Import) -> tuple[int, int | None]:
    """Bytes that have come and those that there are, as far as anybody knows."""
    if row.state == ImportState.KEEPING:
        return row.kept_bytes, row.files_bytes or None
    if row.state != ImportState.FETCHING:
        return row.files_bytes, row.files_bytes
    told = _told(row)
    return _size(told.get("bytes")) or 0, _size(told.get("total"))


def _size(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**60
    return value if fits and isinstance(value, int) else None


def doing_of(row: Import) -> str:
    """What is going on, or waited for, in a few words; empty for what has ended."""
    if row.code and row.state in LIVE:
        return row.message
    if row.state == ImportState.WAITING:
        return "Waiting for its turn"
    if row.state == ImportState.KEEPING and row.kind == SourceKind.PROVIDER:
        return "Fetching" if row.files_count else "Listing the files"
    if row.state == ImportState.KEEPING:
        return "Keeping the files"
    if row.state != ImportState.FETCHING:
        return ""
    name = _told(row).get("name")
    if row.run is not None and row.run.state == "queued":
        return "In the queue"
    return f"Fetching {name[:100]}" if isinstance(name, str) and name.isprintable() else "Fetching"


class NewImport(Asked):
    """Where the files are: `urls` of files, the `git` address of a repository, a `notebook` whose output files are taken, or a
    storage `provider`."""

    urls: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=100)] = []
    unpack: bool = Field(False, description="Whether archives (zip, tar) among the addresses are unpacked.")
    git: Annotated[str, Field(max_length=1000)] = ""
    ref: Line = Field("", description="A branch, a tag or a whole commit; the default branch without one.")
    folder: Annotated[str, Field(max_length=400)] = Field(
        "", description="Only this folder, of a repository or provider."
    )
    secret: Line = Field("", description="The name of a secret of the team with a token.")
    username: Line = Field("", description="Who the token belongs to, where the server wants to know.")
    notebook: Line = Field("", description="An id or `team/slug`.")
    provider: Line = Field("", description="`team/name` of a storage provider; without a team, one of the dataset's.")
    number: Number | None = Field(None, description="The notebook's version; the newest that ended well without one.")
    add: bool = Field(False, description="Whether the files of the version before stay.")
    note: Annotated[str, Field(max_length=500)] = ""


class GivenInput(Shape):
    """What the run of a notebook was given, as far as you may see."""

    name: str
    title: str
    number: int
    page: str


class DatasetSourceShape(Shape):
    """The source of a version's files. `kind` is empty for what somebody brought by hand; `page` for what you may not see."""

    kind: str
    words: str
    commit: str
    page: str
    inputs: list[GivenInput]

    @classmethod
    def of(cls, found: MadeFrom | None) -> "DatasetSourceShape":
        if found is None:
            return cls(kind="", words="brought by hand", commit="", page="", inputs=[])
        inputs = [
            GivenInput(name=each.name, title=each.title, number=each.number, page=each.page) for each in found.inputs
        ]
        return cls(kind=found.kind, words=found.words, commit=found.commit, page=found.page, inputs=inputs)


class DatasetUseShape(Shape):
    """A notebook that reads a dataset: `now`, that it is set to; `versions`, those whose runs were given it."""

    notebook: str
    title: str
    page: str
    now: bool
    follows: bool
    versions: list[int]

    @classmethod
    def of(cls, use: Use) -> "DatasetUseShape":
        return cls(
            notebook=f"{use.notebook.team.slug}/{use.notebook.slug}",
            title=use.notebook.title,
            page=use.page,
            now=use.now,
            follows=use.follows,
            versions=list(use.versions),
        )
