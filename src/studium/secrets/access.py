"""Where secrets belong, seen as the user: strangers get NotFound, readers Forbidden, even for the names.

For notebooks the caller fetched the notebook as the user with `manage=True` and makes the place from it.
"""

from dataclasses import dataclass

from studium.accounts.access import project_for, team_for
from studium.accounts.models import Project, Team, User
from studium.accounts.states import Role
from studium.secrets.states import Scope


@dataclass(frozen=True)
class Place:
    """A team, one of its projects, or a holder in a project. A holder's own secrets belong to the holder alone."""

    team: Team
    project: Project | None = None
    holder: str = ""

    @property
    def scope(self) -> Scope:
        if self.holder:
            return Scope.NOTEBOOK
        return Scope.PROJECT if self.project else Scope.TEAM


def team_place(user: User, slug: str) -> Place:
    """The team, for its members."""
    return Place(team_for(user, slug, Role.MEMBER))


def project_place(user: User, team: str, slug: str) -> Place:
    """The project, for members of its team."""
    project = project_for(user, team, slug, Role.MEMBER)
    return Place(project.team, project)
