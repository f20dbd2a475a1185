"""Search over everything the caller may read, and tags."""

from typing import Annotated, Literal

from ninja import Query, Router

from studium.accounts.states import Scope
from studium.api.auth import ApiRequest, allow
from studium.api.paging import Limit
from studium.api.present import show_notebook, show_notebooks
from studium.api.shapes.base import Line, Page, Slug
from studium.api.shapes.notebooks import NotebookShape
from studium.api.shapes.search import HitShape, TagChange, UsedTag
from studium.community.tag_names import tag_name
from studium.errors import BadInput
from studium.lib import clock
from studium.notebooks.access import notebook_for, visible_to
from studium.notebooks.queries import Which
from studium.notebooks.search.queries import search
from studium.notebooks.tags.actions import change_tags
from studium.notebooks.tags.queries import used_tags

router = Router(tags=["search"])


@router.get("/search", response=Page[HitShape], auth=allow(Scope.READ), summary="Search notebooks")
def found(
    request: ApiRequest,
    q: Annotated[str, Query(max_length=300, description='Words, "phrases", `tag:`, `language:` and `by:`.')],
    which: Annotated[
        Which | Literal[""], Query("", description="A listing, as for notebooks; everything when left out.")
    ] = "",
    team: Annotated[Slug, Query("", description="Only this team's.")] = "",
    cursor: Annotated[str, Query("", max_length=200, description="`next_cursor` of the page before.")] = "",
    limit: Limit = 50,
) -> Page[HitShape]:
    """Notebooks that you may read and whose title, tags, text and code have all that is asked for, the best first."""
    user = request.auth.user
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 6):
        raise BadInput(
            "input.cursor", "This cursor is not one of ours.", "Start from the first page, without a cursor."
        )
    result = search(user, q, which=which or None, team=team, offset=int(cursor or 0), limit=limit)
    shown = show_notebooks(user, [hit.notebook for hit in result.hits], now=clock.now())
    items = [HitShape.of(hit, notebook) for hit, notebook in zip(result.hits, shown, strict=True)]
    return Page(items=items, next_cursor=str(result.following or ""))


@router.get("/tags", response=list[UsedTag], auth=allow(Scope.READ), summary="Tags in use")
def tags(
    request: ApiRequest, beginning: Annotated[Line, Query("", description="How they begin.")] = ""
) -> list[UsedTag]:
    """The 50 most used tags of notebooks that you may read."""
    found = used_tags(visible_to(request.auth.user), beginning=tag_name(beginning))
    return [UsedTag(name=name, notebooks=count) for name, count in found]


@router.post(
    "/notebooks/{notebook_id}/tags", response=NotebookShape, auth=allow(Scope.WRITE), summary="Change a notebook's tags"
)
def change(request: ApiRequest, notebook_id: str, body: TagChange) -> NotebookShape:
    """Put tags on and take others off. They are written in small letters, with dashes for spaces."""
    user, now = request.auth.user, clock.now()
    notebook = notebook_for(user, notebook_id, change=True)
    change_tags(user, notebook, now=now, add=body.add, remove=body.remove)
    return show_notebook(user, notebook, now=now)
