"""Sharing of notebooks: with people by name, by links, and coming by one."""

from django.views.decorators.debug import sensitive_variables
from ninja import Router, Status

from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.api import addresses
from studium.api.auth import ApiRequest, allow
from studium.api.present import show_notebook
from studium.api.shapes.notebooks import NotebookShape
from studium.api.shapes.sharing import (
    CollaboratorShape,
    LinkToCome,
    NewShare,
    NewShareLink,
    ShareLinkShape,
    SharesShape,
)
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.launching import place_of
from studium.notebooks.models import Notebook
from studium.notebooks.sharing import actions, queries
from studium.secrets.queries import given_names

router = Router(tags=["sharing"])
_SHARES = "/notebooks/{notebook_id}/shares"
_LINKS = "/notebooks/{notebook_id}/links"


def _managed(user: User, notebook_id: str) -> Notebook:
    return notebook_for(user, notebook_id, manage=True)


@router.get(_SHARES, response=SharesShape, auth=allow(Scope.READ), summary="With whom a notebook is shared")
def shares(request: ApiRequest, notebook_id: str) -> SharesShape:
    """People and links, for those who manage the notebook."""
    notebook = _managed(request.auth.user, notebook_id)
    return SharesShape(
        people=[CollaboratorShape.of(row) for row in queries.people_of(notebook)],
        links=[ShareLinkShape.of(shown) for shown in queries.links_of(notebook, now=clock.now())],
        given_secrets=given_names(place_of(notebook)),
    )


@router.post(_SHARES, response=CollaboratorShape, auth=allow(Scope.WRITE), summary="Share a notebook with somebody")
def share(request: ApiRequest, notebook_id: str, body: NewShare) -> CollaboratorShape:
    """Add a person as reader or editor, or change as what. An editor runs code on the allowance of the notebook's team."""
    user = request.auth.user
    notebook = _managed(user, notebook_id)
    person = queries.person_called(user, body.person)
    return CollaboratorShape.of(actions.share(user, notebook, person, body.role, now=clock.now()))


@router.delete(
    _SHARES + "/{username}", response={204: None}, auth=allow(Scope.WRITE), summary="Share a notebook no longer"
)
def unshare(request: ApiRequest, notebook_id: str, username: str) -> Status[None]:
    """Remove somebody and stop what they run in it; with your own name, leave."""
    user = request.auth.user
    own = username == user.username
    notebook = notebook_for(user, notebook_id) if own else _managed(user, notebook_id)
    actions.remove(user, notebook, queries.collaborator(notebook, username), now=clock.now())
    return Status(204, None)


@router.post(_LINKS, response={201: ShareLinkShape}, auth=allow(Scope.WRITE), summary="Make a link to share")
@sensitive_variables("secret")
def make_link(request: ApiRequest, notebook_id: str, body: NewShareLink) -> Status[ShareLinkShape]:
    """A link that makes who opens it reader or editor. Its address is in this answer and nowhere else."""
    user, now = request.auth.user, clock.now()
    link, secret = actions.make_link(
        user, _managed(user, notebook_id), body.role, now=now, days=body.days, most_uses=body.most_uses
    )
    shown = queries.LinkShown(link=link, used=0, state="open")
    return Status(201, ShareLinkShape.of(shown, addresses.shared(secret)))


@router.delete(_LINKS + "/{link_id}", response={204: None}, auth=allow(Scope.WRITE), summary="Revoke a link")
def revoke_link(request: ApiRequest, notebook_id: str, link_id: str) -> Status[None]:
    """It lets nobody in any more; who came by it stays. Repeatable."""
    user = request.auth.user
    actions.revoke_link(user, _managed(user, notebook_id), link_id, now=clock.now())
    return Status(204, None)


@router.post("/shared", response=NotebookShape, auth=allow(Scope.WRITE), summary="Come by a link")
def come(request: ApiRequest, body: LinkToCome) -> NotebookShape:
    """Become a collaborator by a link, once a person. Repeatable; a role that is there already is never lowered."""
    user, now = request.auth.user, clock.now()
    notebook = actions.accept_link(user, body.link.rstrip("/").rsplit("/", 1)[-1], now=now)
    return show_notebook(user, notebook, now=now)
