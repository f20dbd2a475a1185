"""Every change people make to notebooks from git. The actor comes first; notebooks were fetched as them with `manage=True`."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from studium.accounts.access import require
from studium.accounts.models import Project, User
from studium.accounts.states import Role
from studium.compute import actions as compute
from studium.compute.errors import owner_busy
from studium.compute.spec import RunSpec
from studium.errors import BadInput, NotYet
from studium.events.actions import hint, record
from studium.lib.ids import new_id
from studium.notebooks import actions as notebooks
from studium.notebooks.git.launching import build_git_spec, longest_seconds, place_of, smallest_machine
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.naming import Wanted, check, check_message, title_of
from studium.notebooks.git.queries import require_ready, work_of
from studium.notebooks.git.states import CLONED_MOVES, Cloned, Verb
from studium.notebooks.launching import OWNER_KIND, disk_bytes
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.snapshots.queries import require_free
from studium.notebooks.states import LaunchKind, Visibility
from studium.outbound.repositories import check_ref
from studium.plans import checks
from studium.plans import queries as plans
from studium.plans.queries import Standing
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.secrets.errors import unknown as unknown_secret
from studium.secrets.queries import own


def create_from_git(
    actor: User,
    project: Project,
    wanted: Wanted,
    *,
    now: datetime,
    title: str = "",
    visibility: Visibility | None = None,
    internet: bool = False,
    machine_type: str = "",
) -> Notebook:
    """A notebook whose workspace will be a clone; the run that makes it so is in the queue when this returns.

    Raises BadInput and Refused for what may not be asked for, and all that starting a run can raise: then nothing is made.
    """
    require(actor, project.team, Role.MEMBER)
    plain, target = check(wanted)
    _check_secret(project, plain.secret)
    checks.check_internet(plans.standing(project.team, now=now).plan)
    made = notebooks.create_notebook(
        actor,
        project,
        title.strip() or title_of(target),
        now=now,
        visibility=visibility,
        internet=internet,
        machine_type=machine_type,
    )
    try:
        with transaction.atomic():
            repository = Repository.objects.create(notebook=made, **_fields(plain))
            _attach(actor, repository, now)
            _submit(actor, repository, Verb.CLONE, {}, now=now)
            _recorded("git.cloning", actor, repository, now=now)
    except Exception:
        notebooks.unmake(made)
        raise
    return made


def clone_again(actor: User, repository: Repository, wanted: Wanted, *, now: datetime) -> GitWork:
    """Try a clone that failed once more, with what is to be different. Raises NotYet for one that did not fail."""
    plain, _ = check(wanted)
    _check_secret(repository.notebook.project, plain.secret)
    with transaction.atomic():
        _move(repository, Cloned.CLONING, code="", trouble="", **_fields(plain))
        _attach(actor, repository, now)
        work = _submit(actor, repository, Verb.CLONE, {}, now=now)
        _recorded("git.cloning", actor, repository, now=now)
    return work


def change_credentials(actor: User, repository: Repository, secret: str, username: str, *, now: datetime) -> Repository:
    """Use another secret from the next git run and session on; none with an empty name."""
    plain, _ = check(replace(asked_of(repository), secret=secret, username=username))
    _check_secret(repository.notebook.project, plain.secret)
    with transaction.atomic():
        Repository.objects.filter(pk=repository.pk).update(secret=plain.secret, username=plain.username)
        repository.refresh_from_db()
        _attach(actor, repository, now)
        _recorded("git.credentials", actor, repository, now=now)
    return repository


def choose(actor: User, repository: Repository, path: str, *, now: datetime) -> Repository:
    """Which of the repository's notebooks this one is. It is read from the workspace a moment later."""
    if Cloned(repository.state) != Cloned.CHOOSING:
        raise NotYet("git.not_choosing", "There is nothing to choose.", "A notebook's own file stays what it is.")
    if path not in repository.candidates:
        raise BadInput("git.path", f"The repository has no notebook {path[:200]!r}.", "Choose one of those listed.")
    with transaction.atomic():
        _move(repository, Cloned.TAKING, path=path, code="", trouble="")
        _recorded("git.chosen", actor, repository, now=now)
    return repository


def begin_blank(actor: User, repository: Repository, *, now: datetime) -> Repository:
    """Begin a blank notebook in a repository that has none. It is in the workspace from the next start on."""
    if Cloned(repository.state) != Cloned.NONE:
        raise NotYet("git.not_none", "The repository is not without a notebook.", "Choose one of those it has.")
    with transaction.atomic():
        _move(repository, Cloned.READY)
        _recorded("git.begun", actor, repository, now=now)
    return repository


def check_remote(actor: User, repository: Repository, *, now: datetime) -> GitWork:
    """Have it looked how workspace and server stand to each other."""
    return _work(actor, repository, Verb.CHECK, {}, now=now)


