"""Notebooks from git: make one, choose its notebook, check, pull, push, and how that went."""

from ninja import Router, Status

from studium.accounts.access import project_for
from studium.accounts.models import User
from studium.accounts.states import Role, Scope
from studium.api.auth import ApiRequest, allow
from studium.api.machines import team_named
from studium.api.paging import Cursor, Limit, page
from studium.api.present import show_notebook
from studium.api.shapes.base import Page
from studium.api.shapes.git import (
    GitChoice,
    GitCredentials,
    GitFields,
    GitPull,
    GitPush,
    GitShape,
    GitWorkShape,
    NewGitNotebook,
)
from studium.api.shapes.notebooks import NotebookShape
from studium.compute.actions import find_machine_type
from studium.errors import Forbidden
from studium.lib import clock
from studium.notebooks.access import may_see_runs, notebook_for
from studium.notebooks.git import actions, queries
from studium.notebooks.git.models import Repository

router = Router(tags=["git"])
_GIT = "/{notebook_id}/git"


def _seen(user: User, notebook_id: str) -> Repository:
    notebook = notebook_for(user, notebook_id)
    if not may_see_runs(user, notebook):
        raise Forbidden(
            "git.of_team", "Where a notebook comes from is for its team to read.", "Read the notebook, or copy it."
        )
    return queries.require_repository(notebook)


def _to_change(user: User, notebook_id: str) -> Repository:
    return queries.require_repository(notebook_for(user, notebook_id, manage=True))


@router.post(
    "/from-git", response={201: NotebookShape}, auth=allow(Scope.WRITE), summary="Make a notebook from a git repository"
)
def create(request: ApiRequest, body: NewGitNotebook) -> Status[NotebookShape]:
    """Its workspace will be a clone, made by a run in the queue; `GET .../git` says how far it is."""
    user, now = request.auth.user, clock.now()
    project = project_for(user, team_named(user, body.team).slug, body.project, Role.MEMBER)
    made = actions.create_from_git(
        user,
        project,
        body.wanted(),
        now=now,
        title=body.title,
        visibility=body.visibility,
        internet=body.internet,
        machine_type=find_machine_type(body.machine_type).slug if body.machine_type else "",
    )
    return Status(201, show_notebook(user, made, now=now))


@router.get(_GIT, response=GitShape, auth=allow(Scope.READ), summary="How a notebook from git stands")
def repository(request: ApiRequest, notebook_id: str) -> GitShape:
    """For those who may see the team's runs; 404 for a notebook that is not from git."""
    return GitShape.of(_seen(request.auth.user, notebook_id))


@router.patch(_GIT, response=GitShape, auth=allow(Scope.WRITE), summary="Change the secret that git uses")
def credentials(request: ApiRequest, notebook_id: str, body: GitCredentials) -> GitShape:
    """From the next git run and session on."""
    user = request.auth.user
    found = _to_change(user, notebook_id)
    return GitShape.of(actions.change_credentials(user, found, body.secret, body.username, now=clock.now()))


@router.post(_GIT + "/clone", response={201: GitWorkShape}, auth=allow(Scope.WRITE), summary="Clone again")
def clone(request: ApiRequest, notebook_id: str, body: GitFields) -> Status[GitWorkShape]:
    """After a clone that failed, with what is asked for now. What stands in the workspace is removed first."""
    user = request.auth.user
    work = actions.clone_again(user, _to_change(user, notebook_id), body.wanted(), now=clock.now())
    return Status(201, GitWorkShape.of(work))


@router.post(_GIT + "/choose", response=GitShape, auth=allow(Scope.WRITE), summary="Choose the notebook")
def choose(request: ApiRequest, notebook_id: str, body: GitChoice) -> GitShape:
    """Which of `candidates` it is; without a path, a blank one in a repository that has none."""
    user, now = request.auth.user, clock.now()
    found = _to_change(user, notebook_id)
    if body.path:
        return GitShape.of(actions.choose(user, found, body.path, now=now))
    return GitShape.of(actions.begin_blank(user, found, now=now))


@router.post(_GIT + "/check", response={201: GitWorkShape}, auth=allow(Scope.WRITE), summary="Look at the server")
def check(request: ApiRequest, notebook_id: str) -> Status[GitWorkShape]:
    """Have a run fetch what is new, and count; the files of the workspace stay as they are."""
    user = request.auth.user
    return Status(201, GitWorkShape.of(actions.check_remote(user, _to_change(user, notebook_id), now=clock.now())))


@router.post(_GIT + "/pull", response={201: GitWorkShape}, auth=allow(Scope.WRITE), summary="Pull")
def pull(request: ApiRequest, notebook_id: str, body: GitPull) -> Status[GitWorkShape]:
    """Have a run go forward to the server's commits. Where that would lose anything it changes nothing and says so."""
    user = request.auth.user
    work = actions.pull(user, _to_change(user, notebook_id), now=clock.now(), keep=body.keep)
    return Status(201, GitWorkShape.of(work))


@router.post(_GIT + "/push", response={201: GitWorkShape}, auth=allow(Scope.WRITE), summary="Push")
def push(request: ApiRequest, notebook_id: str, body: GitPush) -> Status[GitWorkShape]:
    """Have a run commit what was changed, as you, and send it to the branch. Never by force."""
    user = request.auth.user
    work = actions.push(user, _to_change(user, notebook_id), body.message, now=clock.now(), branch=body.branch)
    return Status(201, GitWorkShape.of(work))


@router.get(_GIT + "/work", response=Page[GitWorkShape], auth=allow(Scope.READ), summary="What was done with git")
def all_work(request: ApiRequest, notebook_id: str, cursor: Cursor = "", limit: Limit = 50) -> Page[GitWorkShape]:
    """Clones, checks, pulls and pushes, newest first."""
    rows = queries.work_of(_seen(request.auth.user, notebook_id))
    found, following = page(rows, cursor, limit, "created_at", lambda row: row.created_at)
    return Page(items=[GitWorkShape.of(row) for row in found], next_cursor=following)


@router.get(_GIT + "/work/{work_id}", response=GitWorkShape, auth=allow(Scope.READ), summary="One piece of git work")
def work(request: ApiRequest, notebook_id: str, work_id: str) -> GitWorkShape:
    """How it goes or went."""
    return GitWorkShape.of(queries.one_work(_seen(request.auth.user, notebook_id), work_id))
