"""Datasets, their versions and files."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from studium.accounts.states import SharedRole, Visibility
from studium.api import addresses
from studium.api.shapes.base import Asked, Line, Shape, Slug
from studium.datasets.models import Dataset, DatasetCollaborator, DatasetVersion
from studium.datasets.profiles.comparing import TableChange, TablesCompared
from studium.datasets.profiles.rows import Rows
from studium.datasets.queries import Difference
from studium.datasets.states import Frequency
from studium.storage.manifests import Entry
from studium.storage.models import Upload

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=1, le=999_999_999)]
Path = Annotated[str, Field(min_length=1, max_length=1024)]
Text = Annotated[str, Field(max_length=200_000)]


class DatasetShape(Shape):
    """A dataset. `version`, `files` and `bytes` are of its newest version, null and 0 where it has none. `columns` says what
    columns are, by the path of a file and the name of a column. `cover` is where its picture is, empty where it has none.
    One that was taken down is its team's alone, and `taken_down_reason` says why."""

    id: str
    name: str
    team: str
    slug: str
    title: str
    subtitle: str
    card: str
    licence: str
    sources: str
    frequency: str
    tags: list[str]
    columns: dict[str, Any]
    cover: str
    visibility: Visibility
    created_by: str
    created_at: datetime
    changed_at: datetime
    taken_down_at: datetime | None
    taken_down_reason: str
    version: int | None
    files: int
    bytes: int
    votes: int
    downloads: int
    url: str

    @classmethod
    def of(
        cls, row: Dataset, newest: DatasetVersion | None, tags: list[str], *, votes: int, downloads: int
    ) -> "DatasetShape":
        return cls(
            id=row.pk,
            name=f"{row.team.slug}/{row.slug}",
            team=row.team.slug,
            slug=row.slug,
            title=row.title,
            subtitle=row.subtitle,
            card=row.card,
            licence=row.licence,
            sources=row.sources,
            frequency=row.frequency,
            tags=tags,
            columns=row.columns,
            cover=addresses.below(f"/rest/datasets/{row.pk}/cover") if row.cover else "",
            visibility=Visibility(row.visibility),
            created_by=row.created_by.username,
            created_at=row.created_at,
            changed_at=row.changed_at,
            taken_down_at=row.taken_down_at,
            taken_down_reason=row.taken_down_reason,
            version=newest.number if newest else None,
            files=newest.files_count if newest else 0,
            bytes=newest.files_bytes if newest else 0,
            votes=votes,
            downloads=downloads,
            url=addresses.dataset_page(row),
        )


class DatasetCard(Asked):
    """What a dataset says of itself; what is left out stays as it is."""

    title: Line | None = None
    subtitle: Annotated[str, Field(max_length=300)] | None = None
    card: Text | None = Field(None, description="Markdown.")
    licence: Annotated[str, Field(max_length=60)] | None = Field(None, description="A name of SPDX, or your own words.")
    sources: Annotated[str, Field(max_length=20_000)] | None = None
    frequency: Frequency | None = None
    tags: Annotated[list[Line], Field(max_length=50)] | None = None
    columns: dict[Path, dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=1000)]]] | None = (
        Field(
            None,
            description="What columns are, by the path of a file and the name of a column; replaces all there are.",
        )
    )

    def given(self) -> dict[str, object]:
        """What was said."""
        return {name: value for name, value in self if name in self.model_fields_set and value is not None}


class SaidOfColumns(Asked):
    """What columns of one file are, by their names; an empty text takes back what was said, columns left out stay as they are."""

    path: Path
    columns: Annotated[
        dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=1000)]], Field(max_length=2000)
    ]


class NewDataset(DatasetCard):
    """A dataset without files yet. Without a team it is yours; without a visibility as private as the plan allows."""

    title: Line
    team: Slug = ""
    visibility: Visibility | None = None

    def given(self) -> dict[str, object]:
        skipped = ("title", "team", "visibility")
        return {name: value for name, value in super().given().items() if name not in skipped}


class DatasetChange(DatasetCard):
    """What is to change. The visibility is for its team to decide."""

    visibility: Visibility | None = None

    def given(self) -> dict[str, object]:
        return {name: value for name, value in super().given().items() if name != "visibility"}


class DatasetVersionShape(Shape):
    """The files of a dataset at one time. A deleted version keeps its number and has no files."""

    number: int
    note: str
    files: int
    bytes: int
    created_by: str
    created_at: datetime
    deleted_at: datetime | None
    manifest: str

    @classmethod
    def of(cls, row: DatasetVersion) -> "DatasetVersionShape":
        return cls(
            number=row.number,
            note=row.note,
            files=row.files_count,
            bytes=row.files_bytes,
            created_by=row.created_by.username,
            created_at=row.created_at,
            deleted_at=row.deleted_at,
            manifest=row.manifest,
        )


class DatasetFile(Shape):
    """A file of a version. `digest` is the hex SHA-256 of its bytes."""

    path: str
    size: int
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> "DatasetFile":
        return cls(path=entry.path, size=entry.size, digest=entry.digest)


class ChunkList(Asked):
    """Chunks by the hex SHA-256 of their bytes."""

    digests: Annotated[list[Digest], Field(max_length=50_000)]


class MissingChunks(Shape):
    """Those of the chunks that are to be sent, in order."""

    missing: list[str]


class PackKept(Shape):
    """How many bytes of a pack nobody had brought before."""

    new_bytes: int


