"""Secrets of teams, projects and notebooks: names and dates are shown, values never."""

from ninja import Path, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.secrets import SecretShape, SecretValue
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.launching import place_of
from studium.secrets import actions, queries
from studium.secrets.access import Place, project_place, team_place

router = Router(tags=["secrets"])
Listed = list[SecretShape]
_TEAM, _PROJECT, _NOTEBOOK = (
    "/teams/{slug}/secrets",
    "/teams/{slug}/projects/{project}/secrets",
    "/notebooks/{notebook_id}/secrets",
)


def _notebook(user: User, notebook_id: str) -> Place:
    return place_of(notebook_for(user, notebook_id, manage=True))


def _set(user: User, place: Place, name: str, body: SecretValue) -> SecretShape:
    row = actions.set_secret(user, place, name, body.value.get_secret_value(), now=clock.now())
    shown = queries.Shown(row, place.scope, attached=bool(place.holder))
    return SecretShape.of(shown, place.team.slug)


def _delete(user: User, place: Place, name: str) -> Status[None]:
    actions.delete_secret(user, place, name, now=clock.now())
    return Status(204, None)


@router.get(_TEAM, response=Listed, auth=allow(Scope.READ), summary="Secrets of a team and its projects")
def of_team(request: ApiRequest, slug: str) -> Listed:
    """Names, who set them and when they were last given to a run, for members."""
    team = team_place(request.auth.user, slug).team
    return [SecretShape.of(shown, team.slug) for shown in queries.of_team(team)]


@router.put(_TEAM + "/{name}", response=SecretShape, auth=allow(Scope.TEAM), summary="Set a secret of a team")
def set_of_team(request: ApiRequest, slug: str, name: str, body: SecretValue) -> SecretShape:
    """Make it or give it another value. Runs that start from now on get that."""
    return _set(request.auth.user, team_place(request.auth.user, slug), name, body)


@router.delete(_TEAM + "/{name}", response={204: None}, auth=allow(Scope.TEAM), summary="Delete a secret of a team")
def delete_of_team(request: ApiRequest, slug: str, name: str) -> Status[None]:
    """Runs that have it keep it until they end."""
    return _delete(request.auth.user, team_place(request.auth.user, slug), name)


@router.get(_PROJECT, response=Listed, auth=allow(Scope.READ), summary="Secrets of a project")
def of_project(request: ApiRequest, slug: str, project: str) -> Listed:
    """Those of the project itself, for members."""
    place = project_place(request.auth.user, slug, project)
    return [SecretShape.of(queries.Shown(row, place.scope), slug) for row in queries.own(place)]


@router.put(_PROJECT + "/{name}", response=SecretShape, auth=allow(Scope.TEAM), summary="Set a secret of a project")
def set_of_project(request: ApiRequest, slug: str, project: str, name: str, body: SecretValue) -> SecretShape:
    """The project's notebooks get it instead of the team's of the same name."""
    return _set(request.auth.user, project_place(request.auth.user, slug, project), name, body)


@router.delete(
    _PROJECT + "/{name}", response={204: None}, auth=allow(Scope.TEAM), summary="Delete a secret of a project"
)
def delete_of_project(request: ApiRequest, slug: str, project: str, name: str) -> Status[None]:
    """Notebooks that use the name get the team's from then on, if there is one."""
    return _delete(request.auth.user, project_place(request.auth.user, slug, project), name)


@router.get(_NOTEBOOK, response=Listed, auth=allow(Scope.READ), summary="Secrets a notebook can use")
def of_notebook(request: ApiRequest, notebook_id: str) -> Listed:
    """The notebook's, its project's and its team's, with which it is set to use; for those who may run it."""
    place = _notebook(request.auth.user, notebook_id)
    return [SecretShape.of(shown, place.team.slug) for shown in queries.for_notebook(place)]


@router.put(_NOTEBOOK + "/{name}", response=SecretShape, auth=allow(Scope.WRITE), summary="Set a secret of a notebook")
def set_of_notebook(request: ApiRequest, notebook_id: str, name: str, body: SecretValue) -> SecretShape:
    """For this notebook alone, which is set to use it. It wins over others of the name."""
    return _set(request.auth.user, _notebook(request.auth.user, notebook_id), name, body)


@router.delete(
    _NOTEBOOK + "/{name}", response={204: None}, auth=allow(Scope.WRITE), summary="Delete a secret of a notebook"
)
def delete_of_notebook(request: ApiRequest, notebook_id: str, name: str) -> Status[None]:
    """The notebook gets the project's or team's of the name from then on, if there is one."""
    return _delete(request.auth.user, _notebook(request.auth.user, notebook_id), name)


@router.post(
    _NOTEBOOK + "/{name}/attach", response=Listed, auth=allow(Scope.WRITE), summary="Let a notebook use a secret"
)
def attach(request: ApiRequest, notebook_id: str, name: Path[str]) -> Listed:
    """Its runs get the secret of this name from the next start on. Repeatable."""
    user = request.auth.user
    actions.attach(user, _notebook(user, notebook_id), name, now=clock.now())
    return of_notebook(request, notebook_id)


@router.post(
    _NOTEBOOK + "/{name}/detach",
    response=Listed,
    auth=allow(Scope.WRITE),
    summary="Let a notebook use a secret no more",
)
def detach(request: ApiRequest, notebook_id: str, name: Path[str]) -> Listed:
    """Its runs no longer get the secret from the next start on. Repeatable."""
    user = request.auth.user
    actions.detach(user, _notebook(user, notebook_id), name, now=clock.now())
    return of_notebook(request, notebook_id)
