"""Secrets of teams, projects and notebooks. Values go to the server and never come back."""

from studium.client.calls import Calls, part
from studium.client.shapes import Secret


class Secrets:
    """`/rest/teams/.../secrets` and `/rest/notebooks/.../secrets`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_team(self, team: str) -> list[Secret]:
        """The team's and those of its projects."""
        return self._calls.get(list[Secret], f"/rest/teams/{part(team)}/secrets")

    def of_project(self, team: str, project: str) -> list[Secret]:
        return self._calls.get(list[Secret], f"/rest/teams/{part(team)}/projects/{part(project)}/secrets")

    def of_notebook(self, notebook_id: str) -> list[Secret]:
        """All that the notebook can use; `attached` are those it is set to use."""
        return self._calls.get(list[Secret], f"/rest/notebooks/{part(notebook_id)}/secrets")

    def set(self, name: str, value: str, *, team: str = "", project: str = "", notebook_id: str = "") -> Secret:
        """Set it for a notebook, for a project of a team, or for a team."""
        return self._calls.put(Secret, _path(name, team, project, notebook_id), {"value": value})

    def delete(self, name: str, *, team: str = "", project: str = "", notebook_id: str = "") -> None:
        """Delete that of exactly this scope."""
        self._calls.do("DELETE", _path(name, team, project, notebook_id))

    def attach(self, notebook_id: str, name: str) -> list[Secret]:
        """Let the notebook's runs have it, from the next start on."""
        return self._calls.post(list[Secret], f"/rest/notebooks/{part(notebook_id)}/secrets/{part(name)}/attach")

    def detach(self, notebook_id: str, name: str) -> list[Secret]:
        return self._calls.post(list[Secret], f"/rest/notebooks/{part(notebook_id)}/secrets/{part(name)}/detach")


def _path(name: str, team: str, project: str, notebook_id: str) -> str:
    if notebook_id:
        return f"/rest/notebooks/{part(notebook_id)}/secrets/{part(name)}"
    if project:
        return f"/rest/teams/{part(team)}/projects/{part(project)}/secrets/{part(name)}"
    return f"/rest/teams/{part(team)}/secrets/{part(name)}"
