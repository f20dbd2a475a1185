"""Who may do what: every route of the OpenAPI document has a row here, and every row is tried by every sort of caller."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_rows import ADMINS, ALL, CHANGERS, PEOPLE, READERS, Parts, Row
from rest_rows_datasets import DATASETS
from rest_rows_providers import PROVIDERS
from rest_rows_storage import STORAGE
from rest_world import World, make_token

from factories.accounts import join, make_user
from factories.compute import make_run
from factories.notebooks import make_team_environment
from studium.accounts import actions as accounts
from studium.accounts.states import Role, Scope
from studium.api.site import api
from studium.community import actions as community
from studium.community.models import Notification
from studium.community.reports.actions import report
from studium.community.states import Why
from studium.compute.actions import stop_run
from studium.compute.states import State
from studium.lib import clock
from studium.lib.ids import new_id
from studium.notebooks.git import actions as git
from studium.notebooks.git.models import GitWork
from studium.notebooks.inputs import actions as inputs
from studium.notebooks.launching import place_of
from studium.notebooks.models import Schedule
from studium.notebooks.schedules import actions as schedules
from studium.notebooks.schedules.actions import Wanted
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import LaunchKind, SharedRole, Visibility
from studium.notebooks.subjects import subject_of
from studium.notebooks.webhooks import actions as webhooks
from studium.secrets import actions as secrets
from studium.secrets.access import Place

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def _team(world: World) -> Parts:
    return {"slug": world.cast.team.slug}


def _notebook(world: World) -> Parts:
    return {"notebook_id": world.notebook().pk}


def _session(world: World) -> Parts:
    notebook = world.notebook()
    world.run(notebook, kind=LaunchKind.SESSION)
    return {"notebook_id": notebook.pk}


def _run(world: World) -> Parts:
    return {"run_id": world.run().pk}


def _version(world: World) -> Parts:
    return {"notebook_id": world.version().notebook_id, "number": 1}


def _output_file(world: World) -> Parts:
    return {"notebook_id": world.run_version(files={"a.csv": b"1"}).notebook_id, "number": 1, "path": "a.csv"}


def _member(world: World) -> Parts:
    return {**_team(world), "username": join(world.cast.team, make_user()).username}


def _invitation(world: World) -> Parts:
    made, _ = accounts.invite(world.cast.owner, world.cast.team, Role.MEMBER, now=clock.now())
    return {**_team(world), "invitation_id": made.pk}


def _joining(world: World) -> Parts:
    _, secret = accounts.invite(world.cast.owner, world.cast.team, Role.READER, now=clock.now())
    return {"body": {"invitation": f"http://localhost:8000/join/{secret}/"}}


def _own_token(world: World) -> Parts:
    made, _ = accounts.create_token(world.cast.owner, "mine", [Scope.READ], now=clock.now(), expires_at=None)
    return {"token_id": made.pk}


def _someone(world: World) -> Parts:
    return {"username": make_user().username}


def _new_person(world: World) -> Parts:
    name = f"new{clock.now().timestamp():.6f}".replace(".", "")
    return {"body": {"username": name, "email": f"{name}@example.org"}}


def _secret(world: World) -> Parts:
    """A secret `TOKEN` of team, project and notebook, and everything that names them."""
    notebook = world.notebook()
    team = Place(world.cast.team)
    for place in (team, Place(world.cast.team, notebook.project), place_of(notebook)):
        secrets.set_secret(world.cast.owner, place, "TOKEN", "correct horse", now=clock.now())
    return {**_team(world), "project": "main", "notebook_id": notebook.pk, "name": "TOKEN"}


def _environment(world: World) -> Parts:
    """An environment of the team with one build."""
    made = make_team_environment(world.cast.owner, world.cast.team, name=f"Vision {new_id()}")
    return {**_team(world), "environment_id": made.pk, "number": 1}


_BAD_SOURCE = {"kind": "pyproject", "source": "["}


def _bad_environment(world: World) -> Parts:
    return {"body": {"title": "New", "team": world.cast.team.slug, **_BAD_SOURCE}}


def _schedule(world: World) -> Parts:
    notebook = world.notebook()
    made = schedules.create_schedule(world.cast.owner, notebook, Wanted(cron="30 7 * * *"), now=clock.now())
    return {"notebook_id": notebook.pk, "schedule_id": made.pk}


def _comment(world: World) -> Parts:
    """A comment by the teammate on a notebook of the owner."""
    notebook = world.notebook()
    said = community.comment(world.cast.teammate, subject_of(notebook), "Well", now=clock.now() - HOUR)
    return {"notebook_id": notebook.pk, "comment_id": said.pk}


def _public(world: World) -> Parts:
    return {"notebook_id": world.notebook(Visibility.PUBLIC).pk}


def _report(world: World) -> Parts:
    subject = subject_of(world.notebook(Visibility.PUBLIC))
    return {"report_id": report(world.cast.stranger, subject, Why.SPAM, "", now=clock.now()).pk}


def _told(world: World) -> Parts:
    """Something the owner was told."""
    community.comment(world.cast.teammate, subject_of(world.notebook()), "Well", now=clock.now() - HOUR)
    return {"notification_id": Notification.objects.filter(user=world.cast.owner).latest("pk").pk}


def _shared(world: World) -> Parts:
    """A notebook that is shared with somebody, and has a link."""
    notebook, person, now = world.notebook(), make_user(), clock.now()
    sharing.share(world.cast.owner, notebook, person, SharedRole.READER, now=now)
    link, _ = sharing.make_link(world.cast.owner, notebook, SharedRole.READER, now=now)
    return {"notebook_id": notebook.pk, "username": person.username, "link_id": link.pk}


def _with_somebody(world: World) -> Parts:
    return {**_notebook(world), "body": {"person": make_user().username}}


def _coming(world: World) -> Parts:
    _, secret = sharing.make_link(world.cast.owner, world.notebook(), SharedRole.READER, now=clock.now())
    return {"body": {"link": f"http://localhost:8000/shared/{secret}/"}}


def _input(world: World) -> Parts:
    """A notebook of the team, and another one whose files it reads."""
    notebook, source = world.notebook(), world.run_version(files={"a.csv": b"1"}).notebook
    inputs.add_input(world.cast.owner, notebook, source, now=clock.now(), number=1, name="data")
    return {"notebook_id": notebook.pk, "name": "data"}


def _new_input(world: World) -> Parts:
    source = world.run_version(files={"a.csv": b"1"}).notebook
    return {**_notebook(world), "body": {"source": source.pk, "version": 1}}


NOBODY = (403,) * 4  # only administrators, see `test_admin_routes`
_BOX: Callable[[World], Parts] = lambda world: {"name": "box"}  # noqa: E731
_OF_TEAM = "?team={slug}"
_VERSIONS = "/notebooks/{notebook_id}/versions"
_VERSION = f"{_VERSIONS}/{{number}}"
_COMMENTS = "/notebooks/{notebook_id}/comments"
_COMMENT = f"{_COMMENTS}/{{comment_id}}"


def _webhook(world: World) -> Parts:
    parts = _schedule(world)
    schedule = Schedule.objects.get(pk=parts["schedule_id"])
    webhooks.set_webhook(world.cast.owner, schedule, "https://hooks.example.org/", now=clock.now())
    return parts


def _git(world: World, state: str = "ready") -> Parts:
    """A notebook of the team from git, with its clone behind it."""
    wanted, now = git.Wanted(url="https://git.example.org/lab/churn.git"), clock.now()
    project = world.cast.team.projects.get(slug="main")
    made = git.create_from_git(world.cast.owner, project, wanted, now=now, visibility=Visibility.TEAM)
    work = GitWork.objects.get(repository__notebook=made)
    stop_run(None, work.run, now=now)
    GitWork.objects.filter(pk=work.pk).update(state="done")
    made.repository.__class__.objects.filter(notebook=made).update(state=state, candidates=["a.ipynb"])
    return {"notebook_id": made.pk, "work_id": work.pk}


def _failed_git(world: World) -> Parts:
    return _git(world, "failed")


def _choosing_git(world: World) -> Parts:
    return _git(world, "choosing")


_GIT = "/notebooks/{notebook_id}/git"
_SCHEDULES = "/notebooks/{notebook_id}/schedules"
_SHARES, _LINKS = "/notebooks/{notebook_id}/shares", "/notebooks/{notebook_id}/links"
_SCHEDULE = f"{_SCHEDULES}/{{schedule_id}}"
TABLE: dict[tuple[str, str], Row] = {
    ("get", "/me"): Row(Scope.READ, ALL),
    ("get", "/machines"): Row(Scope.READ, ALL),
    ("get", "/machines/types"): Row(Scope.READ, READERS, _team, query=_OF_TEAM),
    ("get", "/queue"): Row(Scope.READ, ALL),
    ("get", "/notebooks"): Row(Scope.READ, READERS, _team, query=_OF_TEAM),
    ("post", "/notebooks"): Row(
        Scope.WRITE, (404, 403, 201, 201), lambda w: {"body": {"title": "New", "team": w.cast.team.slug}}
    ),
    ("post", "/notebooks/upload"): Row(
        Scope.WRITE, (400,) * 4, more={"content_type": "multipart/form-data; boundary=x"}
    ),
    ("get", "/notebooks/{notebook_id}"): Row(Scope.READ, READERS, _notebook),
    ("patch", "/notebooks/{notebook_id}"): Row(Scope.WRITE, CHANGERS, _notebook, {"title": "Other"}),
    ("delete", "/notebooks/{notebook_id}"): Row(Scope.WRITE, (404, 403, 204, 204), _notebook),
    ("get", "/notebooks/{notebook_id}/inputs"): Row(Scope.READ, READERS, _input),
    ("post", "/notebooks/{notebook_id}/inputs"): Row(Scope.WRITE, (404, 403, 201, 201), _new_input),
    ("patch", "/notebooks/{notebook_id}/inputs/{name}"): Row(Scope.WRITE, CHANGERS, _input, {"version": 1}),
    ("delete", "/notebooks/{notebook_id}/inputs/{name}"): Row(Scope.WRITE, (404, 403, 204, 204), _input),
    ("get", f"{_VERSION}/inputs"): Row(Scope.READ, READERS, _version),
    ("get", "/notebooks/{notebook_id}/content"): Row(Scope.READ, READERS, _notebook),
    ("put", "/notebooks/{notebook_id}/content"): Row(Scope.WRITE, (404, 403, 400, 400), _notebook),
    ("get", "/notebooks/{notebook_id}/estimate"): Row(Scope.READ, CHANGERS, _notebook),
    ("post", "/notebooks/{notebook_id}/start"): Row(Scope.WRITE, (404, 403, 201, 201), _notebook, {"kind": "session"}),
    ("post", "/notebooks/{notebook_id}/stop"): Row(Scope.WRITE, CHANGERS, _session, {}),
    ("post", "/notebooks/{notebook_id}/extend"): Row(Scope.WRITE, CHANGERS, _session, {}),
    ("post", "/notebooks/{notebook_id}/change-machine"): Row(Scope.WRITE, CHANGERS, _session, {"machine": "cpu-small"}),
    ("post", "/notebooks/{notebook_id}/open"): Row(Scope.WRITE, CHANGERS, _session, {}),
    ("get", _VERSIONS): Row(Scope.READ, READERS, _notebook),
    ("post", _VERSIONS): Row(Scope.WRITE, (404, 403, 201, 201), _notebook, {"run": True}),
    ("get", _VERSION): Row(Scope.READ, READERS, _version),
    ("patch", _VERSION): Row(Scope.WRITE, CHANGERS, _version, {"pinned": True}),
    ("get", f"{_VERSION}/content"): Row(Scope.READ, READERS, _version),
    ("get", f"{_VERSION}/log"): Row(Scope.READ, READERS, _output_file),
    ("get", f"{_VERSION}/files"): Row(Scope.READ, READERS, _version),
    ("get", f"{_VERSION}/files/{{path}}"): Row(Scope.READ, READERS, _output_file),
    ("post", f"{_VERSION}/restore"): Row(Scope.WRITE, CHANGERS, _version, {}),
    ("post", f"{_VERSION}/run"): Row(Scope.WRITE, (404, 403, 201, 201), _version, {}),
    ("get", "/notebooks/{notebook_id}/compare"): Row(Scope.READ, READERS, _version, query="?left=1&right=1"),
    ("post", "/notebooks/{notebook_id}/fork"): Row(Scope.WRITE, (404, 201, 201, 201), _notebook, {}),
    ("get", _SCHEDULES): Row(Scope.READ, READERS, _schedule),
    ("post", _SCHEDULES): Row(Scope.WRITE, (404, 403, 201, 201), _notebook, {"cron": "30 7 * * *"}),
    ("get", _SCHEDULE): Row(Scope.READ, READERS, _schedule),
    ("patch", _SCHEDULE): Row(Scope.WRITE, CHANGERS, _schedule, {"retries": 1}),
    ("delete", _SCHEDULE): Row(Scope.WRITE, (404, 403, 204, 204), _schedule),
    ("post", f"{_SCHEDULE}/pause"): Row(Scope.WRITE, CHANGERS, _schedule, {}),
    ("post", f"{_SCHEDULE}/resume"): Row(Scope.WRITE, CHANGERS, _schedule, {}),
    ("post", "/notebooks/from-git"): Row(
        Scope.WRITE,
        (404, 403, 201, 201),
        lambda w: {"body": {"url": "https://git.example.org/x.git", "team": w.cast.team.slug}},
    ),
    ("get", _GIT): Row(Scope.READ, READERS, _git),
    ("patch", _GIT): Row(Scope.WRITE, CHANGERS, _git, {"username": "ada"}),
    ("post", f"{_GIT}/clone"): Row(
        Scope.WRITE, (404, 403, 201, 201), _failed_git, {"url": "https://git.example.org/x.git"}
    ),
    ("post", f"{_GIT}/choose"): Row(Scope.WRITE, CHANGERS, _choosing_git, {"path": "a.ipynb"}),
    ("post", f"{_GIT}/check"): Row(Scope.WRITE, (404, 403, 201, 201), _git, {}),
    ("post", f"{_GIT}/pull"): Row(Scope.WRITE, (404, 403, 201, 201), _git, {}),
    ("post", f"{_GIT}/push"): Row(Scope.WRITE, (404, 403, 201, 201), _git, {"message": "why"}),
    ("get", f"{_GIT}/work"): Row(Scope.READ, READERS, _git),
    ("get", f"{_GIT}/work/{{work_id}}"): Row(Scope.READ, READERS, _git),
    ("get", f"{_SCHEDULE}/turns"): Row(Scope.READ, READERS, _schedule),
    ("get", _COMMENTS): Row(Scope.READ, READERS, _comment),
    ("post", _COMMENTS): Row(Scope.WRITE, (404, 201, 201, 201), _notebook, {"text": "Well"}),
    ("patch", _COMMENT): Row(Scope.WRITE, (404, 403, 200, 403), _comment, {"text": "Better"}),
    ("delete", _COMMENT): Row(Scope.WRITE, (404, 403, 204, 403), _comment),
    ("post", f"{_COMMENT}/hide"): Row(Scope.WRITE, ADMINS, _comment, {"reason": "Spam"}),
    ("post", f"{_COMMENT}/unhide"): Row(Scope.WRITE, ADMINS, _comment, {}),
    ("post", f"{_COMMENT}/vote"): Row(Scope.WRITE, (404, 200, 422, 200), _comment, {}),
    ("post", f"{_COMMENT}/unvote"): Row(Scope.WRITE, READERS, _comment, {}),
    ("post", "/notebooks/{notebook_id}/vote"): Row(Scope.WRITE, (404, 200, 200, 422), _notebook, {}),
    ("post", "/notebooks/{notebook_id}/unvote"): Row(Scope.WRITE, READERS, _notebook, {}),
    ("post", "/notebooks/{notebook_id}/bookmark"): Row(Scope.WRITE, READERS, _notebook, {}),
    ("post", "/notebooks/{notebook_id}/report"): Row(Scope.WRITE, (201, 422, 422, 422), _public, {"why": "spam"}),
    ("get", "/people/{username}"): Row(Scope.READ, ALL, lambda world: {"username": world.cast.owner.username}),
    ("get", "/me/page"): Row(Scope.READ, ALL),
    ("patch", "/me/page"): Row(Scope.WRITE, ALL, body={"bio": "Me"}),
    ("get", "/bookmarks"): Row(Scope.READ, ALL),
    ("delete", "/bookmarks/{notebook_id}"): Row(Scope.WRITE, (204,) * 4, _notebook),
    ("get", "/notifications"): Row(Scope.READ, ALL),
    ("post", "/notifications/read"): Row(Scope.WRITE, ALL, body={}),
    ("post", "/notifications/{notification_id}/read"): Row(Scope.WRITE, (404, 404, 404, 200), _told, {}),
    ("get", _SHARES): Row(Scope.READ, CHANGERS, _shared),
    ("post", _SHARES): Row(Scope.WRITE, CHANGERS, _with_somebody),
    ("delete", f"{_SHARES}/{{username}}"): Row(Scope.WRITE, (404, 403, 204, 204), _shared),
    ("post", _LINKS): Row(Scope.WRITE, (404, 403, 201, 201), _notebook, {}),
    ("delete", f"{_LINKS}/{{link_id}}"): Row(Scope.WRITE, (404, 403, 204, 204), _shared),
    ("post", "/shared"): Row(Scope.WRITE, ALL, _coming),
    ("get", "/search"): Row(Scope.READ, ALL, query="?q=churn"),
    ("get", "/tags"): Row(Scope.READ, ALL),
    ("post", "/notebooks/{notebook_id}/tags"): Row(Scope.WRITE, CHANGERS, _notebook, {"add": ["churn"]}),
    ("get", f"{_SCHEDULE}/webhook"): Row(Scope.READ, READERS, _webhook),
    ("put", f"{_SCHEDULE}/webhook"): Row(Scope.WRITE, CHANGERS, _schedule, {"url": "https://hooks.example.org/"}),
    ("delete", f"{_SCHEDULE}/webhook"): Row(Scope.WRITE, (404, 403, 204, 204), _webhook),
    ("post", f"{_SCHEDULE}/webhook/test"): Row(Scope.WRITE, (404, 403, 201, 201), _webhook, {}),
    ("get", f"{_SCHEDULE}/webhook/deliveries"): Row(Scope.READ, READERS, _webhook),
    ("get", "/runs"): Row(Scope.READ, READERS, _team, query=_OF_TEAM),
    ("get", "/runs/{run_id}"): Row(Scope.READ, READERS, _run),
    ("get", "/runs/{run_id}/log"): Row(Scope.READ, READERS, _run),
    ("get", "/runs/{run_id}/log/search"): Row(Scope.READ, READERS, _run, query="?text=x"),
    ("get", "/runs/{run_id}/use"): Row(Scope.READ, READERS, _run),
    ("post", "/runs/{run_id}/stop"): Row(Scope.WRITE, CHANGERS, _run, {}),
    ("get", "/runs/{run_id}/document"): Row(Scope.READ, READERS, _run),
    ("get", "/usage"): Row(Scope.READ, READERS, _team, query=_OF_TEAM),
    ("get", "/plans"): Row(Scope.READ, ALL),
    ("get", "/plans/sets"): Row(Scope.READ, ALL),
    ("get", "/plans/{slug}"): Row(Scope.READ, ALL, lambda world: {"slug": "open"}),
    ("post", "/plans/load"): Row(Scope.ADMIN, NOBODY, body={"names": ["open"]}),
    ("post", "/plans/assign"): Row(Scope.ADMIN, NOBODY, lambda w: {"body": {"team": w.cast.team.slug, "plan": "open"}}),
    ("get", "/teams"): Row(Scope.READ, ALL),
    ("post", "/teams"): Row(Scope.TEAM, (201,) * 4, body={"name": "Another"}),
    ("post", "/teams/join"): Row(Scope.TEAM, ALL, _joining),
    ("get", "/teams/{slug}"): Row(Scope.READ, READERS, _team),
    ("get", "/teams/{slug}/members"): Row(Scope.READ, READERS, _team),
    ("put", "/teams/{slug}/members/{username}"): Row(Scope.TEAM, ADMINS, _member, {"role": "reader"}),
    ("delete", "/teams/{slug}/members/{username}"): Row(Scope.TEAM, (404, 403, 403, 204), _member),
    ("post", "/teams/{slug}/leave"): Row(Scope.TEAM, (404, 204, 204, 422), _team, {}),
    ("get", "/teams/{slug}/invitations"): Row(Scope.TEAM, ADMINS, _team),
    ("post", "/teams/{slug}/invitations"): Row(Scope.TEAM, (404, 403, 403, 201), _team, {"role": "member"}),
    ("delete", "/teams/{slug}/invitations/{invitation_id}"): Row(Scope.TEAM, (404, 403, 403, 204), _invitation),
    ("get", "/teams/{slug}/projects"): Row(Scope.READ, READERS, _team),
    ("post", "/teams/{slug}/projects"): Row(
        Scope.TEAM, (404, 403, 201, 201), lambda w: {**_team(w), "body": {"name": f"P {clock.now().timestamp()}"}}
    ),
    ("get", "/environments"): Row(Scope.READ, READERS, _environment, query=_OF_TEAM),
    ("post", "/environments"): Row(Scope.TEAM, (404, 403, 400, 400), _bad_environment),
    ("get", "/environments/{environment_id}"): Row(Scope.READ, READERS, _environment),
    ("patch", "/environments/{environment_id}"): Row(Scope.TEAM, CHANGERS, _environment, {"title": "Other"}),
    ("delete", "/environments/{environment_id}"): Row(Scope.TEAM, (404, 403, 204, 204), _environment),
    ("get", "/environments/{environment_id}/builds"): Row(Scope.READ, READERS, _environment),
    ("post", "/environments/{environment_id}/builds"): Row(Scope.TEAM, (404, 403, 400, 400), _environment, _BAD_SOURCE),
    ("get", "/environments/{environment_id}/builds/{number}"): Row(Scope.READ, READERS, _environment),
    ("get", "/environments/{environment_id}/builds/{number}/lock"): Row(Scope.READ, READERS, _environment),
    ("get", "/teams/{slug}/secrets"): Row(Scope.READ, CHANGERS, _secret),
    ("put", "/teams/{slug}/secrets/{name}"): Row(Scope.TEAM, CHANGERS, _secret, {"value": "v"}),
    ("delete", "/teams/{slug}/secrets/{name}"): Row(Scope.TEAM, (404, 403, 204, 204), _secret),
    ("get", "/teams/{slug}/projects/{project}/secrets"): Row(Scope.READ, CHANGERS, _secret),
    ("put", "/teams/{slug}/projects/{project}/secrets/{name}"): Row(Scope.TEAM, CHANGERS, _secret, {"value": "v"}),
    ("delete", "/teams/{slug}/projects/{project}/secrets/{name}"): Row(Scope.TEAM, (404, 403, 204, 204), _secret),
    ("get", "/notebooks/{notebook_id}/secrets"): Row(Scope.READ, CHANGERS, _secret),
    ("put", "/notebooks/{notebook_id}/secrets/{name}"): Row(Scope.WRITE, CHANGERS, _secret, {"value": "v"}),
    ("delete", "/notebooks/{notebook_id}/secrets/{name}"): Row(Scope.WRITE, (404, 403, 204, 204), _secret),
    ("post", "/notebooks/{notebook_id}/secrets/{name}/attach"): Row(Scope.WRITE, CHANGERS, _secret, {}),
    ("post", "/notebooks/{notebook_id}/secrets/{name}/detach"): Row(Scope.WRITE, CHANGERS, _secret, {}),
    ("get", "/tokens"): Row(Scope.TEAM, ALL),
    ("post", "/tokens"): Row(Scope.TEAM, (201,) * 4, body={"name": "t", "scopes": ["read"], "expires_in_days": 1}),
    ("delete", "/tokens/{token_id}"): Row(Scope.TEAM, (404, 404, 404, 204), _own_token),
    ("get", "/admin/users"): Row(Scope.ADMIN, NOBODY),
    ("post", "/admin/users"): Row(Scope.ADMIN, NOBODY, _new_person),
    ("post", "/admin/users/{username}/login-link"): Row(Scope.ADMIN, NOBODY, _someone, {}),
    ("post", "/admin/users/{username}/deactivate"): Row(Scope.ADMIN, NOBODY, _someone, {}),
    ("post", "/admin/users/{username}/activate"): Row(Scope.ADMIN, NOBODY, _someone, {}),
    ("post", "/admin/users/{username}/operator"): Row(Scope.ADMIN, NOBODY, _someone, {"operator": True}),
    ("get", "/admin/machines"): Row(Scope.ADMIN, NOBODY),
    ("post", "/admin/machines/{name}/drain"): Row(Scope.ADMIN, NOBODY, _BOX, {}),
    ("post", "/admin/machines/{name}/open"): Row(Scope.ADMIN, NOBODY, _BOX, {}),
    ("get", "/admin/runs"): Row(Scope.ADMIN, NOBODY),
    ("post", "/admin/runs/{run_id}/stop"): Row(Scope.ADMIN, NOBODY, _run, {}),
    ("get", "/admin/events"): Row(Scope.ADMIN, NOBODY),
    ("get", "/admin/checks"): Row(Scope.ADMIN, NOBODY),
    ("get", "/admin/reports"): Row(Scope.ADMIN, NOBODY),
    ("post", "/admin/reports/{report_id}/dismiss"): Row(Scope.ADMIN, NOBODY, _report, {"answer": "Fine"}),
    ("get", "/admin/takedowns"): Row(Scope.ADMIN, NOBODY),
    ("post", "/admin/notebooks/{notebook_id}/takedown"): Row(Scope.ADMIN, NOBODY, _public, {"reason": "Spam"}),
    ("post", "/admin/notebooks/{notebook_id}/restore"): Row(Scope.ADMIN, NOBODY, _public, {}),
    **DATASETS,
    **STORAGE,
    **PROVIDERS,
}
ROWS = [pytest.param(method, path, row, id=f"{method} {path}") for (method, path), row in TABLE.items()]
ADMIN_ROWS = [param for param in ROWS if param.values[2].scope == Scope.ADMIN]


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    document = api.get_openapi_schema(path_prefix="")
    routes = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert routes == set(TABLE)


def ask(world: World, method: str, path: str, row: Row, **who: Any) -> int:
    """The status of one call, with everything the row needs made for it."""
    parts = dict(row.make(world))
    body = parts.pop("body", row.body)
    more = {**row.more, **who}
    if method in ("get", "delete") or row.more:
        body = None
    return world.call(
        more.pop("user", None), method.upper(), (path + row.query).format(**parts), body, **more
    ).status_code


@pytest.mark.parametrize(("method", "path", "row"), ROWS)
def test_people_get_what_is_theirs(world: World, method: str, path: str, row: Row) -> None:
    found = tuple(ask(world, method, path, row, user=getattr(world.cast, name)) for name in PEOPLE)
    assert found == row.statuses, dict(zip(PEOPLE, found, strict=True))


@pytest.mark.parametrize(("method", "path", "row"), ROWS)
def test_nobody_without_a_good_token(world: World, method: str, path: str, row: Row) -> None:
    assert ask(world, method, path, row) == 401
    assert ask(world, method, path, row, token="studium_wrong") == 401


@pytest.mark.parametrize(("method", "path", "row"), [param for param in ROWS if param.values[2].scope != Scope.READ])
def test_a_token_without_the_scope_is_refused(world: World, method: str, path: str, row: Row) -> None:
    others = [scope for scope in Scope if scope != row.scope]
    token = make_token(world.cast.operator, others)
    response = world.json(None, method.upper(), path.format_map(_Anything()), None, status=403, token=token, **row.more)
    assert response["code"] == "auth.scope_missing"
    assert str(row.scope) in response["message"]


class _Anything(dict[str, str]):
    """Fills a path with a value that exists nowhere: the scope is looked at first."""

    def __missing__(self, key: str) -> str:
        return "1"


@pytest.mark.parametrize(("method", "path", "row"), ADMIN_ROWS)
def test_admin_routes(world: World, method: str, path: str, row: Row) -> None:
    assert ask(world, method, path, row, user=world.cast.operator) in (200, 201)


@pytest.mark.parametrize(("method", "path", "row"), ADMIN_ROWS)
def test_admin_routes_are_not_there_for_the_session_of_a_member(
    world: World, client: Any, method: str, path: str, row: Row
) -> None:
    """A session has every scope; being an administrator is asked for beyond that."""
    client.force_login(world.cast.owner)
    parts = dict(row.make(world))
    body = parts.pop("body", row.body)
    answer = client.generic(method.upper(), f"/rest{path.format(**parts)}", json.dumps(body), "application/json")
    assert answer.status_code == 404
    assert answer.json()["code"] == "page.unknown"


def test_a_reader_stops_no_run_whatever_it_was_started_for(world: World) -> None:
    run = make_run(world.cast.owner, world.cast.team, now=clock.now())
    assert world.call(world.cast.reader, "POST", f"/runs/{run.pk}/stop", {}).status_code == 403
    assert world.call(world.cast.teammate, "POST", f"/runs/{run.pk}/stop", {}).status_code == 200


def test_an_administrators_plain_token_sees_what_a_member_sees(world: World) -> None:
    run = world.run()
    plain = make_token(world.cast.operator, [Scope.READ, Scope.WRITE])
    assert world.call(None, "GET", f"/runs/{run.pk}", token=plain).status_code == 404
    assert world.call(None, "POST", f"/runs/{run.pk}/stop", {}, token=plain).status_code == 404
    assert world.call(world.cast.operator, "GET", f"/runs/{run.pk}").status_code == 200
    run.refresh_from_db()
    assert run.state == State.RUNNING


def test_teammates_see_nothing_of_a_private_notebook_or_its_runs(world: World) -> None:
    from studium.notebooks.states import Visibility

    notebook = world.notebook(Visibility.PRIVATE)
    run = world.run(notebook)
    of_run = [f"/runs/{run.pk}{rest}" for rest in ("", "/log", "/log/search?text=x", "/use", "/document")]
    for path in (f"/notebooks/{notebook.pk}", *of_run):
        assert world.call(world.cast.teammate, "GET", path).status_code == 404, path
        assert world.call(world.cast.owner, "GET", path).status_code == 200, path
    assert world.json(world.cast.teammate, "GET", "/runs")["items"] == []
    assert world.json(world.cast.teammate, "GET", "/notebooks")["items"] == []
    assert world.call(world.cast.teammate, "POST", f"/runs/{run.pk}/stop", {}).status_code == 404


def test_a_session_needs_the_csrf_token_for_changes(world: World) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.cast.owner)
    answer = browser.post("/rest/teams", {"name": "By browser"}, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["code"] == "auth.csrf"


def test_a_deactivated_persons_token_is_good_for_nothing(world: World) -> None:
    token = world.token(world.cast.teammate)
    accounts.set_active(world.cast.operator, world.cast.teammate, False, now=clock.now())
    assert world.call(None, "GET", "/me", token=token).status_code == 401


def test_a_public_notebook_tells_strangers_nothing_of_its_runs(world: World) -> None:
    notebook = world.notebook(Visibility.PUBLIC)
    run = world.run(notebook)
    for path in (f"/notebooks/{notebook.pk}", "/notebooks?which=public"):
        for who, sees in (("owner", True), ("reader", True), ("stranger", False)):
            told = world.call(getattr(world.cast, who), "GET", path)
            assert (told.status_code, run.pk in told.content.decode()) == (200, sees)
