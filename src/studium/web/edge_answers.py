"""What the web process tells the edge: where a content host leads, whether somebody may enter, what a page may follow.

Mounted below `/-/edge/`, which the edge serves to nobody; each question carries the edge's key. The shapes are written
down in `studium.edge.webport`.
"""

import hmac
import json
import re
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from studium.accounts.access import team_for
from studium.accounts.actions import STAY_LIFE, use_ticket
from studium.accounts.models import User
from studium.accounts.queries import stays
from studium.compute.actions import note_activity, spec_of
from studium.compute.states import State
from studium.config.options import options
from studium.datasets.access import visible_to as visible_datasets
from studium.datasets.models import Dataset
from studium.errors import NotFound, Refused
from studium.lib import clock
from studium.notebooks.access import may_change, notebook_for, run_as, visible_to
from studium.notebooks.actions import live_run
from studium.notebooks.models import Notebook
from studium.plans.queries import standing
from studium.web import fenced
from studium.web.shown.documents import DATA, DOCUMENT

# Who has entered, in the edge's cookie: the person and the ticket they came by.
_ENTERED = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,17})", re.ASCII)
Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


def _answers(answer: Answer) -> Callable[[HttpRequest], HttpResponse]:
    """A view that checks the edge's key, reads the question and answers in JSON; None becomes 404."""

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Studium-Edge-Key", "")
        if request.method != "POST" or not hmac.compare_digest(given.encode(), options().edge_key.encode()):
            raise Http404
        found = answer(json.loads(request.body))
        return HttpResponse(status=404) if found is None else JsonResponse(found)

    return view


def _notebook(label: str) -> Notebook | None:
    """The notebook whose session or rendered document has this content host."""
    rows = Notebook.objects.filter(label=label.removeprefix(DOCUMENT), deleted_at=None)
    return rows.select_related("team", "project").first()


def resolve(question: dict[str, Any]) -> dict[str, Any] | None:
    """The target of a content host."""
    label = str(question["label"])
    if label.startswith(DATA):
        return _files_of_dataset(label)
    notebook = _notebook(label)
    if notebook is None:
        return None
    frame = f"frame-ancestors 'self' {options().platform_url}"  # JupyterLab frames pages of its own too
    if label.startswith(DOCUMENT):
        return _pages(label, notebook.label)
    run = live_run(notebook)
    if run is None or State(run.state) != State.RUNNING or not run.interactive or not run.endpoint:
        return {
            "kind": "down",
            "message": "This session is not running. Start it from the notebook's page.",
            "ttl": 0.5,
        }
    service = spec_of(run).service
    return {
        "kind": "unix",
        "socket": run.endpoint,
        "headers": [["Authorization", f"token {service.token if service else ''}"]],
        "terminal": standing(notebook.team, now=clock.now()).rules.terminal,
        # A session is its members' own: it may load what they load, but only our pages may frame it.
        "content_security_policy": (
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: https:; "
            f"connect-src 'self' {_websocket_origin(label)} data: blob: https:; object-src 'none'; "
            f"base-uri 'self'; form-action 'self'; {frame}"
        ),
    }


def _files_of_dataset(label: str) -> dict[str, Any] | None:
    """The host of a dataset's files."""
    dataset = label.removeprefix(DATA)
    if not Dataset.objects.filter(pk=dataset, deleted_at=None).exists():
        return None
    return _pages(label, f"data/{dataset}")


def _pages(label: str, below: str) -> dict[str, Any]:
    """Pages without scripts, made by the web process."""
    return {
        "kind": "web",
        "path_prefix": f"/-/documents/{below}",
        "headers": [["X-Studium-Edge-Key", options().edge_key]],
        "content_security_policy": fenced.page_policy(options().content_url(label)),
    }


def _websocket_origin(label: str) -> str:
    return options().content_url(label).replace("http", "ws", 1)


def redeem(question: dict[str, Any]) -> dict[str, Any] | None:
    """Use up a ticket."""
    now = clock.now()
    ticket = use_ticket(str(question["ticket"]), str(question["label"]), now=now)
    if ticket is None:
        return None
    return {
        "label": ticket.label,
        "user": f"{ticket.user_id}.{ticket.pk}",
        "expires_at": (now + STAY_LIFE).timestamp(),
        "path": ticket.path,
    }


def allowed(question: dict[str, Any]) -> dict[str, Any] | None:
    """Whether a user may still enter: read for documents, change for sessions. Signing out ends it."""
    label = str(question["label"])
    entered = _ENTERED.fullmatch(str(question["user"]))
    notebook = None if label.startswith(DATA) else _notebook(label)
    if entered is None or (notebook is None and not label.startswith(DATA)):
        return None
    user = User.objects.filter(pk=int(entered[1]), is_active=True).first()
    if user is None or not stays(user.pk, int(entered[2])):
        return None
    if notebook is None:
        return {"allowed": visible_datasets(user).filter(pk=label.removeprefix(DATA)).exists()}
    if label.startswith(DOCUMENT):
        return {"allowed": visible_to(user).filter(pk=notebook.pk).exists()}
    return {"allowed": may_change(user, notebook)}


def activity(question: dict[str, Any]) -> dict[str, Any] | None:
    """Somebody ran a cell."""
    notebook = _notebook(str(question["label"]))
    run = live_run(notebook) if notebook else None
    if run is None:
        return None
    note_activity(run.pk, now=clock.now())
    return {}


def topics(question: dict[str, Any]) -> dict[str, Any] | None:
    """The event topics a page may follow: what it asks for, less what its user may not see."""
    user = _signed_in(str(question["cookie"]))
    if user is None:
        return None
    found = {"machines"}
    for name, value in parse_qsl(str(question["query"]))[:20]:
        try:
            found |= _topic(user, name, value)
        except Refused:
            continue
    return {"topics": sorted(found)}


def _topic(user: User, name: str, value: str) -> set[str]:
    if name == "run":
        return {f"run:{run_as(user, value).pk}"}
    if name == "notebook":
        return {f"notebook:{notebook_for(user, value).pk}"}
    if name == "team":
        return {f"team:{team_for(user, value).pk}"}
    if name == "home":
        return {f"team:{pk}" for pk in user.memberships.values_list("team_id", flat=True)[:200]}
    if name == "admin" and user.is_staff:
        return {"runs", "machines", "users", "plans"}
    raise NotFound("topic.unknown", "There is no such topic.", "")


def _signed_in(cookie_header: str) -> User | None:
    try:
        cookie = SimpleCookie(cookie_header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    if cookie is None:
        return None
    request = HttpRequest()
    request.session = SessionStore(cookie.value)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


urlpatterns = [
    path("resolve", _answers(resolve)),
    path("redeem", _answers(redeem)),
    path("allowed", _answers(allowed)),
    path("activity", _answers(activity)),
    path("topics", _answers(topics)),
]
