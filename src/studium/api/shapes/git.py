"""Notebooks from git: what is asked for, how they stand, and the work of their git runs."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from studium.api.shapes.base import Asked, Line, Shape, no_control
from studium.api.shapes.notebooks import NotebookFields
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.naming import Wanted
from studium.notebooks.git.states import Cloned, Verb, WorkState, next_step

Url = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True), AfterValidator(no_control)]
Path = Annotated[str, StringConstraints(max_length=400, strip_whitespace=True), AfterValidator(no_control)]


class GitFields(Asked):
    """A repository and what is to be had of it."""

    url: Url = Field(description="`https://host/path.git`, without a user or password.")
    ref: Line = Field("", description="A branch, a tag or a commit's 40 digits; the default branch when left out.")
    path: Path = Field("", description="The notebook in it; left out, the only one, or one chosen afterwards.")
    secret: Line = Field("", description="The name of a secret of the project or team with a token.")
    username: Line = Field("", description="Who the token belongs to; many servers take any name.")
    submodules: bool = Field(False, description="Fetch its submodules too.")
    depth: int = Field(0, ge=0, le=100_000, description="Commits of history; 0 is all of it.")

    def wanted(self) -> Wanted:
        return Wanted(**{name: getattr(self, name) for name in GitFields.model_fields})


class NewGitNotebook(GitFields, NotebookFields):
    """A notebook to make from a repository. The title is the repository's name when left out."""


class GitCredentials(Asked):
    """Which secret git uses from now on; an empty name for none."""

    secret: Line = ""
    username: Line = ""


class GitChoice(Asked):
    """One of `candidates`, or nothing, to begin a blank notebook in a repository that has none."""

    path: Path = ""


class GitPull(Asked):
    """With `keep`, files that were changed here and at the server get another name here and the server's take their place."""

    keep: bool = False


class GitPush(Asked):
    """The message of the commit, and another branch to push to than the one the workspace is on."""

    message: str = Field(max_length=5000)
    branch: Line = ""


class GitShape(Shape):
    """How a notebook from git stands. `state` is `cloning`, `choosing` (see `candidates`), `taking`, `none` (no notebook in it),
    `ready` or `failed` (see `code` and `trouble`).

    `ahead`, `behind` and `dirty` count commits here, commits at the server and changed files as of `looked_at`. `kind` is
    `branch`, `tag` or `commit`. `lfs` counts files that Git LFS keeps and that are pointers here.
    """

    url: str
    ref: str
    path: str
    secret: str
    username: str
    submodules: bool
    depth: int
    state: Cloned
    code: str
    trouble: str
    candidates: list[str]
    kind: str
    branch: str
    commit: str
    subject: str
    author: str
    committed_at: datetime | None
    ahead: int
    behind: int
    dirty: int
    lfs: int
    notes: list[str]
    looked_at: datetime | None

    @classmethod
    def of(cls, row: Repository) -> "GitShape":
        fields: dict[str, Any] = {name: getattr(row, name) for name in cls.model_fields}
        return cls(**fields)


class GitWorkShape(Shape):
    """What one git run does or did: `live`, then `done` or `failed` with `code`, `message` and `next_step`.

    `changed` counts files of a push or commits of a pull, `pushed` commits that were sent, `kept` are the names that files of
    yours were given, `files` those that stood in the way.
    """

    id: str
    verb: Verb
    state: WorkState
    run: str
    code: str
    message: str
    next_step: str
    changed: int
    pushed: int
    kept: list[str]
    files: list[str]
    created_by: str
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: GitWork) -> "GitWorkShape":
        return cls(
            id=row.pk,
            verb=Verb(row.verb),
            state=WorkState(row.state),
            run=row.run_id,
            code=row.code,
            message=row.message,
            next_step=next_step(row.code) if row.code else "",
            changed=row.result.get("changed", 0),
            pushed=row.result.get("pushed", 0),
            kept=row.result.get("kept", []),
            files=row.result.get("files", []),
            created_by=row.created_by.username,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )
