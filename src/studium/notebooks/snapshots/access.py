"""A notebook's snapshots, seen as the user: strangers get NotFound, those who may only read it Forbidden.

What is in a workspace is not what readers of the notebook see; that there are snapshots is for those who see its runs.
"""

from studium.accounts.models import User
from studium.errors import Forbidden, NotFound
from studium.notebooks.access import may_see_runs, notebook_for
from studium.notebooks.models import Notebook
from studium.notebooks.snapshots.models import WorkspaceSnapshot


def notebook_with_snapshots(user: User, name: str, *, change: bool = False) -> Notebook:
    """The notebook called `<team>/<slug>` or by its id, for those who may see its snapshots; with `change`, take them and
    put them back."""
    notebook = notebook_for(user, name, change=change)
    if not may_see_runs(user, notebook):
        raise Forbidden(
            "snapshot.of_team", "The snapshots of a notebook are for its team to see.", "Read it, or copy it."
        )
    return notebook


def snapshot_of(notebook: Notebook, snapshot_id: str) -> WorkspaceSnapshot:
    """One of the notebook's, which the caller fetched as the user. Raises NotFound."""
    found = WorkspaceSnapshot.objects.filter(notebook=notebook, pk=snapshot_id).select_related("created_by").first()
    if found is None:
        raise unknown_snapshot(notebook, snapshot_id)
    return found


def unknown_snapshot(notebook: Notebook, snapshot_id: str) -> NotFound:
    return NotFound(
        "snapshot.unknown",
        f"There is no snapshot {snapshot_id[:40]!r} of {notebook.team.slug}/{notebook.slug}.",
        f"`studium notebooks snapshots {notebook.team.slug}/{notebook.slug}` shows those there are.",
    )
