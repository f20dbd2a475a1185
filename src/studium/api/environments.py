"""Environments: list, make, build anew, read what is in them."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Query, Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.machines import team_named
from studium.api.shapes.base import Slug
from studium.api.shapes.environments import (
    BuildDetail,
    BuildShape,
    EnvironmentChange,
    EnvironmentShape,
    NewBuild,
    NewEnvironment,
)
from studium.environments import actions, queries
from studium.environments.access import environment_for, visible_to
from studium.environments.errors import unknown_build
from studium.environments.models import Environment
from studium.lib import clock
from studium.storage import actions as storage

router = Router(tags=["environments"])
_ONE = "/{environment_id}"
_BUILDS = _ONE + "/builds"
_BUILD = _BUILDS + "/{int:number}"


def _shown(row: Environment) -> EnvironmentShape:
    return EnvironmentShape.of(row, present=queries.current_build(row), latest=queries.builds_of(row).first())


@router.get("", response=list[EnvironmentShape], auth=allow(Scope.READ), summary="List environments")
def environments(
    request: ApiRequest, team: Annotated[Slug, Query("", description="One team's.")] = ""
) -> list[EnvironmentShape]:
    """The default one and those of your teams: what you can choose for a notebook."""
    rows = visible_to(request.auth.user)
    if team:
        rows = rows.filter(team=team_named(request.auth.user, team))
    return [_shown(row) for row in rows.order_by("team__slug", "slug")]


@router.post("", response={201: EnvironmentShape}, auth=allow(Scope.TEAM), summary="Make an environment")
def create(request: ApiRequest, body: NewEnvironment) -> Status[EnvironmentShape]:
    """Make it and build it, in a run that can reach nothing but the package index."""
    user = request.auth.user
    team = team_named(user, body.team)
    made = actions.create_environment(user, team, body.title, body.kind, body.source, now=clock.now())
    return Status(201, _shown(made))


@router.get(_ONE, response=EnvironmentShape, auth=allow(Scope.READ), summary="One environment")
def environment(request: ApiRequest, environment_id: str) -> EnvironmentShape:
    """An environment by its id; `default` is the one that comes with the platform."""
    return _shown(environment_for(request.auth.user, environment_id))


@router.patch(_ONE, response=EnvironmentShape, auth=allow(Scope.TEAM), summary="Rename an environment")
def rename(request: ApiRequest, environment_id: str, body: EnvironmentChange) -> EnvironmentShape:
    """Give it another title. Its name in addresses stays."""
    user = request.auth.user
    return _shown(actions.rename(user, _to_change(user, environment_id), body.title, now=clock.now()))


@router.delete(_ONE, response={204: None}, auth=allow(Scope.TEAM), summary="Delete an environment")
def delete(request: ApiRequest, environment_id: str) -> Status[None]:
    """Runs that have it keep it until they end; notebooks that use it must choose another to start again."""
    user = request.auth.user
    actions.delete_environment(user, _to_change(user, environment_id), now=clock.now())
    return Status(204, None)


def _to_change(user: User, environment_id: str) -> Environment:
    return environment_for(user, environment_id, change=True)


@router.get(_BUILDS, response=list[BuildShape], auth=allow(Scope.READ), summary="Builds of an environment")
def builds(request: ApiRequest, environment_id: str) -> list[BuildShape]:
    """The hundred newest, newest first."""
    found = queries.builds_of(environment_for(request.auth.user, environment_id))
    return [BuildShape.of(row) for row in found[:100]]


@router.post(_BUILDS, response={201: BuildShape}, auth=allow(Scope.TEAM), summary="Build an environment anew")
def build_anew(request: ApiRequest, environment_id: str, body: NewBuild) -> Status[BuildShape]:
    """Resolve and build it again. Notebooks that follow the environment get the build when it is ready."""
    user = request.auth.user
    made = actions.build_anew(user, _to_change(user, environment_id), body.kind, body.source, now=clock.now())
    return Status(201, BuildShape.of(made))


@router.get(_BUILD, response=BuildDetail, auth=allow(Scope.READ), summary="One build with its packages")
def build(request: ApiRequest, environment_id: str, number: int) -> BuildDetail:
    """What was asked for, what came of it, and every package by version."""
    return BuildDetail.of(queries.build_of(environment_for(request.auth.user, environment_id), number))


@router.get(
    _BUILD + "/lock",
    auth=allow(Scope.READ),
    summary="The lock of a build",
    openapi_extra={"responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}},
)
def lock(request: ApiRequest, environment_id: str, number: int) -> HttpResponse:
    """Every package by exact version and hash, as `requirements.txt`. The default environment's came with the platform."""
    row = environment_for(request.auth.user, environment_id)
    found = queries.build_of(row, number)
    if not found.lock:
        raise unknown_build(row.full_name, number)
    return HttpResponse(storage.get(found.lock), content_type="text/plain; charset=utf-8")
