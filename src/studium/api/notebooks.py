"""Notebooks: list, make, change, read. Starting them is in `launches`."""

import json
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile

from studium.accounts.access import project_for
from studium.accounts.models import User
from studium.accounts.states import Role, Scope
from studium.api.auth import ApiRequest, allow
from studium.api.failures import too_large
from studium.api.machines import TeamName, team_named
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_notebook, show_notebooks
from studium.api.shapes.base import Line, Page, Slug
from studium.api.shapes.notebooks import NewNotebook, NotebookChange, NotebookFields, NotebookShape
from studium.community.tag_names import tag_name
from studium.compute.actions import find_machine_type
from studium.config.options import options
from studium.environments.access import environment_for
from studium.lib import clock
from studium.notebooks import actions, queries
from studium.notebooks.access import notebook_for
from studium.notebooks.models import Notebook
from studium.storage import actions as storage

router = Router(tags=["notebooks"])
NOTEBOOK_TYPE = "application/x-ipynb+json"


@router.get("", response=Page[NotebookShape], auth=allow(Scope.READ), summary="List notebooks")
def notebooks(
    request: ApiRequest,
    team: TeamName = "",
    project: Annotated[Slug, Query("", description="A project of that team.")] = "",
    q: Annotated[Line, Query("", description="Words of the title.")] = "",
    title: Annotated[Line, Query("", description="The whole title.")] = "",
    name: Annotated[Line, Query("", description="An id, `team/slug`, or a slug in one of your teams.")] = "",
    which: Annotated[
        queries.Which,
        Query(
            "team",
            description="`mine`, all of your teams' (`team`), those `shared` with you, or everybody's `public` ones.",
        ),
    ] = "team",
    by: Annotated[Slug, Query("", description="Only those that this person made.")] = "",
    sort: Annotated[
        queries.Sort, Query("recent", description="Last changed first, or those with most `votes` or `comments`.")
    ] = "recent",
    tag: Annotated[Line, Query("", description="One that they have.")] = "",
    copies_of: Annotated[
        Line, Query("", description="The copies of the notebook with this id, whosever they are.")
    ] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[NotebookShape]:
    """Notebooks, last changed first. Without `team` those of all your teams."""
    now, user = clock.now(), request.auth.user
    if team:
        team_named(user, team)
    if copies_of:
        rows = queries.copies_for(user, notebook_for(user, copies_of))
    else:
        rows = queries.listing(user, which, q, team, tag_name(tag)) if not name else queries.named(user, name)
    if project:
        rows = rows.filter(project__slug=project)
    if title:
        rows = rows.filter(title=title)
    if by:
        rows = rows.filter(created_by__username=by)
    ranked, field = queries.ranked(rows, sort)
    found, following = page(ranked, cursor, limit, field, lambda row: getattr(row, field))
    return Page(items=show_notebooks(user, found, now=now), next_cursor=following)


@router.post("", response={201: NotebookShape}, auth=allow(Scope.WRITE), summary="Make a notebook")
def create(request: ApiRequest, body: NewNotebook) -> Status[NotebookShape]:
    """A blank notebook, or one with the given content."""
    given = json.dumps(body.content) if isinstance(body.content, dict) else body.content
    return Status(201, _create(request.auth.user, body, None if given is None else given.encode(), body.language))


@router.post("/upload", response={201: NotebookShape}, auth=allow(Scope.WRITE), summary="Make a notebook from a file")
def upload(request: ApiRequest, file: File[UploadedFile], fields: Form[NotebookFields]) -> Status[NotebookShape]:
    """The same as a `multipart/form-data` upload; the title is the file's name when left out."""
    if (file.size or 0) > options().notebook_bytes:
        raise too_large()
    named = fields.title or (file.name or "").removesuffix(".ipynb")
    return Status(201, _create(request.auth.user, fields.model_copy(update={"title": named}), file.read()))


def _create(user: User, body: NotebookFields, content: bytes | None, language: str = "") -> NotebookShape:
    now = clock.now()
    project = project_for(user, team_named(user, body.team).slug, body.project, Role.MEMBER)
    machine = find_machine_type(body.machine_type).slug if body.machine_type else ""
    environment = environment_for(user, body.environment) if body.environment else None
    made = actions.create_notebook(
        user,
        project,
        body.title,
        content,
        now=now,
        visibility=body.visibility,
        internet=body.internet,
        machine_type=machine,
        language=language,
        environment=environment,
    )
    return show_notebook(user, made, now=now)


@router.get("/{notebook_id}", response=NotebookShape, auth=allow(Scope.READ), summary="One notebook")
def notebook(request: ApiRequest, notebook_id: str) -> NotebookShape:
    """The notebook, if it is yours to read."""
    return show_notebook(request.auth.user, notebook_for(request.auth.user, notebook_id), now=clock.now())


@router.patch(
    "/{notebook_id}",
    response=NotebookShape,
    auth=allow(Scope.WRITE),
    summary="Change title, visibility, internet access or environment",
)
def change(request: ApiRequest, notebook_id: str, body: NotebookChange) -> NotebookShape:
    """Change what is given. Internet access and environment take effect at the next start."""
    user, now = request.auth.user, clock.now()
    found = notebook_for(user, notebook_id, change=True)
    if body.environment is not None:
        chosen = environment_for(user, body.environment)
        found = actions.choose_environment(user, found, chosen, now=now, number=body.environment_build)
    changed = actions.update_notebook(
        user, found, now=now, title=body.title, visibility=body.visibility, internet=body.internet
    )
    return show_notebook(user, changed, now=now)


@router.delete("/{notebook_id}", response={204: None}, auth=allow(Scope.WRITE), summary="Delete a notebook")
def delete(request: ApiRequest, notebook_id: str) -> Status[None]:
    """Stop its run and delete it with its workspace."""
    user = request.auth.user
    actions.delete_notebook(user, notebook_for(user, notebook_id, manage=True), now=clock.now())
    return Status(204, None)


RAW: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/{notebook_id}/content",
    auth=allow(Scope.READ),
    summary="Download the notebook",
    openapi_extra={"responses": {200: {"description": "The .ipynb file", "content": {NOTEBOOK_TYPE: RAW}}}},
)
def content(request: ApiRequest, notebook_id: str) -> HttpResponse:
    """The newest known document as a file. A running session's is at most some seconds behind."""
    found = notebook_for(request.auth.user, notebook_id)
    return notebook_file(found, found.document)


