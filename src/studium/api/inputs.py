"""Inputs of a notebook: list, add, change, remove; and what a version's run was given."""

from ninja import Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.shapes.inputs import InputChange, InputShape, NewInput, VersionInputShape
from studium.api.versions import Number
from studium.datasets.access import dataset_for
from studium.errors import BadInput
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.inputs import actions, live, providers, queries
from studium.notebooks.inputs.naming import no_versions
from studium.notebooks.models import Notebook
from studium.notebooks.versions.queries import version_of

router = Router(tags=["inputs"])
_INPUTS = "/{notebook_id}/inputs"
_ONE = _INPUTS + "/{name}"


def _shown(user: User, notebook: Notebook, name: str) -> InputShape:
    return next(row for row in _all(user, notebook) if row.name == name)


def _all(user: User, notebook: Notebook) -> list[InputShape]:
    found = [InputShape.of(row) for row in live.shown(user, notebook)]
    found += [InputShape.of_provider(row) for row in providers.shown_providers(user, notebook)]
    return sorted(found, key=lambda row: row.name)


@router.get(_INPUTS, response=list[InputShape], auth=allow(Scope.READ), summary="Inputs of a notebook")
def inputs(request: ApiRequest, notebook_id: str) -> list[InputShape]:
    """What its runs are shown, by name, with what the next one gets."""
    user = request.auth.user
    return _all(user, notebook_for(user, notebook_id))


@router.post(_INPUTS, response={201: InputShape}, auth=allow(Scope.WRITE), summary="Add an input")
def add(request: ApiRequest, notebook_id: str, body: NewInput) -> Status[InputShape]:
    """Have its session and the runs that start from now on see a dataset or another notebook's output files, read-only.

    A storage provider of its team is in the session from its next start on.
    """
    user = request.auth.user
    notebook = notebook_for(user, notebook_id, change=True)
    if [bool(body.source), bool(body.dataset), bool(body.provider)].count(True) != 1:
        raise BadInput(
            "input.source", "An input is of a notebook, of a dataset or of a storage provider.", "Name one of them."
        )
    if body.provider:
        if body.version is not None:
            raise no_versions(body.provider)
        added = providers.add_provider(user, notebook, body.provider, now=clock.now(), called=body.name)
        return Status(201, _shown(user, notebook, added.name))
    source = dataset_for(user, body.dataset) if body.dataset else notebook_for(user, body.source)
    made = actions.add_input(user, notebook, source, now=clock.now(), number=body.version, name=body.name)
    return Status(201, _shown(user, notebook, made.name))


@router.patch(_ONE, response=InputShape, auth=allow(Scope.WRITE), summary="Change the version of an input")
def change(request: ApiRequest, notebook_id: str, name: str, body: InputChange) -> InputShape:
    """Stay with a version, or follow the newest. A session that goes on sees it at once."""
    user = request.auth.user
    notebook = notebook_for(user, notebook_id, change=True)
    actions.change_input(user, notebook, name, body.version, now=clock.now())
    return _shown(user, notebook, name)


@router.delete(_ONE, response={204: None}, auth=allow(Scope.WRITE), summary="Remove an input")
def remove(request: ApiRequest, notebook_id: str, name: str) -> Status[None]:
    """Its session and the runs that start from now on do not see it; a provider stays in the session."""
    user = request.auth.user
    actions.remove_input(user, notebook_for(user, notebook_id, change=True), name, now=clock.now())
    return Status(204, None)


@router.get(
    "/{notebook_id}/versions/{number}/inputs",
    response=list[VersionInputShape],
    auth=allow(Scope.READ),
    summary="Inputs of a version",
)
def of_version(request: ApiRequest, notebook_id: str, number: Number) -> list[VersionInputShape]:
    """What its run was shown, by name, with the versions that it was."""
    user = request.auth.user
    version = version_of(notebook_for(user, notebook_id), number)
    return [VersionInputShape.of(row) for row in queries.shown_of_version(user, version)]
