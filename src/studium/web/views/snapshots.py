"""Snapshots of a notebook's workspace: those there are, and what is done with them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.compute.volumes.states import SnapshotState
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import may_change
from studium.notebooks.models import Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.snapshots import actions, queries
from studium.notebooks.snapshots.access import notebook_with_snapshots, snapshot_of
from studium.web.requests import UserRequest, signed_in
from studium.web.views.notebooks import address


@signed_in
@require_GET
def listing(request: UserRequest, team: str, slug: str) -> HttpResponse:
    return _page(request, notebook_with_snapshots(request.user, f"{team}/{slug}"))


@signed_in
@require_GET
def state(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """What changes by itself, alone, for a page that watches."""
    notebook = notebook_with_snapshots(request.user, f"{team}/{slug}")
    return render(request, "snapshots/state.html", _context(request, notebook))


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """`do` says what: take (with `note`), put-back or forget (with `snapshot`), cancel."""
    notebook = notebook_with_snapshots(request.user, f"{team}/{slug}", change=True)
    now, chosen, user = clock.now(), request.POST.get("snapshot", ""), request.user
    try:
        match request.POST.get("do", ""):
            case "take":
                note = request.POST.get("note", "")
                actions.take(user, notebook, stored=stored_bytes(notebook.team), now=now, note=note)
                said = "A snapshot is being taken."
            case "put-back":
                snapshot = snapshot_of(notebook, chosen)
                actions.put_back(user, notebook, snapshot, stored=stored_bytes(notebook.team), now=now)
                said = "It is put back as soon as no run has the workspace; what is in it then is kept first."
            case "forget":
                actions.delete(user, snapshot_of(notebook, chosen), now=now)
                said = "The snapshot is deleted."
            case "cancel":
                actions.give_up(user, notebook, now=now)
                said = "The workspace stays as it is."
            case _:
                raise BadInput("snapshot.do_unknown", "The form does not say what to do.", "Go back and choose.")
    except StudiumError as error:
        if error.status == 404:
            raise
        return _page(request, notebook, error)
    messages.success(request, said)
    return redirect(address(notebook) + "snapshots/")


def _page(request: UserRequest, notebook: Notebook, error: StudiumError | None = None) -> HttpResponse:
    context = {**_context(request, notebook), "error": error, "typed": request.POST.get("note", "")}
    return render(request, "snapshots/list.html", context, status=error.status if error else 200)


def _context(request: UserRequest, notebook: Notebook) -> dict[str, object]:
    rows, care = list(queries.snapshots_of(notebook)), queries.care_of(notebook)
    waiting = [each for each in rows if each.state == SnapshotState.WAITING]
    return {
        "now": clock.now(),
        "notebook": notebook,
        "url": address(notebook),
        "snapshots": rows,
        "care": care,
        "able": may_change(request.user, notebook),
        "busy": bool(waiting) or care.restoring is not None,
        "used": queries.had_by_a_run(notebook),
        "emptying": notebook.emptying_at is not None,
        "most": actions.MOST,
        "of_platform": actions.MOST_OF_PLATFORM,
    }