def pull(actor: User, repository: Repository, *, now: datetime, keep: bool = False) -> GitWork:
    """Bring the server's commits. Where files were changed here and there nothing happens, or with `keep` ours get other names."""
    return _work(actor, repository, Verb.PULL, {"keep": keep}, now=now)


def push(actor: User, repository: Repository, message: str, *, now: datetime, branch: str = "") -> GitWork:
    """Commit what was changed as the actor and send it to the branch, or to another one. Never by force."""
    asked = {"message": check_message(message), "branch": check_ref(branch)}
    return _work(actor, repository, Verb.PUSH, asked, now=now)


def asked_of(repository: Repository) -> Wanted:
    """What the repository was asked for, to ask for again."""
    names = ("url", "ref", "path", "secret", "username", "submodules", "depth")
    return Wanted(**{name: getattr(repository, name) for name in names})


def _fields(wanted: Wanted) -> dict[str, Any]:
    return {
        "url": wanted.url, "ref": wanted.ref, "path": wanted.path, "secret": wanted.secret, "username": wanted.username,
        "submodules": wanted.submodules, "depth": wanted.depth,
    }  # fmt: skip


def _check_secret(project: Project, name: str) -> None:
    """Raises NotFound where neither project nor team has such a secret."""
    places = (Place(project.team, project), Place(project.team))
    if name and not any(own(place).filter(name=name).exists() for place in places):
        raise unknown_secret(name)


def _attach(actor: User, repository: Repository, now: datetime) -> None:
    """The git runs are given this secret and no other."""
    place = place_of(repository)
    secrets.forget_holder(place.holder)
    if repository.secret:
        secrets.attach(actor, place, repository.secret, now=now)


def _move(repository: Repository, to: Cloned, **changes: Any) -> None:
    """Move by compare-and-set. Raises NotYet when somebody was quicker, or the move is none."""
    state = Cloned(repository.state)
    rows = Repository.objects.filter(pk=repository.pk, state=state)
    if to not in CLONED_MOVES[state] or not rows.update(state=to, **changes):
        raise NotYet(
            "git.state", "This is not possible as the repository stands now.", "Look at the notebook's page again."
        )
    repository.refresh_from_db()


def _work(actor: User, repository: Repository, verb: Verb, asked: dict[str, Any], *, now: datetime) -> GitWork:
    require_ready(repository.notebook)
    with transaction.atomic():
        work = _submit(actor, repository, verb, asked, now=now)
        _recorded(f"git.{verb}", actor, repository, now=now)
    return work


def _submit(actor: User, repository: Repository, verb: Verb, asked: dict[str, Any], *, now: datetime) -> GitWork:
    """The run in the queue and the work that it is for, in the caller's transaction."""
    notebook = repository.notebook
    if (run := notebooks.live_run(notebook)) is not None:
        if run.interactive:
            raise NotYet(
                "git.session", "A session has the workspace now.", "Use git in its terminal, or stop it first."
            )
        raise owner_busy(run.pk, run.state)
    if work_of(repository).filter(state="live").exists():
        raise NotYet("git.busy", "The git run before is just being taken over.", "Try again in a few seconds.")
    standing = plans.standing(notebook.team, now=now)
    checks.check_internet(standing.plan)
    work, run_id = new_id(), compute.new_run_id()
    spec = build_git_spec(repository, verb, asked, actor, work=work, run_id=run_id, disk=_disk(notebook, standing))
    _queue(actor, notebook, spec, verb, standing, now=now)
    made = GitWork.objects.create(
        pk=work, repository=repository, run_id=run_id, verb=verb, asked=asked, created_by=actor, created_at=now
    )
    hint([f"notebook:{notebook.pk}"])
    return made


def _disk(notebook: Notebook, standing: Standing) -> int:
    stored = stored_bytes(notebook.team)
    checks.check_team_storage(standing.plan, stored, 0)
    return disk_bytes(standing.plan, stored=stored, own=notebook.workspace_bytes)


def _queue(actor: User, notebook: Notebook, spec: RunSpec, verb: Verb, standing: Standing, *, now: datetime) -> None:
    machine = smallest_machine(standing)
    run = compute.submit_run(
        actor,
        notebook.team,
        machine,
        spec,
        title=f"{notebook.title}: git {verb}",
        owner_kind=OWNER_KIND,
        owner_id=notebook.pk,
        interactive=False,
        now=now,
        max_seconds=longest_seconds(standing, machine),
    )
    Launch.objects.create(run=run, notebook=notebook, kind=LaunchKind.GIT)
    require_free(notebook)


def _recorded(name: str, actor: User, repository: Repository, *, now: datetime) -> None:
    notebook = repository.notebook
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now)
