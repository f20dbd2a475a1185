"""Notebooks: what they are, and what may be asked of them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape, Slug
from studium.api.shapes.running import HowToRun
from studium.api.shapes.runs import RunShape
from studium.community.queries import Tally
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, SharedRole, Visibility


class Origin(Shape):
    """The notebook that another was copied from. `version` is null where it was copied as it was at that moment."""

    name: str
    id: str
    version: int | None


class NotebookShape(Shape):
    """A notebook. `name` is `team/slug`; `run` is the live run that holds its workspace, null when there is none.

    `upgrade` says what was done to the file it came as, such as nbformat 3, empty where nothing had to be.
    `environment` is what software its runs see; `environment_build` a build of it, null where it follows the newest.
    `may_change` is to edit and run it, `may_manage` to delete it, share it and decide who sees it. `shared_as` is null
    where it is not shared with you by name or link.
    `copied_from` is null for one that is no copy, and where the original is not yours to see or was deleted. `copies` is
    how many were made of it and are still there. `voted` and `bookmarked` are the caller's. One that was taken down is its
    team's alone, and `taken_down_reason` says why.
    """

    id: str
    name: str
    team: str
    project: str
    slug: str
    title: str
    visibility: Visibility
    language: str
    internet: bool
    environment: str
    environment_build: int | None
    machine_type: str
    cells: int
    document_bytes: int
    upgrade: str
    created_by: str
    created_at: datetime
    changed_at: datetime
    may_change: bool
    may_manage: bool
    shared_as: SharedRole | None
    tags: list[str]
    copied_from: Origin | None
    copies: int
    url: str
    run: RunShape | None
    votes: int
    comments: int
    voted: bool
    bookmarked: bool
    taken_down_at: datetime | None
    taken_down_reason: str

    @classmethod
    def of(
        cls,
        row: Notebook,
        *,
        may_change: bool,
        may_manage: bool,
        shared_as: SharedRole | None,
        tags: list[str],
        origin: Notebook | None,
        copies: int,
        url: str,
        run: RunShape | None,
        tally: Tally,
    ) -> "NotebookShape":
        """`origin` is the notebook it was copied from, if the reader may see that; `tally` has what the reader did, too."""
        return cls(
            id=row.pk,
            name=f"{row.team.slug}/{row.slug}",
            team=row.team.slug,
            project=row.project.slug,
            slug=row.slug,
            title=row.title,
            visibility=Visibility(row.visibility),
            language=row.language,
            internet=row.internet,
            environment=row.environment.full_name if row.environment else "default",
            environment_build=row.environment_number,
            machine_type=row.machine_type,
            cells=row.cells,
            document_bytes=row.document_bytes,
            upgrade=row.upgrade,
            created_by=row.created_by.username,
            created_at=row.created_at,
            changed_at=row.changed_at,
            may_change=may_change,
            may_manage=may_manage,
            shared_as=shared_as,
            tags=tags,
            copied_from=Origin(name=f"{origin.team.slug}/{origin.slug}", id=origin.pk, version=row.copied_version)
            if origin
            else None,
            copies=copies,
            url=url,
            run=run,
            votes=tally.votes,
            comments=tally.comments,
            voted=tally.voted,
            bookmarked=tally.bookmarked,
            taken_down_at=row.taken_down_at,
            taken_down_reason=row.taken_down_reason,
        )


_ENVIRONMENT = "An environment's id or `team/slug`; `default` is the one that comes with the platform."


class NotebookFields(Asked):
    """What is said of a notebook that is made."""

    title: Line = ""
    team: Slug = Field("", description="The personal team when left out.")
    project: Slug = "main"
    visibility: Visibility | None = Field(None, description="The most private one the plan allows when left out.")
    internet: bool = False
    machine_type: Slug = ""
    environment: Line = Field("", description=_ENVIRONMENT)


class NewNotebook(NotebookFields):
    """A notebook to make. `content` is the notebook as a JSON object or its text; left out, the notebook is blank."""

    content: dict[str, Any] | str | None = None
    language: Slug = Field("", description="Of a blank notebook: `python` (when left out), `r`, `javascript`, ...")


class NotebookChange(Asked):
    """What to change; what is left out stays. Internet and environment take effect at the next start."""

    title: Line | None = None
    visibility: Visibility | None = None
    internet: bool | None = None
    environment: Line | None = Field(None, description=_ENVIRONMENT)
    environment_build: int | None = Field(None, ge=1, description="A build of it; left out, it follows the newest.")


class Start(HowToRun):
    """`machine` is the type's slug or label; the one used last when left out. A session takes no options of a run."""

    kind: Literal[LaunchKind.SESSION, LaunchKind.EXECUTION] = LaunchKind.SESSION
    machine: Line = ""
    max_seconds: int | None = Field(None, ge=60, le=366 * 86400)


class Extension(Asked):
    seconds: int = Field(3600, ge=60, le=31 * 86400)


class MachineChange(Asked):
    machine: Line


class Opened(Shape):
    """Where JupyterLab is: the address works once, for one browser, within a minute."""

    url: str
    expires_at: datetime
