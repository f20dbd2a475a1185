"""What there is to read of a notebook now: its rendered page, or why there is none."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from studium.accounts.actions import make_ticket
from studium.config.options import options
from studium.notebooks.models import Notebook
from studium.web.requests import UserRequest

DOCUMENT = "doc-"
# Before the id of a dataset: the content host of its files.
DATA = "data-"
State = Literal["empty", "rendering", "failed", "ready", "stale"]


@dataclass(frozen=True, kw_only=True)
class DocumentShown:
    """`state` says which part of the page to show; `source` is the frame's address, good for one use.

    A page that looks again says what it `shows`, and is told nothing while that is so.
    """

    state: State
    source: str = ""
    error: str = ""
    shows: str = ""

    @property
    def changing(self) -> bool:
        return self.state in ("rendering", "stale")


def document_state(notebook: Notebook) -> State:
    """Where rendering stands."""
    if notebook.cells == 0:
        return "empty"
    current = notebook.rendered_of == notebook.document
    if current and notebook.render_error:
        return "failed"
    if not notebook.rendered:
        return "rendering"
    return "ready" if current else "stale"


def show_document(request: UserRequest, notebook: Notebook, *, now: datetime) -> DocumentShown:
    """The document as the page shows it. Makes a ticket into its host; the caller has checked that the user may read it."""
    state, shows = document_state(notebook), what_shows(notebook)
    if state not in ("ready", "stale"):
        return DocumentShown(state=state, error=notebook.render_error, shows=shows)
    return DocumentShown(state=state, source=entrance(request, DOCUMENT + notebook.label, "/", now=now), shows=shows)


def what_shows(notebook: Notebook) -> str:
    """What a page shows of the document, in a word that is another as soon as it is to show something else."""
    return f"{document_state(notebook)}-{notebook.rendered[:16]}"


def entrance(request: UserRequest, label: str, path: str, *, now: datetime) -> str:
    """An address that lets this user into a content host once, within the ticket's life, until they sign out."""
    ticket = make_ticket(request.user, label, path, now=now, session=request.session.session_key or "")
    return f"{options().content_url(label)}/-/enter?ticket={ticket}"


def lab_path(request: UserRequest, notebook: Notebook) -> str:
    """Where JupyterLab opens the notebook: on a phone alone, in a layout of its own without the file browser."""
    hint = request.headers.get("Sec-CH-UA-Mobile")  # other browsers than Chromium say it in the old way
    phone = hint == "?1" if hint else "Mobi" in request.headers.get("User-Agent", "")
    return f"/{'doc/workspaces/phone' if phone else 'lab'}/tree/{notebook.filename}"
