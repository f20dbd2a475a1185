"""Inputs of a session that goes on: what was changed is shown to it at once."""

from dataclasses import replace
from datetime import datetime

from studium.accounts.models import User
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.spec import Tree
from studium.compute.states import LIVE
from studium.errors import StudiumError
from studium.notebooks.inputs import queries
from studium.notebooks.inputs.naming import paths_of
from studium.notebooks.inputs.queries import ShownInput, Sight, given_now
from studium.notebooks.launching import OWNER_KIND
from studium.notebooks.models import Notebook


def session_of(notebook: Notebook) -> Run | None:
    """The notebook's session, queued ones included."""
    live = Run.objects.filter(owner_kind=OWNER_KIND, owner_id=notebook.pk, state__in=[state.value for state in LIVE])
    return live.filter(interactive=True).select_related("user").first()


def show(notebook: Notebook, name: str, *, now: datetime) -> None:
    """Have the session see the input as a new start would, or no more if there is none of this name.

    The other inputs stay as they are: a file that is being read is not exchanged because of them. Where whoever started
    the session may not be shown it, the session sees what it saw.
    """
    run = session_of(notebook)
    if run is None:
        return
    tree = None
    if notebook.inputs.filter(name=name).exists():
        try:
            (given,) = given_now(run.user, notebook, name=name)
        except StudiumError:
            return
        tree = Tree(manifest=given.manifest, targets=paths_of(name))
    compute.change_tree(run, paths_of(name), tree, now=now)


def shown(user: User, notebook: Notebook) -> list[ShownInput]:
    """The inputs of a notebook that the user reads, with how its session sees them."""
    rows, run = queries.shown(user, notebook), session_of(notebook)
    if run is None:
        return rows
    there = {tree.targets: tree.manifest for tree in compute.spec_of(run).trees}
    return [replace(row, sight=_sight(run, row, there)) for row in rows]


def _sight(run: Run, row: ShownInput, there: dict[tuple[str, ...], str]) -> Sight:
    if not row.manifest or there.get(row.paths) != row.manifest:
        return Sight.NEXT
    if run.trees_changed_at is None:
        return Sight.FAILED if run.trees_trouble else Sight.SEEN
    return Sight.COMING
