"""Inputs of notebooks and of versions."""

from typing import Annotated

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.notebooks.inputs.providers import ShownProvider
from studium.notebooks.inputs.queries import ShownInput, ShownVersionInput, kind_of

Number = Annotated[int, Field(ge=1, le=999_999_999)]


class InputShape(Shape):
    """What a notebook's runs are shown, read-only, in each of `paths`.

    `source` is empty where you may not read it or it was deleted; `kind` says whether it is a `notebook`, a `dataset` or a
    storage `provider`, which has no version and of which no files are counted.
    `version`, `files` and `bytes` are of what the next run gets; `follows` says that this is the newest, which is `newest`.
    `trouble` says why a run could not start. `session` is how the session that goes on sees it: `seen`, `coming`, `failed`,
    `next` (from the next start on), or empty without a session.
    """

    name: str
    kind: str
    source: str
    title: str
    version: int | None
    follows: bool
    newest: int | None
    files: int
    bytes: int
    paths: list[str]
    trouble: str
    session: str

    @classmethod
    def of(cls, row: ShownInput) -> "InputShape":
        return cls(
            name=row.name,
            kind=row.kind,
            source=f"{row.source.team.slug}/{row.source.slug}" if row.source else "",
            title=row.source.title if row.source else "",
            version=row.number,
            follows=row.follows,
            newest=row.newest,
            files=row.files,
            bytes=row.bytes,
            paths=list(row.paths),
            trouble=row.trouble,
            session=row.sight,
        )

    @classmethod
    def of_provider(cls, row: ShownProvider) -> "InputShape":
        found = row.provider
        return cls(
            name=row.name,
            kind="provider",
            source=f"{found.team.slug}/{found.name}" if found else "",
            title=found.name if found else "",
            version=None,
            follows=False,
            newest=None,
            files=0,
            bytes=0,
            paths=[row.path],
            trouble=row.trouble,
            session=row.sight,
        )


class NewInput(Asked):
    """A notebook whose output files are to be read, a dataset or a storage provider. Without a version its newest is followed,
    of a notebook the newest that ended well."""

    source: Line = Field("", description="`team/name` of the notebook, or its id.")
    dataset: Line = Field("", description="`team/name` of the dataset, or its id, instead.")
    provider: Line = Field("", description="Name of a storage provider of the notebook's team, instead.")
    version: Number | None = None
    name: str = Field("", max_length=80, description="The folder's name; the notebook's own when left out.")


class InputChange(Asked):
    """The version to stay with; null to follow the newest that ended well."""

    version: Number | None


class VersionInputShape(Shape):
    """What a version's run was shown. `source` and `title` are empty where you may not read it or it is no longer kept."""

    name: str
    kind: str
    source: str
    title: str
    version: int

    @classmethod
    def of(cls, row: ShownVersionInput) -> "VersionInputShape":
        source = f"{row.source.team.slug}/{row.source.slug}" if row.source else ""
        kind = kind_of(row.source) if row.source else ""
        return cls(name=row.name, kind=kind, source=source, title=row.title, version=row.number)