@router.put(
    "/{notebook_id}/content",
    response=NotebookShape,
    auth=allow(Scope.WRITE),
    summary="Replace the notebook",
    openapi_extra={"requestBody": {"required": True, "content": {NOTEBOOK_TYPE: RAW}}},
)
def replace(request: ApiRequest, notebook_id: str) -> NotebookShape:
    """Put other content in place: the body is the .ipynb file itself. Refused while a run holds the workspace."""
    user, now = request.auth.user, clock.now()
    found = notebook_for(user, notebook_id, change=True)
    return show_notebook(user, actions.replace_document(user, found, body_of(request), now=now), now=now)


def body_of(request: HttpRequest) -> bytes:
    """The raw body, at most as large as a notebook may be."""
    if int(request.headers.get("Content-Length") or 0) > options().notebook_bytes:
        raise too_large()
    body = request.body
    if len(body) > options().notebook_bytes:
        raise too_large()
    return body


def notebook_file(notebook: Notebook, digest: str, suffix: str = "") -> HttpResponse:
    """A stored document as a download that no browser shows as a page. `suffix` goes into the file's name."""
    response = HttpResponse(storage.get(digest), content_type=NOTEBOOK_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{notebook.slug}{suffix}.ipynb"'
    return never_a_page(response)


R = TypeVar("R", bound=HttpResponseBase)


def never_a_page(response: R) -> R:
    """The response, whose bytes are somebody's, marked so that a browser neither guesses a type nor runs it."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox"
    return response
