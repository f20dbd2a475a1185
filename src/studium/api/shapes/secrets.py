"""Secrets as the API shows them, which is without their values, and what sets one."""

from datetime import datetime

from pydantic import Field, SecretStr

from studium.api.shapes.base import Asked, Shape
from studium.secrets.queries import Shown
from studium.secrets.states import Scope


class SecretShape(Shape):
    """A secret; no answer has its value. `project` is empty but for a project's, `notebook` (an id) but for a notebook's.

    `attached` and `hidden` are about the notebook that was asked for: it is set to use the name; a narrower secret of the
    name is what it gets instead. `given_at` is when a run was last given it.
    """

    name: str
    scope: Scope
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

    @classmethod
    def of(cls, shown: Shown, team: str) -> "SecretShape":
        row = shown.secret
        return cls(
            name=row.name,
            scope=shown.scope,
            team=team,
            project=row.project.slug if row.project else "",
            notebook=row.holder.rpartition(":")[2],
            created_by=row.created_by.username if row.created_by else "",
            created_at=row.created_at,
            changed_by=row.changed_by.username if row.changed_by else "",
            changed_at=row.changed_at,
            given_at=row.given_at,
            attached=shown.attached,
            hidden=shown.hidden,
        )


class SecretValue(Asked):
    value: SecretStr = Field(description="Text of 1 byte to 32 KiB, without NUL. It is never shown again.")