class BroughtFile(Asked):
    """A file of a version to be, put together from chunks that were sent. An empty file has none."""

    path: Path
    size: Annotated[int, Field(ge=0)]
    digest: Digest
    chunks: list[Digest]


class NewDatasetVersion(Asked):
    """Files for a new version: those of `base` that are not in `remove`, and in their place or beside them `files` and the
    files of `uploads`, which are then used up.

    For more files than fit into a request, `listed` names chunks that were sent and that together are lines of JSON, each as
    one of `files`.
    """

    note: Annotated[str, Field(max_length=500)] = ""
    files: Annotated[list[BroughtFile], Field(max_length=200_000)] = []
    listed: Annotated[list[Digest], Field(max_length=10_000)] = []
    uploads: Annotated[list[Slug], Field(max_length=10_000)] = []
    base: Number | None = None
    remove: Annotated[list[Path], Field(max_length=200_000)] = []


class ChangedFile(Shape):
    """A file that is in both versions and not the same."""

    path: str
    before: int
    after: int


class TableColumn(Shape):
    """A column of a table, and what its values are."""

    name: str
    type: str

    @classmethod
    def of(cls, column: tuple[str, str]) -> "TableColumn":
        return cls(name=column[0], type=column[1])


class RetypedColumn(Shape):
    """A column whose values are something else now."""

    name: str
    before: str
    after: str


class TableDifference(Shape):
    """What differs in a table of a file that changed. `whole` is `added` or `removed` where only one version has the table;
    rows are null where nobody counted them."""

    path: str
    table: str
    whole: str
    rows_before: int | None
    rows_after: int | None
    added: list[TableColumn]
    removed: list[TableColumn]
    retyped: list[RetypedColumn]

    @classmethod
    def of(cls, found: TableChange) -> "TableDifference":
        return cls(
            path=found.path,
            table=found.table,
            whole=found.whole,
            rows_before=found.rows[0],
            rows_after=found.rows[1],
            added=[TableColumn.of(each) for each in found.added],
            removed=[TableColumn.of(each) for each in found.removed],
            retyped=[RetypedColumn(name=name, before=old, after=new) for name, old, new in found.retyped],
        )


class DatasetDifference(Shape):
    """What one version has and the other had not; `same` counts the rest. `tables` are those of files that changed, as far as
    both versions were looked into: how far that is say `left_state` and `right_state`, as of a profile."""

    added: list[DatasetFile]
    removed: list[DatasetFile]
    changed: list[ChangedFile]
    same: int
    tables: list[TableDifference]
    left_state: str
    right_state: str

    @classmethod
    def of(cls, found: Difference, tables: TablesCompared) -> "DatasetDifference":
        return cls(
            tables=[TableDifference.of(each) for each in tables.changes],
            left_state=tables.left,
            right_state=tables.right,
            added=[DatasetFile.of(each) for each in found.added],
            removed=[DatasetFile.of(each) for each in found.removed],
            changed=[
                ChangedFile(path=after.path, before=before.size, after=after.size) for before, after in found.changed
            ],
            same=found.same,
        )


class NewDatasetLink(Asked):
    """What a link is to lead to: the file at `path`, or with `archive` a zip of all below it, and for how long."""

    path: str = Field("", max_length=1024)
    archive: bool = False
    seconds: int = Field(3600, ge=60, le=7 * 86400)


class DatasetLink(Shape):
    """An address by which anybody can download it until `expires_at`, as long as you may read the dataset."""

    url: str
    expires_at: datetime


class NewUpload(Asked):
    """A file that will come piece by piece. `fingerprint`, such as when it was last changed, lets it be gone on with later."""

    path: Path
    size: Annotated[int, Field(ge=0)]
    fingerprint: Annotated[str, Field(max_length=200)] = ""


class UploadShape(Shape):
    """How much of a file is here; the next piece begins at `received`. `digest` is there once all of it is."""

    id: str
    path: str
    size: int
    received: int
    digest: str
    expires_at: datetime

    @classmethod
    def of(cls, row: Upload) -> "UploadShape":
        return cls(
            id=row.pk,
            path=row.path,
            size=row.size,
            received=row.received,
            digest=row.digest,
            expires_at=row.expires_at,
        )


class DatasetPerson(Shape):
    """Somebody a dataset is shared with."""

    username: str
    role: SharedRole
    added_at: datetime

    @classmethod
    def of(cls, row: DatasetCollaborator) -> "DatasetPerson":
        return cls(username=row.user.username, role=SharedRole(row.role), added_at=row.added_at)


class DatasetShare(Asked):
    """As what somebody may use it."""

    role: SharedRole = SharedRole.READER


class DatasetProfile(Shape):
    """What was found in a file. `state` is of the look into all files of the version: `none`, `waiting`, `running`, `ready` or
    `failed`; `trouble` says why there is no more. `found` has kind, format and what goes with them: tables with columns,
    a hundred first rows, members of archives."""

    path: str
    state: str
    trouble: str
    found: dict[str, Any] | None


class TableRows(Shape):
    """A part of a table's first rows. Of `read` first rows `matching` have the words that are looked for; the table has `count`,
    null where nobody counted, and not `exact` where rows of it were left out."""

    columns: list[TableColumn]
    rows: list[list[Any]]
    start: int
    matching: int
    read: int
    count: int | None
    exact: bool

    @classmethod
    def of(cls, found: Rows) -> "TableRows":
        return cls(
            columns=[TableColumn.of(each) for each in found.columns],
            rows=found.rows,
            start=found.start,
            matching=found.matching,
            read=found.read,
            count=found.count,
            exact=found.exact,
        )
